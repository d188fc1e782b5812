/** Milliseconds from the start to the collection, so that it does not delay the first requests. */
const AFTER_MS = 1000

/** Soon after the start of a thread, returns the memory that only the start needed to the system. */
export const giveBackStartMemory = (): void => {
  setTimeout(() => {
    Bun.gc(true)
    Bun.shrink()
  }, AFTER_MS).unref()
}
