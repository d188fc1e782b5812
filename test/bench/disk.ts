import { closeSync, fdatasyncSync, fsyncSync, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'

const PAGE_BYTES = 4096

/** Pages after which SQLite begins a WAL anew and overwrites it, so that commits seldom change its size. */
const WAL_PAGES = 1000

type Call = 'fsync' | 'fdatasync'

/** How many milliseconds the disk of a folder takes to write and sync that many pages, as a commit does
 * in a WAL. SQLite in Bun calls `fsync`. */
export const syncMs = (
  folder: string,
  { pages, seconds, call = 'fsync' }: { pages: number; seconds: number; call?: Call },
): number => {
  const path = join(folder, 'sync-rate')
  const commit = Buffer.alloc(pages * PAGE_BYTES, 'x')
  const file = openSync(path, 'w', 0o600)
  const sync = { fsync: fsyncSync, fdatasync: fdatasyncSync }[call]
  try {
    writeSync(file, Buffer.alloc(WAL_PAGES * PAGE_BYTES))
    fsyncSync(file)
    const begun = performance.now()
    let syncs = 0
    for (; performance.now() - begun < seconds * 1000; syncs += 1) {
      writeSync(
        file,
        commit,
        0,
        commit.length,
        PAGE_BYTES * ((syncs * pages) % (WAL_PAGES - pages)),
      )
      sync(file)
    }
    return (performance.now() - begun) / syncs
  } finally {
    closeSync(file)
    rmSync(path)
  }
}
