import { SQLiteError } from 'bun:sqlite'
import { AppError } from '../../errors.ts'

/** True if another process holds the lock. */
export const isBusy = (error: unknown): boolean =>
  error instanceof SQLiteError && error.code?.startsWith('SQLITE_BUSY') === true

export type Attempt = <Result>(work: () => Result) => Result

/** Remembers whether a damaged page was found. Damage does not go away, and further writes may damage
 * sound pages too. */
export const damageWatch = () => {
  let damage: unknown
  return {
    /** Runs work on SQLite. An error of disk, lock or file becomes an AppError `unavailable`. */
    attempt: <Result>(work: () => Result): Result => {
      try {
        return work()
      } catch (error) {
        if (isDamage(error)) damage ??= error
        throw unavailable(error)
      }
    },
    isSound: (): boolean => damage === undefined,
    requireSound: (): void => {
      if (damage) throw unavailable(damage)
    },
  }
}

const isDamage = (error: unknown): boolean =>
  error instanceof SQLiteError && /^SQLITE_(CORRUPT|NOTADB)/.test(error.code ?? '')

const DAMAGED = 'The database file is damaged; restore a backup of it'
const LOCKED = 'The database is locked by another program'

/** Prefixes of the SQLite result codes whose cause is the disk or another process, and what to say. */
const OUTAGES: readonly (readonly [string, string])[] = [
  ['SQLITE_BUSY', LOCKED],
  [
    'SQLITE_CANTOPEN',
    'A file of the database cannot be opened; check whether the disk has inodes left (df -i)',
  ],
  ['SQLITE_CORRUPT', DAMAGED],
  ['SQLITE_FULL', 'The disk is full'],
  ['SQLITE_IOERR_READ', 'The disk cannot be read; see the log of the system'],
  [
    'SQLITE_IOERR',
    'The disk accepts no writes: it is read-only, at a limit or failing; see the log of the system',
  ],
  ['SQLITE_LOCKED', LOCKED],
  ['SQLITE_NOTADB', DAMAGED],
  ['SQLITE_READONLY', 'The database is read-only'],
]

/** Returns an error of disk, lock or file as an `unavailable` AppError, and any other error unchanged. */
export const unavailable = (error: unknown): unknown => {
  if (!(error instanceof SQLiteError)) return error
  const { code = '' } = error
  const message = OUTAGES.find(([beginning]) => code.startsWith(beginning))?.[1]
  return message ? new AppError('unavailable', message, { cause: error }) : error
}
