import type { ComponentChildren } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import type { Pages } from '../load.ts'
import { Button } from './button.tsx'
import { ErrorState, Loading } from './states.tsx'

type Props<Row> = {
  /** What the list holds, for whoever cannot see it. */
  readonly label: string
  readonly pages: Pages<Row>
  readonly keyOf: (row: Row) => string | number
  readonly row: (row: Row) => ComponentChildren
  /** Shown where there is nothing, with what to do about it. */
  readonly empty: ComponentChildren
}

/** A list that is read on as the reader comes to its end: empty, loading and failed all told. */
export const List = <Row,>({ label, pages, keyOf, row, empty }: Props<Row>) => {
  const { rows, error, isLoading, reload, more } = pages
  if (!rows) return error ? <ErrorState error={error} onRetry={reload} /> : <Loading what={label} />
  // A page may be empty and still not be the last one.
  if (rows.length === 0 && !more) return <div class="empty">{empty}</div>
  return (
    <>
      {rows.length > 0 && (
        <ul class="list" aria-label={label} aria-busy={isLoading}>
          {rows.map((one) => (
            <li key={keyOf(one)}>{row(one)}</li>
          ))}
        </ul>
      )}
      {error !== undefined && <ErrorState error={error} onRetry={more ?? reload} />}
      {more && error === undefined && <More isLoading={isLoading} onReached={more} />}
    </>
  )
}

/** Reads on when it comes into view; the button is for whoever moves by keyboard. */
const More = ({ isLoading, onReached }: { isLoading: boolean; onReached: () => void }) => {
  const place = useRef<HTMLDivElement>(null)
  const reached = useRef(onReached)
  reached.current = onReached
  useEffect(() => {
    if (!place.current || isLoading) return undefined
    const observer = new IntersectionObserver(
      ([entry]) => {
        if (entry?.isIntersecting) reached.current()
      },
      { rootMargin: '300px' },
    )
    observer.observe(place.current)
    return () => observer.disconnect()
  }, [isLoading])
  return (
    <div class="more" ref={place}>
      <Button kind="quiet" isBusy={isLoading} onClick={onReached}>
        {isLoading ? 'Reading on…' : 'Show more'}
      </Button>
    </div>
  )
}
