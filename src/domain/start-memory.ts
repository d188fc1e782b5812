/** When what a start has left behind is collected: after the first requests, which wait for nothing. */
const AFTER_MS = 1000

/** Gives the memory back that the start of a thread needed and its work does not. */
export const giveBackStartMemory = (): void => {
  setTimeout(() => {
    Bun.gc(true)
    Bun.shrink()
  }, AFTER_MS).unref()
}
