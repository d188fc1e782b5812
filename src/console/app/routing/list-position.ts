import { useEffect, useRef } from 'preact/hooks'

/** Restores scroll position and focus when somebody returns to a list. `isAway` says whether a page
 * of one row is shown instead. Returns a click handler that remembers the row by its `id`. */
export const useListPosition = (isAway: boolean): ((event: Event) => void) => {
  const position = useRef<{ readonly scrolled: number; readonly row: string } | undefined>(
    undefined,
  )
  useEffect(() => {
    if (isAway || !position.current) return
    const { scrolled, row } = position.current
    position.current = undefined
    scrollTo(0, scrolled)
    document.getElementById(row)?.focus({ preventScroll: true })
  }, [isAway])
  return ({ target }) => {
    const row = target instanceof Element ? target.closest('a') : null
    if (row?.id) position.current = { scrolled: scrollY, row: row.id }
  }
}
