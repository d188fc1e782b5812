import { statfsSync } from 'node:fs'
import { AppError } from '../../errors.ts'

/** Names of the secrets in DATA_DIR. A backup contains every one that exists. */
export const KEY_FILES = {
  tokens: 'jwt-secret-key',
  log: 'log-signing-key',
  lockout: 'guess-key',
  secondFactors: 'second-factor-key',
  door: 'door-signing-key',
} as const

/** The file in DATA_DIR with the largest signed head of the log. A backup never contains it, and a restore
 * never brings an earlier one back: it says what this gateway has signed, whatever happened to the database. */
export const SIGNED_HEAD_FILE = 'log-signed-head'

/** The name of the database in DATA_DIR, unless DATABASE_URI says otherwise, and in a backup. */
export const DATABASE_FILE = 'secure-lock.db'

/** The name of the dump that a backup may contain instead of a database file. */
export const DUMP_FILE = 'pg_dump.sql'

/** What a restore keeps in DATA_DIR while it runs: the files that it collects, and then its journal. */
export const RESTORE_FILES = { stage: '.restoring', journal: 'restore.json' } as const

/** Where `tls init` puts its files in DATA_DIR. */
export const TLS_FILES = {
  caCert: 'tls/ca.pem',
  caKey: 'tls/ca-key.pem',
  cert: 'tls/server.pem',
  key: 'tls/server-key.pem',
} as const

/** Left free beyond what is needed, so that the server can keep writing. */
const SPARE_BYTES = 8 * 1024 ** 2

/** Throws `unavailable` if that many more bytes do not fit on the disk of a folder. */
export const requireRoom = (folder: string, bytes: number, what: string): void => {
  const { bavail, bsize } = statfsSync(folder)
  const free = bavail * bsize
  if (free >= bytes + SPARE_BYTES) return
  throw new AppError(
    'unavailable',
    `No room for ${what}: ${folder} has ${mebibytes(free)} free, and ${mebibytes(bytes + SPARE_BYTES)} are needed; make room first`,
  )
}

/** Formats a number of bytes for people. */
export const mebibytes = (bytes: number): string => `${Math.ceil(bytes / 1024 ** 2)} MiB`

/** Formats a time as 20261125T174002Z, which sorts and is a valid name on every file system. */
export const timeText = (atMs: number): string =>
  new Date(atMs).toISOString().replaceAll(/[-:]|\.\d+/g, '')
