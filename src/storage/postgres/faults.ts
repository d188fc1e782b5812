import { SQL } from 'bun'
import { AppError } from '../../errors.ts'

/** The beginnings of the SQLSTATE codes that are no fault of the statement, and what to say
 * (postgresql.org/docs/15/errcodes-appendix.html). */
const OUTAGES: readonly (readonly [string, string])[] = [
  ['08', 'The database cannot be reached'],
  ['25P03', 'The server failed while it wrote this; nothing was written, try again'],
  [
    '28',
    'The database does not let this server in; check the user and the password of DATABASE_URI',
  ],
  ['25006', 'The database is read-only: it is a standby, or its disk is full'],
  ['3D000', 'The database of DATABASE_URI does not exist'],
  ['40', 'Server busy, try again'],
  ['53100', 'The disk of the database is full'],
  ['53300', 'The database has no connection left; see max_connections'],
  ['55P03', 'Server busy, try again'],
  ['57014', 'The database takes too long to answer'],
  ['57', 'The database is stopping or starting'],
  ['58', 'The disk of the database fails; see its log'],
  ['XX', 'The database is damaged; see its log'],
]

/** Returns an error of the connection, the server or its disk as an `unavailable` AppError, and any other error
 * unchanged. */
export const unavailable = (error: unknown): unknown => {
  if (!(error instanceof SQL.PostgresError)) return error
  const state = stateOf(error)
  const message =
    state === undefined
      ? 'The database cannot be reached'
      : OUTAGES.find(([beginning]) => state.startsWith(beginning))?.[1]
  return message === undefined ? error : new AppError('unavailable', message, { cause: error })
}

/** Returns the SQLSTATE of an error, or undefined for one of the client, such as a lost connection. */
const stateOf = (error: unknown): string | undefined =>
  error instanceof SQL.PostgresError &&
  typeof error.errno === 'string' &&
  /^[0-9A-Z]{5}$/.test(error.errno)
    ? error.errno
    : undefined
