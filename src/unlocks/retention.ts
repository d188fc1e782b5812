import type { Reading } from './log-clock.ts'
import type { Erasure } from './service.ts'

type Options = {
  /** How long names and methods are kept, days; 0 keeps them for ever. */
  readonly days: number
  readonly clock: () => Reading
  /** Removes the personal text of events received before then. */
  readonly eraseBefore: (receivedAtMs: number) => Promise<Erasure>
  /** Told what each round did; `waiting` where the clock was not to be trusted. */
  readonly report: (round: Round) => void
}

export type Round =
  | ({ readonly outcome: 'erased'; readonly beforeMs: number } & Erasure)
  | { readonly outcome: 'waiting' }
  | { readonly outcome: 'failed'; readonly error: unknown }

export type Retention = {
  /** Erases what is over the time; never rejects. */
  readonly apply: () => Promise<void>
  readonly stop: () => void
}

const DAY_MS = 86_400_000

/** Ends the keeping of personal text: once a day, and whenever asked. Erasing cannot be undone, so
 * it waits while the clock is doubtful. */
export const retention = ({ days, clock, eraseBefore, report }: Options): Retention => {
  const apply = async (): Promise<void> => {
    if (days === 0) return
    const { nowMs, isUncertain } = clock()
    if (isUncertain) return report({ outcome: 'waiting' })
    const beforeMs = nowMs - days * DAY_MS
    try {
      report({ outcome: 'erased', beforeMs, ...(await eraseBefore(beforeMs)) })
    } catch (error) {
      report({ outcome: 'failed', error })
    }
  }
  const daily = setInterval(() => void apply(), DAY_MS)
  daily.unref()
  return { apply, stop: () => clearInterval(daily) }
}
