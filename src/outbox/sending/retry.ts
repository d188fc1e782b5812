/** Random variation of each wait, so that retries do not all happen at the same moment. */
const JITTER = 0.1

/** The longest `Retry-After` that is honored. */
const ASKED_MS_MAX = 24 * 3_600_000

type Failed = {
  /** Attempts so far, including the failed one. */
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

/** Returns how long to wait, after a restart, for a delivery that is due at some time: never longer than the wait
 * after its last attempt, even if the clock has changed. */
export const waitUntilDue = (
  { attempts, dueAtMs }: { readonly attempts: number; readonly dueAtMs: number },
  retriesMs: readonly number[],
  nowMs: number,
): number => {
  if (attempts === 0) return 0
  const longest = (retriesMs[attempts - 1] ?? 0) * (1 + JITTER)
  return Math.min(Math.max(0, dueAtMs - nowMs), longest)
}
