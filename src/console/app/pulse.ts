import { useEffect, useRef, useState } from 'preact/hooks'

const SOON_MS = 2000
const MINUTE_MS = 60_000

/** Counts up each minute while somebody looks, and soon after the log grew, however fast it grows:
 * what depends on it is read again then. `newestSeq` is -1 in an empty log, and nothing until that
 * is known. */
export const usePulse = (newestSeq: number | undefined): number => {
  const [pulse, setPulse] = useState(0)
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined)
  const known = useRef(newestSeq)
  const beat = (): void => {
    timer.current = undefined
    if (!document.hidden) setPulse((before) => before + 1)
  }
  useEffect(() => {
    if (known.current !== undefined && newestSeq !== known.current)
      timer.current ??= setTimeout(beat, SOON_MS)
    known.current = newestSeq
  }, [newestSeq])
  useEffect(() => {
    const minutes = setInterval(beat, MINUTE_MS)
    return () => {
      clearInterval(minutes)
      clearTimeout(timer.current)
    }
  }, [])
  return pulse
}

/** Reads again at each beat. */
export const useReloadAt = (pulse: number, reload: () => void): void => {
  const last = useRef(pulse)
  useEffect(() => {
    if (last.current !== pulse) reload()
    last.current = pulse
  }, [pulse])
}
