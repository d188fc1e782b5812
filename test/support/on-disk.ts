import { closeSync, openSync, readSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

const STEP = 1024 ** 2

/** Opens a file, or returns undefined if it is gone, as a draft is that a running service has renamed. */
const opened = (path: string): number | undefined => {
  try {
    return openSync(path, 'r')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/** Whether a text is anywhere in the bytes of a data folder: database, free pages, WAL or other. */
export const isOnDisk = (dataDir: string, text: string): boolean =>
  readdirSync(dataDir).some((name) => {
    const file = opened(join(dataDir, name))
    if (file === undefined) return false
    try {
      const buffer = Buffer.alloc(STEP + text.length)
      for (let at = 0; ; at += STEP) {
        const read = readSync(file, buffer, 0, buffer.length, at)
        if (buffer.subarray(0, read).includes(text)) return true
        if (read < buffer.length) return false
      }
    } finally {
      closeSync(file)
    }
  })
