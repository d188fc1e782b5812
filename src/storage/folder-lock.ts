import { Database as Sqlite } from 'bun:sqlite'
import { join } from 'node:path'
import { AppError } from '../errors.ts'
import { isBusy } from './database.ts'
import { fileFault, makePrivateFile } from './private-files.ts'

/** Holds the data folder for one serving process until released or ended in whatever way: the
 * lock is the operating system's, on a file of its own. Throws `unavailable` where it is held. */
export const lockFolder = (path: string): (() => void) => {
  const file = join(path, 'service.lock')
  try {
    makePrivateFile(file)
    const lock = new Sqlite(file, { readwrite: true, create: false })
    // Without it a journal is made beside it, for which a full disk has no inode.
    lock.run('PRAGMA journal_mode = MEMORY')
    lock.run('BEGIN EXCLUSIVE')
    return () => lock.close(true)
  } catch (error) {
    const fault = isBusy(error) ? 'another service already serves from there' : fileFault(error)
    throw new AppError('unavailable', `Cannot lock the folder ${path}: ${fault}`, { cause: error })
  }
}
