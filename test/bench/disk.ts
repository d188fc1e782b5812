import { closeSync, fdatasyncSync, fsyncSync, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'

const PAGE_BYTES = 4096

/** The pages after which SQLite resets a WAL and overwrites it, so that commits seldom change its size. */
const WAL_PAGES = 1000

/** Longer than a tick of the file system's clock, so that `fsync` also writes the time of the change. */
export const REST_MS = 10

const COMMITS = 200
const SPENT_MS_MAX = 2000

type Commits = {
  readonly pages: number
  /** SQLite in Bun calls `fsync`. */
  readonly call?: 'fsync' | 'fdatasync'
  /** The pause before each write. */
  readonly restMs?: number
}

/** Returns how many milliseconds the disk of a folder takes to write and sync a number of pages, as a commit
 * does in a WAL. */
export const syncMs = (folder: string, { pages, call = 'fsync', restMs = 0 }: Commits): number => {
  const path = join(folder, 'sync-rate')
  const commit = Buffer.alloc(pages * PAGE_BYTES, 'x')
  const file = openSync(path, 'w', 0o600)
  const sync = { fsync: fsyncSync, fdatasync: fdatasyncSync }[call]
  let [commits, spentMs] = [0, 0]
  try {
    writeSync(file, Buffer.alloc(WAL_PAGES * PAGE_BYTES))
    fsyncSync(file)
    for (; commits < COMMITS && spentMs < SPENT_MS_MAX; commits += 1) {
      const at = PAGE_BYTES * ((commits * pages) % (WAL_PAGES - pages))
      Bun.sleepSync(restMs)
      const begun = performance.now()
      writeSync(file, commit, 0, commit.length, at)
      sync(file)
      spentMs += performance.now() - begun
    }
    return spentMs / commits
  } finally {
    closeSync(file)
    rmSync(path)
  }
}
