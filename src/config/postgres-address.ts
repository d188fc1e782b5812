import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'

/** Where a home's data is: a PostgreSQL server, a database on it, and a schema in it. */
export type PostgresAddress = {
  /** A host, or the folder of a Unix socket. */
  readonly host: string
  readonly port: number
  readonly user: string
  readonly password: string | undefined
  readonly database: string
  readonly schema: string
  /** Undefined for a connection without TLS, which stays on this machine. */
  readonly tls: { readonly serverName: string; readonly ca: string | undefined } | undefined
  /** The server itself, if `host` is a pooler in front of it. */
  readonly direct?: PostgresAddress
}

const FORM =
  'must look like postgres://user:password@host:5432/database?schema=home, with %XX for special characters in the password'

const NO_HOST = 'no-host.invalid'

const PARAMETERS = new Set(['schema', 'sslmode', 'sslrootcert', 'host', 'direct'])

/** What parameters of libpq look like. */
const PARAMETER = /^[a-z_]{1,40}$/

/** A value of libpq; anything else may be the rest of a password that has a `?`. */
const SSL_MODE = /^[a-z-]{1,11}$/

/** Lower case, so that it needs no quotation marks and is the same in every tool. */
const SCHEMA = /^[a-z_][a-z0-9_]{0,62}$/

/** Reads an address as libpq does (postgresql.org/docs/15/libpq-connect.html, 34.1.1.2), with further parameters
 * `schema` and `direct`. Over a network, the certificate and the name of the server are verified: other values of `sslmode`
 * are refused. Throws an Error whose message completes "NAME …" and repeats no secret. */
export const postgresAddress = (text: string): PostgresAddress => {
  // libpq allows an address without a host; a URL must have one.
  const url = URL.parse(text.replace(/^(postgres(?:ql)?:\/\/[^@/?#]*@)(?=\/)/, `$1${NO_HOST}`))
  if (!url || !/^postgres(ql)?:$/.test(url.protocol)) throw new Error(FORM)
  const given = url.searchParams
  const named = url.hostname === NO_HOST ? '' : url.hostname.replaceAll(/^\[|\]$/g, '')
  const host = given.get('host') ?? named
  const [user, password, database] = [url.username, url.password, url.pathname.slice(1)].map(
    decoded,
  )
  // After an @ and a / that a password has, its rest stands where the database does.
  const isWhole = !/[/@]/.test(url.pathname.slice(1))
  if (!host || !user || !database || !isWhole) throw new Error(FORM)
  const unknown = [...given.keys()].find((name) => !PARAMETERS.has(name))
  if (unknown !== undefined) {
    // After a ? that a password has, its rest stands where parameters do.
    const shown = PARAMETER.test(unknown)
      ? `the unknown parameter ${unknown}`
      : 'an unknown parameter'
    throw new Error(`has ${shown}; there are ${[...PARAMETERS].join(', ')}`)
  }
  const repeated = [...PARAMETERS].find((name) => given.getAll(name).length > 1)
  if (repeated !== undefined) throw new Error(`has ${repeated} more than once; give it once`)
  const schema = given.get('schema') ?? 'secure_lock'
  if (!SCHEMA.test(schema) || schema.startsWith('pg_'))
    throw new Error(
      'has a schema that cannot be used: it needs lower-case letters, digits and _, and no digit or pg_ at the beginning',
    )
  const address = {
    host,
    port: Number(url.port || 5432),
    user,
    password: password === '' ? undefined : password,
    database,
    schema,
    tls: tlsOf(host, given),
  }
  const direct = given.get('direct')
  return direct === null ? address : { ...address, direct: directly(direct, address, given) }
}

const directly = (
  place: string,
  address: PostgresAddress,
  given: URLSearchParams,
): PostgresAddress => {
  const url = URL.parse(`postgres://${place}`)
  const host = url?.hostname.replaceAll(/^\[|\]$/g, '')
  if (!url || !host || url.host !== place)
    throw new Error('has a value for direct that is not host:port')
  return { ...address, host, port: Number(url.port || 5432), tls: tlsOf(host, given) }
}

const decoded = (part: string): string => {
  try {
    return decodeURIComponent(part)
  } catch {
    throw new Error(FORM)
  }
}

const tlsOf = (host: string, given: URLSearchParams): PostgresAddress['tls'] => {
  const mode = given.get('sslmode') ?? (isLocal(host) ? 'disable' : 'verify-full')
  if (mode === 'disable' && isLocal(host)) return undefined
  if (mode !== 'verify-full')
    throw new Error(
      `has ${SSL_MODE.test(mode) ? `sslmode=${mode}` : 'a value for sslmode'}, which does not verify who the server is; use verify-full, and sslrootcert for a CA of your own`,
    )
  const path = given.get('sslrootcert')
  return { serverName: host, ca: path === null ? undefined : certificates(path) }
}

const certificates = (path: string): string => {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    throw new Error(`has an sslrootcert that cannot be read: ${path}`)
  }
}

/** True if what is sent stays on this machine. */
const isLocal = (host: string): boolean =>
  host.startsWith('/') ||
  host === 'localhost' ||
  host === '::1' ||
  (isIP(host) === 4 && host.startsWith('127.'))

/** Returns an address without its password, for people. */
export const shownAddress = ({ host, port, user, database, schema }: PostgresAddress): string =>
  host.startsWith('/')
    ? `postgres://${user}@/${database}?host=${host}&schema=${schema}`
    : `postgres://${user}@${isIP(host) === 6 ? `[${host}]` : host}:${port}/${database}?schema=${schema}`
