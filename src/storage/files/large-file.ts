import { lstatSync, rmSync, truncateSync } from 'node:fs'

/** How much is freed at once. */
const STEP_BYTES = 16 * 1024 ** 2

/** Removes a file, if there is one, from its end in small steps, and rests after each as long as it took. A file system
 * that tells its disk what is free (mount option `discard`) takes seconds to free gigabytes at once, and the syncs of
 * unlocks wait meanwhile. Blocks this thread. */
export const removeLargeFile = (path: string): void => {
  const { size = 0, nlink = 1 } = lstatSync(path, { throwIfNoEntry: false }) ?? {}
  // What has another name too must stay whole.
  const bytes = nlink === 1 ? size : 0
  for (let left = bytes - STEP_BYTES; left > 0; left -= STEP_BYTES) {
    const begunMs = performance.now()
    truncateSync(path, left)
    Bun.sleepSync(performance.now() - begunMs)
  }
  rmSync(path, { force: true })
}
