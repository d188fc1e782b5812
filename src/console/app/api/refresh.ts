import { useEffect, useRef, useState } from 'preact/hooks'

const AFTER_CHANGE_MS = 2000
const MINUTE_MS = 60_000

/** Counts up every minute while the page is visible, and shortly after the log grew, so that what
 * depends on the log is loaded again. `newestSeq` is -1 for an empty log and undefined until known. */
export const useRefreshSignal = (newestSeq: number | undefined): number => {
  const [count, setCount] = useState(0)
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined)
  const known = useRef(newestSeq)
  const refresh = (): void => {
    timer.current = undefined
    if (!document.hidden) setCount((before) => before + 1)
  }
  useEffect(() => {
    if (known.current !== undefined && newestSeq !== known.current)
      timer.current ??= setTimeout(refresh, AFTER_CHANGE_MS)
    known.current = newestSeq
  }, [newestSeq])
  useEffect(() => {
    const minutes = setInterval(refresh, MINUTE_MS)
    return () => {
      clearInterval(minutes)
      clearTimeout(timer.current)
    }
  }, [])
  return count
}

/** Calls `reload` whenever the refresh signal changes. */
export const useReloadOn = (refresh: number, reload: () => void): void => {
  const last = useRef(refresh)
  useEffect(() => {
    if (last.current !== refresh) reload()
    last.current = refresh
  }, [refresh])
}
