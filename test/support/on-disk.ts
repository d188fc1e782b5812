import { closeSync, openSync, readSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { homeDatabase } from './home-database.ts'
import { IS_POSTGRES } from './test-server.ts'

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

/** Returns true if a text is anywhere in the bytes of a data folder: database, free pages, WAL or other; on a test
 * server, also if it is in any row, though not in its files, which keep more than that. */
export const isOnDisk = async (dataDir: string, text: string): Promise<boolean> => {
  if (isInFolder(dataDir, text)) return true
  if (!IS_POSTGRES) return false
  await using db = await homeDatabase(dataDir, '.')
  return await db.contains(text)
}

const isInFolder = (dataDir: string, text: string): boolean =>
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
