/** Resolves in a later turn of the event loop, after requests that have already arrived. SQLite
 * answers synchronously, so long work must call this between its steps. */
export const yieldToEventLoop = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

let lastTurn: Promise<void> = Promise.resolve()

/** Resolves when it is the caller's turn to take one step of a long read: in each turn of the event
 * loop one of them is taken, in order, so that other requests wait for one step however many reads
 * are running. Throws the reason of `signal` once that is aborted. A step takes a few milliseconds. */
export const takeTurn = async (signal?: AbortSignal): Promise<void> => {
  signal?.throwIfAborted()
  lastTurn = lastTurn.then(yieldToEventLoop)
  await lastTurn
  signal?.throwIfAborted()
}

/** The shortest rest of long work, in milliseconds. */
const REST_MS_MIN = 4

/** Waits as long as the last step of long work took, so that the work takes at most half of the time. */
export const rest = (tookMs: number): Promise<void> => Bun.sleep(Math.max(tookMs, REST_MS_MIN))
