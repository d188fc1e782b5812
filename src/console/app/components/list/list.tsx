import type { ComponentChildren } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import type { Pages } from '../../api/load.ts'
import { Button } from '../form/button.tsx'
import { ErrorState, Loading } from '../feedback/states.tsx'

type Props<Row> = {
  /** Names the list for screen readers. */
  readonly label: string
  readonly pages: Pages<Row>
  readonly keyOf: (row: Row) => string | number
  readonly row: (row: Row) => ComponentChildren
  /** Shown if the list is empty. */
  readonly empty: ComponentChildren
}

/** A list that loads more as its end comes into view, with states for empty, loading and failed. */
export const List = <Row,>({ label, pages, keyOf, row, empty }: Props<Row>) => {
  const { rows, error, isLoading, reload, more } = pages
  if (!rows) return error ? <ErrorState error={error} onRetry={reload} /> : <Loading what={label} />
  // A page may be empty and still not be the last one.
  if (rows.length === 0 && !more) return <div class="empty">{empty}</div>
  return (
    <>
      {rows.length > 0 && (
        <ul class="list" aria-label={label} aria-busy={isLoading}>
          {rows.map((each) => (
            <li key={keyOf(each)}>{row(each)}</li>
          ))}
        </ul>
      )}
      {error !== undefined && <ErrorState error={error} onRetry={more ?? reload} />}
      {more && error === undefined && <More isLoading={isLoading} onReached={more} />}
    </>
  )
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
