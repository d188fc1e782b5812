const WAIT_MS_MIN = 1000
const WAIT_MS_MAX = 15_000
const FACTOR = 1.5

/** Paces attempts at something that keeps failing: each wait is longer than the one before, up to 15 s. */
export const backOff = () => {
  let nextMs = WAIT_MS_MIN
  let begunMs = Date.now()
  return {
    /** Resolves when the next attempt is due, at once if `signal` aborts or the device comes online. An
     * attempt that lasted longer than any wait counts as a success. */
    wait: async (signal?: AbortSignal): Promise<void> => {
      if (Date.now() - begunMs > WAIT_MS_MAX) nextMs = WAIT_MS_MIN
      await pause(nextMs, signal)
      nextMs = Math.min(nextMs * FACTOR, WAIT_MS_MAX)
      begunMs = Date.now()
    },
  }
}

const pause = (ms: number, signal?: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer)
      removeEventListener('online', end)
      signal?.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, ms)
    addEventListener('online', end)
    signal?.addEventListener('abort', end)
    if (signal?.aborted) end()
  })
