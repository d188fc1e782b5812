/** Resolves in a later turn of the event loop, after requests that have already arrived. SQLite
 * answers synchronously, so long work must call this between its steps. */
export const yieldToEventLoop = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
