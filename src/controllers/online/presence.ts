import type { Clock } from '../../domain/clock.ts'
import { SECOND_MS } from '../../domain/duration.ts'
import type { Lines } from './lines.ts'

/** How often a replica stores which controllers poll it, how long it waits for further new ones, and how soon it
 * retries. */
const TELL_MS = 4 * SECOND_MS
const GATHER_MS = 20
const AGAIN_MS = SECOND_MS

/** How long a controller counts as online after it was stored last. */
const HOLDS_MS = 10 * SECOND_MS

type Dependencies = {
  readonly clock: Pick<Clock, 'wallMs'>
  readonly lines: Pick<Lines, 'polling'>
  /** Stores until when these controllers count as online. */
  readonly store: (ids: readonly string[], nowMs: number, untilMs: number) => Promise<void>
}

/** Tells other replicas which controllers poll this one. There is no timer while none does. */
export const presence = ({ clock, lines, store }: Dependencies) => {
  let timer: Timer | undefined
  let gathering: Timer | undefined

  const stop = (): void => {
    clearInterval(timer)
    clearTimeout(gathering)
    timer = undefined
    gathering = undefined
  }

  const tell = (): void => {
    gathering = undefined
    const ids = lines.polling()
    if (ids.length === 0) return stop()
    const nowMs = clock.wallMs()
    store(ids, nowMs, nowMs + HOLDS_MS).catch(() => {
      if (timer) gathering ??= setTimeout(tell, AGAIN_MS)
    })
  }

  return {
    /** Called when a poll has begun; `isNew` if the controller was not polling this replica before. */
    begun: (isNew: boolean): void => {
      timer ??= setInterval(tell, TELL_MS).unref()
      if (isNew) gathering ??= setTimeout(tell, GATHER_MS)
    },
    stop,
  }
}
