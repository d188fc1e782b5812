import { readFileSync } from 'node:fs'
import { isAbsolute, join, resolve } from 'node:path'
import ipaddr from 'ipaddr.js'

/** One window of a rate limit: at most `max` requests in `windowMs` milliseconds. */
export type RateWindow = { readonly max: number; readonly windowMs: number }

/** An address range, as ipaddr.js parses a CIDR. */
export type Cidr = ReturnType<typeof ipaddr.parseCIDR>

type Setting<Value> = {
  readonly env: string
  readonly doc: string
  readonly fallback: string
  readonly secret?: boolean
  /** Throws an Error whose message completes "NAME …"; it must not repeat a secret. */
  readonly parse: (text: string) => Value
}

const setting = <Value>(one: Setting<Value>) => one

/** Every setting, in the order `--help` and the README show them. An empty fallback means none. */
export const SETTINGS = {
  host: setting({
    env: 'HOST',
    doc: 'address to listen on; 127.0.0.1 keeps it on this machine',
    fallback: '0.0.0.0',
    parse: ipAddress,
  }),
  port: setting({
    env: 'PORT',
    doc: 'TCP port to listen on',
    fallback: '8080',
    parse: (text) => integer(text, 1, 65_535),
  }),
  dataDir: setting({
    env: 'DATA_DIR',
    doc: 'folder of the database and the keys; created with mode 0700',
    fallback: './data',
    parse: (text) => resolve(text),
  }),
  databasePath: setting({
    env: 'DATABASE_URI',
    doc: 'sqlite:///relative/path or sqlite:////absolute/path (none: secure-lock.db in DATA_DIR)',
    fallback: '',
    parse: databasePath,
  }),
  jwtSecretKey: setting({
    env: 'JWT_SECRET_KEY',
    doc: 'signs access tokens, 32 bytes or more (none: made at the first start, kept in DATA_DIR)',
    fallback: '',
    secret: true,
    parse: jwtSecret,
  }),
  accessTokenMinutes: setting({
    env: 'JWT_ACCESS_TOKEN_EXPIRES',
    doc: 'life of an access token, minutes',
    fallback: '30',
    parse: (text) => integer(text, 1, 43_200),
  }),
  sessionIdleDays: setting({
    env: 'SESSION_IDLE_DAYS',
    doc: 'days after which a session ends that was not refreshed',
    fallback: '30',
    parse: (text) => integer(text, 1, 365),
  }),
  sessionMaxDays: setting({
    env: 'SESSION_MAX_DAYS',
    doc: 'days after its login at which a session ends, however often it was refreshed',
    fallback: '180',
    parse: (text) => integer(text, 1, 3650),
  }),
  debug: setting({
    env: 'DEBUG',
    doc: 'true opens /getLogs and /getUsers without a password to callers on this machine',
    fallback: 'false',
    parse: boolean,
  }),
  registration: setting({
    env: 'REGISTRATION',
    doc: 'who may register: open (anyone who reaches the port), invite (with an invitation) or closed (user add only)',
    fallback: 'open',
    parse: (text) => oneOf(text, ['open', 'invite', 'closed']),
  }),
  publicUrl: setting({
    env: 'PUBLIC_URL',
    doc: 'where links send a phone, such as https://lock.home:8443 (none: to this machine’s address)',
    fallback: '',
    parse: webAddress,
  }),
  passwordMinLength: setting({
    env: 'PASSWORD_MIN_LENGTH',
    doc: 'fewest characters of a new password',
    fallback: '8',
    parse: (text) => integer(text, 8, 128),
  }),
  passwordBlocklist: setting({
    env: 'PASSWORD_BLOCKLIST',
    doc: 'on refuses the commonest passwords',
    fallback: 'on',
    parse: (text) => oneOf(text, ['on', 'off']),
  }),
  secondFactor: setting({
    env: 'SECOND_FACTOR',
    doc: 'optional, or required: owners and admins may do no more than members until they have one',
    fallback: 'optional',
    parse: (text) => oneOf(text, ['optional', 'required']),
  }),
  rateLimitAuth: setting({
    env: 'RATE_LIMIT_AUTH',
    doc: 'register, login and all that takes a password or code, per client; off switches it off',
    fallback: '20/minute;100/hour',
    parse: rateLimit,
  }),
  rateLimitUnlock: setting({
    env: 'RATE_LIMIT_UNLOCK',
    doc: '/logUnlocking, per account',
    fallback: '60/minute;1000/hour',
    parse: rateLimit,
  }),
  rateLimitChanges: setting({
    env: 'RATE_LIMIT_CHANGES',
    doc: 'what leaves a record for good: changes, exports, ended sessions; per account',
    fallback: '60/minute;600/hour',
    parse: rateLimit,
  }),
  rateLimitDefault: setting({
    env: 'RATE_LIMIT_DEFAULT',
    doc: 'everything else, per client',
    fallback: '600/minute',
    parse: rateLimit,
  }),
  trustedProxies: setting({
    env: 'TRUSTED_PROXIES',
    doc: 'CIDRs, separated by commas, whose X-Forwarded-For is believed',
    fallback: '',
    parse: (text) => list(text).map(cidr),
  }),
  corsOrigins: setting({
    env: 'CORS_ORIGINS',
    doc: 'exact origins, separated by commas, whose pages may call this service',
    fallback: '',
    parse: (text) => list(text).map(origin),
  }),
  tlsCertFile: setting({
    env: 'TLS_CERT_FILE',
    doc: 'certificate chain, PEM; together with TLS_KEY_FILE it switches HTTPS on',
    fallback: '',
    parse: (text) => text && resolve(text),
  }),
  tlsKeyFile: setting({
    env: 'TLS_KEY_FILE',
    doc: 'private key of the certificate, PEM',
    fallback: '',
    parse: (text) => text && resolve(text),
  }),
  bodyBytesMax: setting({
    env: 'BODY_LIMIT',
    doc: 'largest request body, in bytes, KiB or MiB; larger ones get 413',
    fallback: '64 KiB',
    parse: byteSize,
  }),
  logRetentionDays: setting({
    env: 'LOG_RETENTION_DAYS',
    doc: 'days after which names, methods and addresses are erased from the logs (none: kept)',
    fallback: '',
    parse: (text) => (text === '' ? 0 : integer(text, 1, 36_500)),
  }),
  backupDir: setting({
    env: 'BACKUP_DIR',
    doc: 'folder in which the service makes backups by itself (none: it makes none)',
    fallback: '',
    parse: (text) => text && resolve(text),
  }),
  backupEveryHours: setting({
    env: 'BACKUP_EVERY_HOURS',
    doc: 'hours from one backup to the next',
    fallback: '24',
    parse: (text) => integer(text, 1, 8760),
  }),
  backupKeep: setting({
    env: 'BACKUP_KEEP',
    doc: 'how many of its backups the service keeps in BACKUP_DIR; the oldest go first',
    fallback: '14',
    parse: (text) => integer(text, 1, 10_000),
  }),
  backupPassphrase: setting({
    env: 'BACKUP_PASSPHRASE',
    doc: 'encrypts backups, 12 characters or more (none: they are as secret as DATA_DIR)',
    fallback: '',
    secret: true,
    parse: passphrase,
  }),
  logLevel: setting({
    env: 'LOG_LEVEL',
    doc: 'debug, info, warn or error',
    fallback: 'info',
    parse: (text) => oneOf(text, ['debug', 'info', 'warn', 'error']),
  }),
  logFormat: setting({
    env: 'LOG_FORMAT',
    doc: 'json, one object a line, or text for people',
    fallback: 'json',
    parse: (text) => oneOf(text, ['json', 'text']),
  }),
} as const

