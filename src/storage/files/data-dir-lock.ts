import { Database as Sqlite } from 'bun:sqlite'
import { join } from 'node:path'
import { AppError } from '../../errors.ts'
import { isBusy } from '../database.ts'
import { fileFault, makePrivateFile } from './private-files.ts'

/** What a data folder is held for: one service and any number of commands work in it side by side; a
 * migration takes the service's place for a moment, a restore works in it alone, and one backup is
 * made of it at a time. */
export type LockMode = 'service' | 'command' | 'migration' | 'restore' | 'backup'

type Lock = { readonly file: string; readonly take: readonly string[]; readonly held: string }

/** SQLite's own levels of locks say who goes beside whom: RESERVED, SHARED, EXCLUSIVE. */
const LOCKS: Readonly<Record<LockMode, Lock>> = {
  service: {
    file: 'service.lock',
    take: ['BEGIN IMMEDIATE'],
    held: 'another service already serves from there, or an upgrade or restore is under way',
  },
  command: {
    file: 'service.lock',
    take: ['BEGIN', 'SELECT 1 FROM sqlite_schema'],
    held: 'a restore is under way there; try again once it is over',
  },
  migration: {
    file: 'service.lock',
    take: ['BEGIN IMMEDIATE'],
    held: 'the service that runs there has not brought the database up to date yet: try again, or restart it if it is of an older version',
  },
  restore: {
    file: 'service.lock',
    take: ['BEGIN EXCLUSIVE'],
    held: 'a service or another command uses it; stop that first',
  },
  backup: {
    file: 'backup.lock',
    take: ['BEGIN EXCLUSIVE'],
    held: 'another backup of it is being made or checked; try again once it is over',
  },
}

/** A restore that is refused keeps others out for a moment. */
const BUSY_MS = 300

/** Holds the data folder until released or the process ends in whatever way: the lock is the
 * operating system's, on a file of its own. Throws `unavailable` where its other uses forbid that. */
export const lockDataDir = (path: string, use: LockMode): (() => void) => {
  const { file, take, held } = LOCKS[use]
  try {
    makePrivateFile(join(path, file))
    const lock = new Sqlite(join(path, file), { readwrite: true, create: false })
    try {
      lock.run(`PRAGMA busy_timeout = ${BUSY_MS}`)
      // Without it a journal is made beside it, for which a full disk has no inode.
      lock.run('PRAGMA journal_mode = MEMORY')
      for (const sql of take) lock.run(sql)
    } catch (error) {
      lock.close()
      throw error
    }
    return () => lock.close(true)
  } catch (error) {
    const fault = isBusy(error) ? held : fileFault(error)
    throw new AppError('unavailable', `Cannot lock the folder ${path}: ${fault}`, { cause: error })
  }
}

/** Holds the folder for a change of the schema, which a service of an older version would fail in. A
 * service of this one holds it already. */
export const lockForMigration = (path: string, use: 'service' | 'command'): (() => void) =>
  use === 'service' ? () => {} : lockDataDir(path, 'migration')
