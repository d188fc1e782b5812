import { SQL } from 'bun'
import { AppError } from '../../errors.ts'

/** The beginnings of the SQLSTATE codes that are no fault of the statement, and what to say
 * (postgresql.org/docs/15/errcodes-appendix.html). */
const OUTAGES: readonly (readonly [string, string])[] = [
  ['08', 'The database cannot be reached'],
  ['25P03', 'The server failed while it wrote this; nothing was written, try again'],
  [
    '28',
    'The database refuses this login; check the user and the password in DATABASE_URI, and pg_hba.conf',
  ],
  ['25006', 'The database is read-only: it is a standby, or its disk is full'],
  ['3D000', 'The database of DATABASE_URI does not exist'],
  ['3F000', 'The database does not have the tables of this home, or not yet'],
  ['40', 'Server busy, try again'],
  ['42P01', 'The database does not have the tables of this home, or not yet'],
  ['53100', 'The disk of the database is full'],
  ['53300', 'The database has no free connection; raise max_connections'],
  ['55P03', 'Server busy, try again'],
  ['57014', 'The database takes too long to answer'],
  ['57', 'The database is stopping or starting'],
  ['58', 'The disk of the database is failing; see its log'],
  ['XX', 'The database is damaged; see its log'],
]

/** Returns an error of the connection, the server or its disk as an `unavailable` AppError, and any other error
 * unchanged. */
export const unavailable = (error: unknown): unknown => {
  const message = wordsFor(error)
  return message === undefined ? error : new AppError('unavailable', message, { cause: error })
}

const wordsFor = (error: unknown): string | undefined => {
  if (!(error instanceof Error)) return undefined
  const { code } = error as { readonly code?: unknown }
  if (code === 'ERR_POSTGRES_TLS_NOT_AVAILABLE')
    return 'The database does not offer TLS, which a connection over a network needs'
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID')
    return 'The certificate of the database is for another host than the one in DATABASE_URI'
  if (typeof code === 'string' && CERTIFICATE_FAULT.test(code))
    return 'The certificate of the database is not trusted; set sslrootcert to the certificate of its CA'
  if (!(error instanceof SQL.PostgresError)) return undefined
  // In a transaction, where it cannot be prepared again, a statement fails whose columns a newer version has changed.
  if (error.routine === 'RevalidateCachedQuery')
    return 'A newer version has just changed the tables, try again'
  const state = stateOf(error)
  return state === undefined
    ? 'The database cannot be reached'
    : OUTAGES.find(([beginning]) => state.startsWith(beginning))?.[1]
}

/** What OpenSSL finds wrong with a certificate (X509_verify_cert_error_string(3)). */
const CERTIFICATE_FAULT = /^(?:UNABLE_TO_|CERT_|SELF_SIGNED_|DEPTH_ZERO_|INVALID_)/

/** True for an error after which the connection is gone: of the client, or one that ends the server's process. */
export const isConnectionLost = (error: unknown): boolean => {
  if (!(error instanceof SQL.PostgresError)) return false
  const state = stateOf(error)
  return state === undefined || /^(?:08|57P|25P03)/.test(state)
}

/** True for an `unavailable` error that a server that is still starting causes. */
export const isStillStarting = (error: unknown): boolean => {
  if (!(error instanceof AppError) || error.code !== 'unavailable') return false
  const { cause } = error
  // Without a cause, it did not answer in time.
  if (cause === undefined) return true
  if ((cause as { readonly code?: unknown }).code === 'ERR_POSTGRES_TLS_NOT_AVAILABLE') return false
  return isConnectionLost(cause) || stateOf(cause) === '53300'
}

/** Returns the SQLSTATE of an error, or undefined for one of the client, such as a lost connection. */
export const stateOf = (error: unknown): string | undefined =>
  error instanceof SQL.PostgresError &&
  typeof error.errno === 'string' &&
  /^[0-9A-Z]{5}$/.test(error.errno)
    ? error.errno
    : undefined
