import { statfsSync } from 'node:fs'
import { AppError } from '../../errors.ts'

/** Names of the secrets in DATA_DIR; a backup holds every one of them that is there. */
export const KEY_FILES = {
  tokens: 'jwt-secret-key',
  log: 'log-signing-key',
  lockout: 'guess-key',
  secondFactors: 'second-factor-key',
} as const

/** What the database is called in DATA_DIR, unless DATABASE_URI says otherwise, and in a backup. */
export const DATABASE_FILE = 'secure-lock.db'

/** Left free beyond what is needed, so that the service goes on writing. */
const SPARE_BYTES = 8 * 1024 ** 2

/** Throws `unavailable` where so many bytes more would not fit on the disk of a folder. */
export const requireRoom = (folder: string, bytes: number, what: string): void => {
  const { bavail, bsize } = statfsSync(folder)
  const free = bavail * bsize
  if (free >= bytes + SPARE_BYTES) return
  throw new AppError(
    'unavailable',
    `No room for ${what}: ${folder} has ${mebibytes(free)} free, and ${mebibytes(bytes + SPARE_BYTES)} are needed; make room first`,
  )
}

/** A number of bytes for people. */
export const mebibytes = (bytes: number): string => `${Math.ceil(bytes / 1024 ** 2)} MiB`

/** 20261125T174002Z: it sorts, and is a name on every file system. */
export const timeText = (atMs: number): string =>
  new Date(atMs).toISOString().replaceAll(/[-:]|\.\d+/g, '')
