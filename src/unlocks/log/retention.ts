import { DAY_MS, HOUR_MS } from '../../domain/duration.ts'
import type { ClockReading } from './clock.ts'
import type { Erasure } from './erasure.ts'

type Options = {
  /** How long names and methods are kept; `undefined` keeps them for ever. */
  readonly retentionMs: number | undefined
  readonly clock: () => ClockReading
  /** Removes the personal text of events received, or if imported happened, before then. */
  readonly eraseBefore: (timeMs: number) => Promise<Erasure>
  /** Told what each round did; `waiting` where the clock was not to be trusted. */
  readonly report: (round: RetentionRun) => void
}

export type RetentionRun =
  | ({ readonly outcome: 'erased'; readonly beforeMs: number } & Erasure)
  | { readonly outcome: 'waiting' }
  | { readonly outcome: 'failed'; readonly error: unknown }

export type Retention = {
  /** Erases what is over the time, and again later; never rejects. */
  readonly apply: () => Promise<void>
  readonly stop: () => void
}

/** Ends the keeping of personal text: whenever asked, and once a day from then on. Erasing cannot be
 * undone, so it waits while the clock is doubtful, and looks again each hour. */
export const retention = ({ retentionMs, clock, eraseBefore, report }: Options): Retention => {
  let next: Timer | undefined

  const round = async (keptMs: number): Promise<RetentionRun> => {
    const { nowMs, isUncertain } = clock()
    if (isUncertain) return { outcome: 'waiting' }
    const beforeMs = nowMs - keptMs
    try {
      return { outcome: 'erased', beforeMs, ...(await eraseBefore(beforeMs)) }
    } catch (error) {
      return { outcome: 'failed', error }
    }
  }

  const stop = () => clearTimeout(next)

  const apply = async (): Promise<void> => {
    if (retentionMs === undefined) return
    stop()
    const done = await round(retentionMs)
    report(done)
    next = setTimeout(() => void apply(), done.outcome === 'erased' ? DAY_MS : HOUR_MS)
    next.unref()
  }

  return { apply, stop }
}