/** True for the name of a setting, or of the file that holds a secret one. */
export const isSetting = (name: string): boolean =>
  Object.values(SETTINGS).some(
    (one) => name === one.env || ('secret' in one && name === `${one.env}_FILE`),
  )

type Settings = typeof SETTINGS

/** The checked settings; an absent path or secret is an empty string, an absent number 0. */
export type Config = {
  readonly [Name in keyof Settings]: ReturnType<Settings[Name]['parse']>
} & {
  /** REGISTRATION is set, so that no owner chooses it while the service runs. */
  readonly registrationIsFixed: boolean
}

/** All faults of the environment at once, a line each, without any secret value. */
export class ConfigError extends Error {
  constructor(faults: readonly string[]) {
    super(['The settings cannot be used:', ...faults.map((fault) => `  ${fault}`)].join('\n'))
    this.name = 'ConfigError'
  }
}

/** Reads the settings from an environment; throws one ConfigError that names every fault. */
export const parseConfig = (env: Readonly<Record<string, string | undefined>>): Config => {
  const faults: string[] = []
  const values: Record<string, unknown> = {}
  for (const [name, one] of Object.entries(SETTINGS)) {
    try {
      values[name] = one.parse(rawValue(one, env))
    } catch (error) {
      faults.push(`${one.env} ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  const config = values as Config
  if (Boolean(config.tlsCertFile) !== Boolean(config.tlsKeyFile))
    faults.push('TLS_CERT_FILE and TLS_KEY_FILE go together: set both, or neither')
  if (faults.length > 0) throw new ConfigError(faults)
  return Object.freeze({
    ...config,
    registrationIsFixed: Boolean(env[SETTINGS.registration.env]?.trim()),
    databasePath: config.databasePath || join(config.dataDir, 'secure-lock.db'),
  })
}

/** Every setting as it is given, by its name; of a secret only whether it is. */
export const givenSettings = (env: Readonly<Record<string, string | undefined>>) =>
  Object.values(SETTINGS).map((one) => {
    const value = rawValue(one, env)
    const told = 'secret' in one && value ? 'set' : value
    return { name: one.env, value: told, fallback: one.fallback }
  })

/** Files that hold a secret, by the setting that names each. */
export const secretFiles = (env: Readonly<Record<string, string | undefined>>) => {
  const secrets = Object.values(SETTINGS).filter((one) => 'secret' in one)
  const names = [SETTINGS.tlsKeyFile.env, ...secrets.map((one) => `${one.env}_FILE`)]
  return names.flatMap((name) => {
    const path = env[name]?.trim()
    return path ? [{ name, path: resolve(path) }] : []
  })
}

const rawValue = (
  one: Pick<Setting<unknown>, 'env' | 'fallback' | 'secret'>,
  env: Readonly<Record<string, string | undefined>>,
): string => {
  const value = env[one.env]?.trim()
  const file = one.secret ? env[`${one.env}_FILE`]?.trim() : undefined
  if (value && file) throw new Error(`and ${one.env}_FILE contradict: set one of them`)
  if (!file) return value || one.fallback
  const content = readSecretFile(file, one.env)
  if (!content) throw new Error(`is empty in the file that ${one.env}_FILE names`)
  return content
}

const readSecretFile = (path: string, env: string): string => {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch {
    throw new Error(`cannot be read from the file that ${env}_FILE names`)
  }
}

function integer(text: string, min: number, max: number): number {
  const value = Number(text)
  if (!/^\d+$/.test(text) || value < min || value > max)
    throw new Error(`must be a whole number from ${min} to ${max}`)
  return value
}

function boolean(text: string): boolean {
  if (/^(true|1|yes|on)$/i.test(text)) return true
  if (/^(false|0|no|off)$/i.test(text)) return false
  throw new Error('must be true or false')
}

function oneOf<const Word extends string>(text: string, words: readonly Word[]): Word {
  const word = words.find((candidate) => candidate === text)
  if (!word) throw new Error(`must be ${words.join(' or ')}`)
  return word
}

function list(text: string): string[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
}

function ipAddress(text: string): string {
  if (text === 'localhost') return '127.0.0.1'
  if (!ipaddr.isValid(text)) throw new Error('must be an IP address, such as 0.0.0.0 or 127.0.0.1')
  return text
}

function cidr(text: string): Cidr {
  const range = text.includes('/') ? text : `${text}/${text.includes(':') ? 128 : 32}`
  if (!ipaddr.isValidCIDR(range)) throw new Error('must hold CIDRs, such as 10.0.0.0/8,::1/128')
  return ipaddr.parseCIDR(range)
}

function origin(text: string): string {
  if (!URL.canParse(text) || new URL(text).origin !== text)
    throw new Error(
      'must hold origins, such as https://home.example, without path or trailing slash',
    )
  return text
}

function webAddress(text: string): string {
  if (text === '') return ''
  const url = URL.parse(text)
  const isBare = url && url.href === `${url.origin}/` && /^https?:$/.test(url.protocol)
  if (!isBare) throw new Error('must be an address such as https://lock.home:8443, without a path')
  return url.origin
}

const UNIT_MS = { second: 1000, minute: 60_000, hour: 3_600_000, day: 86_400_000 } as const

function rateLimit(text: string): readonly RateWindow[] {
  if (text === 'off') return []
  return text.split(';').map((part) => {
    const match = /^\s*([1-9]\d{0,8})\s*\/\s*(second|minute|hour|day)\s*$/.exec(part)
    if (!match) throw new Error('must read like 20/minute;100/hour, or off')
    return { max: Number(match[1]), windowMs: UNIT_MS[match[2] as keyof typeof UNIT_MS] }
  })
}

const UNIT_BYTES = { '': 1, b: 1, kib: 1024, mib: 1024 ** 2 } as const

function byteSize(text: string): number {
  const match = /^([1-9]\d{0,8})\s*(|b|kib|mib)$/i.exec(text)
  const bytes = match
    ? Number(match[1]) * UNIT_BYTES[match[2]?.toLowerCase() as keyof typeof UNIT_BYTES]
    : 0
  if (bytes < 1024 || bytes > 16 * 1024 ** 2)
    throw new Error('must be a size from 1 KiB to 16 MiB, such as 64 KiB')
  return bytes
}

function databasePath(text: string): string {
  if (text === '') return ''
  const path = /^sqlite:\/\/\/(?<path>[^?#]+)$/.exec(text)?.groups?.['path']
  if (!path) throw new Error('must read sqlite:///relative/path or sqlite:////absolute/path')
  return isAbsolute(path) ? path : resolve(path)
}

const PASSPHRASE_CHARACTERS_MIN = 12

function passphrase(text: string): string {
  const length = Array.from(text).length
  if (length > 0 && length < PASSPHRASE_CHARACTERS_MIN)
    throw new Error(
      `is shorter than ${PASSPHRASE_CHARACTERS_MIN} characters; five random words are good`,
    )
  return text
}

const JWT_SECRET_BYTES_MIN = 32

/** Words that stand in published examples of secrets, compared without case, `-`, `_` and spaces. */
const EXAMPLE_WORDS =
  /secretkey|yoursecret|supersecret|mysecret|jwtsecret|bitsecret|changeme|changethis|changeit|replaceme|example|placeholder|password|keyboardcat|securelock|topsecret|default|01234567|abcdefgh|abcd1234/

function jwtSecret(text: string): string {
  if (text === '') return ''
  const advice = 'make one with: openssl rand -base64 48'
  if (Buffer.byteLength(text) < JWT_SECRET_BYTES_MIN)
    throw new Error(`is shorter than ${JWT_SECRET_BYTES_MIN} bytes; ${advice}`)
  const plain = text.toLowerCase().replaceAll(/[-_\s]/g, '')
  if (EXAMPLE_WORDS.test(plain) || new Set(text).size < 10)
    throw new Error(`looks like a published example or is easily guessed; ${advice}`)
  return text
}
