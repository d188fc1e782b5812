import { useEffect, useRef } from 'preact/hooks'

/** Brings whoever comes back to a list to where they left it. `isAway` tells whether something else is
 * shown instead; the answer notes the row that is followed, by its `id`. */
export const usePlaceInList = (isAway: boolean): ((event: Event) => void) => {
  const left = useRef<{ readonly scrolled: number; readonly row: string } | undefined>(undefined)
  useEffect(() => {
    if (isAway || !left.current) return
    const { scrolled, row } = left.current
    left.current = undefined
    scrollTo(0, scrolled)
    document.getElementById(row)?.focus({ preventScroll: true })
  }, [isAway])
  return ({ target }) => {
    const row = target instanceof Element ? target.closest('a') : null
    if (row?.id) left.current = { scrolled: scrollY, row: row.id }
  }
}
