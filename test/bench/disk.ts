import { closeSync, fdatasyncSync, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'

const PAGE_BYTES = 4096
/** Pages that the log's transaction of one unlock appends to the WAL, as strace counts them: an
 * append-only tree, its indexes and the changed roots. */
const PAGES = 10

/** How many milliseconds the disk of a folder takes to write and sync the data of one unlock. */
export const syncMs = (folder: string, seconds: number): number => {
  const path = join(folder, 'sync-rate')
  const page = Buffer.alloc(PAGE_BYTES, 'x')
  const writePages = () => {
    for (let written = 0; written < PAGES; written += 1) writeSync(file, page)
  }
  const file = openSync(path, 'w', 0o600)
  try {
    const begun = performance.now()
    let syncs = 0
    for (; performance.now() - begun < seconds * 1000; syncs += 1) {
      writePages()
      fdatasyncSync(file)
    }
    return (performance.now() - begun) / syncs
  } finally {
    closeSync(file)
    rmSync(path)
  }
}
