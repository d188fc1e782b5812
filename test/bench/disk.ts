import { closeSync, fdatasyncSync, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'

const PAGE_BYTES = 4096

/** How many times a second the disk of a folder syncs a page that was appended to a file. */
export const syncsPerSecond = (folder: string, seconds: number): number => {
  const path = join(folder, 'sync-rate')
  const page = Buffer.alloc(PAGE_BYTES, 'x')
  const file = openSync(path, 'w', 0o600)
  try {
    const begun = performance.now()
    let syncs = 0
    for (; performance.now() - begun < seconds * 1000; syncs += 1) {
      writeSync(file, page)
      fdatasyncSync(file)
    }
    return syncs / ((performance.now() - begun) / 1000)
  } finally {
    closeSync(file)
    rmSync(path)
  }
}
