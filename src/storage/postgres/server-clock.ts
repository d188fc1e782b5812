import { MINUTE_MS } from '../../domain/duration.ts'
import type { Queries } from '../queries.ts'

/** How often the clock of the database is read. */
const EVERY_MS = MINUTE_MS

/** How often it is read each time: the quickest answer is the most precise. */
const SAMPLES = 3

/** If the clock of the database is set back, this one runs slower by this share until they agree again. */
const SLOWER = 0.1

type Options = {
  readonly queries: Pick<Queries, 'get'>
  readonly monotonicMs?: () => number
}

/** Returns a clock that follows that of the database, which all replicas share. It reads it every minute, and continues
 * by the monotonic clock, so that the time of day of this machine and its jumps have no effect. It never runs
 * backwards. Rejects with `unavailable`. */
export const serverClock = async ({ queries, monotonicMs = () => performance.now() }: Options) => {
  const sample = async () => {
    const askedMs = monotonicMs()
    const row = await queries.get<{ nowMs: number }>(
      'SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000 AS bigint) AS "nowMs"',
    )
    const tookMs = monotonicMs() - askedMs
    // It was read halfway, on average, between question and answer.
    return { tookMs, atMs: askedMs + tookMs / 2, serverMs: row?.nowMs ?? 0 }
  }

  const read = async () => {
    let best = await sample()
    for (let count = 1; count < SAMPLES; count += 1) {
      const next = await sample()
      if (next.tookMs < best.tookMs) best = next
    }
    return best
  }

  let last = await read()
  /** How far this clock was ahead at some time, since the other was set back. */
  let ahead = { ms: 0, sinceMs: last.atMs }

  const nowMs = (): number => {
    const atMs = monotonicMs()
    const aheadMs = Math.max(0, ahead.ms - SLOWER * (atMs - ahead.sinceMs))
    return last.serverMs + (atMs - last.atMs) + aheadMs
  }

  const follow = async (): Promise<void> => {
    const next = await read()
    const sinceMs = monotonicMs()
    const ms = nowMs() - (next.serverMs + (sinceMs - next.atMs))
    last = next
    ahead = { ms: Math.max(0, ms), sinceMs }
  }

  // If it cannot be read, the monotonic clock is as good for a while.
  const timer = setInterval(() => void follow().catch(() => {}), EVERY_MS).unref()

  return {
    isShared: true,
    wallMs: () => Math.floor(nowMs()),
    /** Reads the clock of the database now. */
    follow,
    stop: (): void => clearInterval(timer),
  }
}
