import { Database as Sqlite } from 'bun:sqlite'
import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { AppError } from '../errors.ts'
import { isBusy } from './sqlite/faults.ts'
import { RESTORE_FILES } from './files/data-dir.ts'
import { fileFault, makePrivateFile } from './files/private-files.ts'

/** What a folder is locked for. One service and any number of commands work in a data folder side by
 * side; a migration takes the service's place for a moment; a restore works in it alone; and one backup
 * of it is created at a time. A state folder has one controller, which is no service. */
export type LockMode = 'service' | 'command' | 'migration' | 'restore' | 'backup' | 'controller'

type Lock = { readonly file: string; readonly take: readonly string[]; readonly held: string }

/** SQLite's own lock levels decide which uses go together: RESERVED, SHARED, EXCLUSIVE. */
const LOCKS: Readonly<Record<LockMode, Lock>> = {
  service: {
    file: 'service.lock',
    take: ['BEGIN IMMEDIATE'],
    held: 'another service already serves from there, or an upgrade or restore is running',
  },
  command: {
    file: 'service.lock',
    take: ['BEGIN', 'SELECT 1 FROM sqlite_schema'],
    // Services of the first versions kept everybody else out.
    held: 'the service that runs there is an older version; restart the service',
  },
  migration: {
    file: 'service.lock',
    take: ['BEGIN IMMEDIATE'],
    held: 'the service that runs there has not upgraded the database yet: try again, or restart the service if it is an older version',
  },
  restore: {
    file: 'service.lock',
    take: ['BEGIN EXCLUSIVE'],
    held: 'a service or another command uses it; stop that first',
  },
  backup: {
    file: 'backup.lock',
    take: ['BEGIN EXCLUSIVE'],
    held: 'another backup of it is being created or checked; try again once that has finished',
  },
  controller: {
    file: 'controller.lock',
    take: ['BEGIN IMMEDIATE'],
    held: 'another controller runs there',
  },
}

/** A refused restore blocks others for a moment. */
const BUSY_MS = 300

/** Locks the data folder until it is released or the process ends in any way: the lock is the operating
 * system's, on a separate file. Throws `unavailable` if another use forbids that. */
export const lockDataDir = (path: string, use: LockMode): (() => void) => {
  const { file, take } = LOCKS[use]
  try {
    makePrivateFile(join(path, file))
    return hold(join(path, file), take, BUSY_MS)
  } catch (error) {
    const fault = isBusy(error) ? inUse(path, use) : fileFault(error)
    throw new AppError('unavailable', `Cannot lock the folder ${path}: ${fault}`, { cause: error })
  }
}

/** Locks the data folder for a backup, once another one that is being created or checked has finished.
 * Calls `onWait` if it has to wait. Throws `unavailable` if the other takes longer than `waitMs`. */
export const lockForBackup = async (
  path: string,
  onWait: () => void,
  waitMs = BACKUP_WAIT_MS,
): Promise<() => void> => {
  for (const deadline = performance.now() + waitMs; ; await Bun.sleep(BACKUP_RETRY_MS)) {
    try {
      return lockDataDir(path, 'backup')
    } catch (error) {
      const isHeld = error instanceof AppError && isBusy(error.cause)
      if (!isHeld || performance.now() > deadline) throw error
      onWait()
    }
  }
}

/** Backups of homes take a second or two. */
const BACKUP_WAIT_MS = 30_000
const BACKUP_RETRY_MS = 100

/** A restore marks the folder before anything else. */
const inUse = (path: string, use: LockMode): string =>
  use === 'command' && Object.values(RESTORE_FILES).some((name) => existsSync(join(path, name)))
    ? 'a restore is running there; try again once it has finished'
    : LOCKS[use].held

const hold = (file: string, take: Lock['take'], busyMs: number): (() => void) => {
  const lock = new Sqlite(file, { readwrite: true, create: false })
  try {
    lock.run(`PRAGMA busy_timeout = ${busyMs}`)
    // Otherwise SQLite creates a journal beside it, for which a full disk has no inode.
    lock.run('PRAGMA journal_mode = MEMORY')
    for (const sql of take) lock.run(sql)
  } catch (error) {
    lock.close()
    throw error
  }
  return () => lock.close(true)
}

/** The file that a running service keeps open and locked in its data folder. */
export const SERVICE_LOCK_FILE = LOCKS.service.file

/** Returns whether a service uses a data folder, or undefined if this user cannot see that. Changes
 * nothing there. An upgrade or a restore counts as a service. */
export const isServed = (path: string): boolean | undefined => {
  const file = join(path, SERVICE_LOCK_FILE)
  try {
    if (!statSync(file, { throwIfNoEntry: false })) return false
    hold(file, LOCKS.service.take, 0)()
    return false
  } catch (error) {
    return isBusy(error) ? true : undefined
  }
}

/** Locks the folder for a schema change, which would make a running service of an older version fail. A
 * service of this version holds the lock already, and so does a command that works in the folder alone. */
export const lockForMigration = (
  path: string,
  use: 'service' | 'command' | 'restore',
): (() => void) => (use === 'command' ? lockDataDir(path, 'migration') : () => {})
