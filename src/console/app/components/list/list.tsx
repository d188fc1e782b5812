import { type ComponentChildren, Fragment, type HTMLAttributes } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import type { Pages } from '../../api/load.ts'
import { Button } from '../form/button.tsx'
import { ErrorState, Loading } from '../feedback/states.tsx'

type RowProps<Row> = {
  readonly keyOf: (row: Row) => string | number
  readonly row: (row: Row) => ComponentChildren
}

type Props<Row> = RowProps<Row> & {
  /** Names the list for screen readers. */
  readonly label: string
  readonly pages: Pages<Row>
  /** Rows of one group that follow one another have a heading. */
  readonly groups?: Groups<Row>
  /** Shown if the list is empty. */
  readonly empty: ComponentChildren
}

type Groups<Row> = {
  readonly of: (row: Row) => string
  readonly heading: (group: string) => ComponentChildren
}

/** A list that loads more as its end comes into view, with states for empty, loading and failed. */
export const List = <Row,>({ label, pages, groups, empty, ...props }: Props<Row>) => {
  const { keyOf } = props
  const { rows, error, isLoading, reload, more } = pages
  if (!rows) return error ? <ErrorState error={error} onRetry={reload} /> : <Loading what={label} />
  // A page may be empty and still not be the last one.
  if (rows.length === 0 && !more)
    return (
      <div class="empty" role="status">
        {empty}
      </div>
    )
  return (
    <>
      {groups ? (
        <div role="group" aria-label={label} aria-busy={isLoading}>
          {grouped(rows, groups).map(({ group, members, first }) => (
            <Fragment key={keyOf(first)}>
              <h2 class="group" id={`group-${keyOf(first)}`}>
                {groups.heading(group)}
              </h2>
              <Rows {...props} rows={members} aria-labelledby={`group-${keyOf(first)}`} />
            </Fragment>
          ))}
        </div>
      ) : (
        rows.length > 0 && <Rows {...props} rows={rows} aria-label={label} aria-busy={isLoading} />
      )}
      {error !== undefined && <ErrorState error={error} onRetry={more ?? reload} />}
      {more && error === undefined && <More isLoading={isLoading} onReached={more} />}
    </>
  )
}

type RowsProps<Row> = RowProps<Row> &
  Pick<HTMLAttributes, 'aria-label' | 'aria-labelledby' | 'aria-busy'> & {
    readonly rows: readonly Row[]
  }

const Rows = <Row,>({ rows, keyOf, row, ...aria }: RowsProps<Row>) => (
  <ul {...aria} class="list">
    {rows.map((each) => (
      <li key={keyOf(each)}>{row(each)}</li>
    ))}
  </ul>
)

type Group<Row> = { readonly group: string; readonly first: Row; readonly members: Row[] }

const grouped = <Row,>(rows: readonly Row[], { of }: Groups<Row>): readonly Group<Row>[] => {
  const groups: Group<Row>[] = []
  for (const row of rows) {
    const last = groups.at(-1)
    if (last?.group === of(row)) last.members.push(row)
    else groups.push({ group: of(row), first: row, members: [row] })
  }
  return groups
}

/** Loads more when it comes into view; the button is for keyboards. */
const More = ({ isLoading, onReached }: { isLoading: boolean; onReached: () => void }) => {
  const container = useRef<HTMLDivElement>(null)
  const reached = useRef(onReached)
  reached.current = onReached
  useEffect(() => {
    if (!container.current || isLoading) return undefined
    const observer = new IntersectionObserver(
      ([entry]) => {
        if (entry?.isIntersecting) reached.current()
      },
      { rootMargin: '300px' },
    )
    observer.observe(container.current)
    return () => observer.disconnect()
  }, [isLoading])
  return (
    <div class="more" ref={container}>
      <Button kind="quiet" isBusy={isLoading} onClick={onReached}>
        {isLoading ? 'Loading…' : 'Show more'}
      </Button>
    </div>
  )
}
