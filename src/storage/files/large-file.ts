import { lstatSync, rmSync, truncateSync } from 'node:fs'

/** How much is given back to the disk at once. */
const STEP_BYTES = 16 * 1024 ** 2

/** Removes a file, if there is one, from its end in small steps, and rests after each as long as it took. A file system
 * that tells its disk what is free (mount option `discard`) keeps the syncs of unlocks waiting meanwhile: for seconds, if
 * it frees gigabytes at once. Blocks this thread. */
export const removeLargeFile = (path: string): void => {
  const { size = 0, nlink = 1 } = lstatSync(path, { throwIfNoEntry: false }) ?? {}
  // Under another name, the file stays as it is.
  const bytes = nlink === 1 ? size : 0
  for (let left = bytes - STEP_BYTES; left > 0; left -= STEP_BYTES) {
    const begunMs = performance.now()
    truncateSync(path, left)
    Bun.sleepSync(performance.now() - begunMs)
  }
  rmSync(path, { force: true })
}
