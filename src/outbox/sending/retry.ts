/** How much longer or shorter a wait is at random, so that targets are not all told at the same moment. */
const JITTER = 0.1

/** The longest wait that a receiver can ask for. */
const ASKED_MS_MAX = 24 * 3_600_000

type Failed = {
  /** Attempts so far, the failed one included. */
  readonly attempts: number
  readonly retryAfterMs?: number | undefined
}

/** Returns how long to wait after a failed attempt, in milliseconds, or undefined if it was the last one. */
export const waitAfter = (
  { attempts, retryAfterMs = 0 }: Failed,
  retriesMs: readonly number[],
  random: () => number = Math.random,
): number | undefined => {
  const retryMs = retriesMs[attempts - 1]
  if (retryMs === undefined) return undefined
  const jittered = retryMs * (1 + JITTER * (2 * random() - 1))
  return Math.round(Math.max(jittered, Math.min(retryAfterMs, ASKED_MS_MAX)))
}

/** Returns how long to wait for what was due at a time when the process started: no longer than after its last
 * attempt, wherever the clock stands now. */
export const waitUntilDue = (
  { attempts, dueAtMs }: { readonly attempts: number; readonly dueAtMs: number },
  retriesMs: readonly number[],
  nowMs: number,
): number => {
  if (attempts === 0) return 0
  const longest = (retriesMs[attempts - 1] ?? 0) * (1 + JITTER)
  return Math.min(Math.max(0, dueAtMs - nowMs), longest)
}
