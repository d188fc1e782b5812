// Each parser throws an Error whose message completes "NAME …" and repeats no secret.
import { isAbsolute, resolve } from 'node:path'
import ipaddr from 'ipaddr.js'
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from '../domain/duration.ts'
import { canonicalZone } from './home-zone.ts'
import { type PostgresAddress, postgresAddress } from './postgres-address.ts'

export const integer =
  (min: number, max: number) =>
  (text: string): number => {
    const value = Number(text)
    if (!/^\d+$/.test(text) || value < min || value > max)
      throw new Error(`must be a whole number from ${min} to ${max}`)
    return value
  }

/** A whole number of days, hours or minutes, from 1 to `max`; returns milliseconds. */
export const duration =
  (unitMs: number, max: number) =>
  (text: string): number =>
    integer(1, max)(text) * unitMs

export const boolean = (text: string): boolean => {
  if (/^(true|1|yes|on)$/i.test(text)) return true
  if (/^(false|0|no|off)$/i.test(text)) return false
  throw new Error('must be true or false')
}

export const oneOf =
  <const Word extends string>(...words: readonly Word[]) =>
  (text: string): Word => {
    const word = words.find((candidate) => candidate === text)
    if (!word) throw new Error(`must be ${words.join(' or ')}`)
    return word
  }

/** Items separated by commas. */
export const list =
  <Item>(parse: (text: string) => Item) =>
  (text: string): readonly Item[] =>
    text
      .split(',')
      .map((part) => part.trim())
      .filter((part) => part !== '')
      .map(parse)

/** Makes a path absolute. */
export const path = (text: string): string => resolve(text)

export const ipAddress = (text: string): string => {
  if (text === 'localhost') return '127.0.0.1'
  if (!ipaddr.isValid(text)) throw new Error('must be an IP address, such as 0.0.0.0 or 127.0.0.1')
  return text
}

/** An address range, as ipaddr.js parses a CIDR. */
export type Cidr = ReturnType<typeof ipaddr.parseCIDR>

/** A single address counts as a range of one. */
export const cidr = (text: string): Cidr => {
  const range = text.includes('/') ? text : `${text}/${text.includes(':') ? 128 : 32}`
  if (!ipaddr.isValidCIDR(range)) throw new Error('must be CIDRs, such as 10.0.0.0/8,::1/128')
  return ipaddr.parseCIDR(range)
}

/** The time zone of a place, or UTC; returns its current name. */
export const timeZone = (text: string): string => {
  const zone = canonicalZone(text)
  if (zone === undefined)
    throw new Error(
      'must be UTC or the name of a place in the IANA time zone database, such as Europe/Berlin; offsets and abbreviations do not say when clocks change',
    )
  return zone
}

/** An origin as browsers send it (RFC 6454). */
export const origin = (text: string): string => {
  if (!URL.canParse(text) || new URL(text).origin !== text)
    throw new Error(
      'must be origins, such as https://home.example, without a path or trailing slash',
    )
  return text
}

/** A host name without scheme and port, whose first label may be `*`; returns it as browsers send it. */
export const hostName = (text: string): string => {
  const [, wildcard = '', name = ''] = /^(\*\.)?(.+)$/.exec(text) ?? []
  const url = URL.parse(`http://${name}`)
  if (!url || url.host !== url.hostname || url.href !== `http://${url.host}/` || /[:*/]/.test(name))
    throw new Error('must be host names, such as lock.fritz.box, without scheme or port')
  return `${wildcard}${url.hostname}`
}

/** The name of a replica, such as a host name or the name of a container. */
export const instanceName = (text: string): string => {
  if (!/^[\w.-]{1,64}$/.test(text))
    throw new Error('must be 1 to 64 characters: letters, digits, . _ or -')
  return text
}

/** A web address without a path; returns its origin. */
export const webAddress = (text: string): string => {
  const url = URL.parse(text)
  const isBare = url && url.href === `${url.origin}/` && /^https?:$/.test(url.protocol)
  if (!isBare) throw new Error('must be an address such as https://lock.home:8443, without a path')
  return url.origin
}

/** One window of a rate limit: at most `max` requests in `windowMs` milliseconds. */
export type RateWindow = { readonly max: number; readonly windowMs: number }

const UNIT_MS = { second: SECOND_MS, minute: MINUTE_MS, hour: HOUR_MS, day: DAY_MS } as const

/** `off` means no windows. */
export const rateLimit = (text: string): readonly RateWindow[] => {
  if (text === 'off') return []
  return text.split(';').map((part) => {
    const match = /^\s*([1-9]\d{0,8})\s*\/\s*(second|minute|hour|day)\s*$/.exec(part)
    if (!match) throw new Error('must look like 20/minute;100/hour, or off')
    return { max: Number(match[1]), windowMs: UNIT_MS[match[2] as keyof typeof UNIT_MS] }
  })
}

/** A whole number from 1, or `off`, which is no limit. */
export const countOrOff = (text: string): number =>
  text === 'off' ? Infinity : integer(1, 1_000_000_000)(text)

const UNIT_BYTES = { '': 1, b: 1, kib: 1024, mib: 1024 ** 2 } as const

/** A size such as `64 KiB`; returns bytes. */
export const byteSize = (text: string): number => {
  const bytes = bytesOf(text)
  if (bytes === undefined || bytes < 1024 || bytes > 16 * MIB)
    throw new Error('must be a size from 1 KiB to 16 MiB, such as 64 KiB')
  return bytes
}

/** A size of at least 1 MiB; returns bytes. `off` means `whenOff`. */
export const byteSizeOrOff =
  (whenOff: number) =>
  (text: string): number => {
    const bytes = text === 'off' ? whenOff : bytesOf(text)
    if (bytes === undefined || (bytes < MIB && bytes !== whenOff))
      throw new Error('must be a size of at least 1 MiB, such as 64 MiB, or off')
    return bytes
  }

const MIB = 1024 ** 2

const bytesOf = (text: string): number | undefined => {
  const match = /^([1-9]\d{0,8})\s*(|b|kib|mib)$/i.exec(text)
  return match
    ? Number(match[1]) * UNIT_BYTES[match[2]?.toLowerCase() as keyof typeof UNIT_BYTES]
    : undefined
}

/** The URL of an SQLite database, as for the legacy server; returns an absolute path. */
export const sqliteUrl = (text: string): string => {
  const file = /^sqlite:\/\/\/(?<file>[^?#]+)$/.exec(text)?.groups?.['file']
  if (!file) throw new Error('must look like sqlite:///relative/path or sqlite:////absolute/path')
  return isAbsolute(file) ? file : resolve(file)
}

/** The place of the data: a file, or a schema on a PostgreSQL server. */
export const databaseUrl = (text: string): string | PostgresAddress =>
  isPostgres(text) ? postgresAddress(text) : sqliteUrl(text)

export const isPostgres = (text: string): boolean => /^postgres(ql)?:/.test(text)

/** True for the address of a server, unless it certainly contains no password. */
export const isSecretAddress = (text: string): boolean => {
  if (!isPostgres(text)) return false
  try {
    return postgresAddress(text).password !== undefined
  } catch {
    return true
  }
}

const PASSPHRASE_CHARACTERS_MIN = 12

export const passphrase = (text: string): string => {
  if (Array.from(text).length < PASSPHRASE_CHARACTERS_MIN)
    throw new Error(
      `is shorter than ${PASSPHRASE_CHARACTERS_MIN} characters; use five random words`,
    )
  return text
}

const JWT_SECRET_BYTES_MIN = 32

/** Words of published example secrets, compared without case, `-`, `_` and spaces. */
const EXAMPLE_WORDS =
  /secretkey|yoursecret|supersecret|mysecret|jwtsecret|bitsecret|changeme|changethis|changeit|replaceme|example|placeholder|password|keyboardcat|securelock|topsecret|default|01234567|abcdefgh|abcd1234/

export const jwtSecret = (text: string): string => {
  const advice = 'create one with: openssl rand -base64 48'
  if (Buffer.byteLength(text) < JWT_SECRET_BYTES_MIN)
    throw new Error(`is shorter than ${JWT_SECRET_BYTES_MIN} bytes; ${advice}`)
  const plain = text.toLowerCase().replaceAll(/[-_\s]/g, '')
  if (EXAMPLE_WORDS.test(plain) || new Set(text).size < 10)
    throw new Error(`looks like a published example or is easily guessed; ${advice}`)
  return text
}

/** The address of a broker, and the credentials for it. */
export type MqttAddress = {
  readonly host: string
  readonly port: number
  readonly isTls: boolean
  readonly username: string | undefined
  readonly password: string | undefined
}

/** The URL of an MQTT broker, with the default port of its scheme. */
export const mqttUrl = (text: string): MqttAddress => {
  const url = URL.parse(text)
  const isTls = url?.protocol === 'mqtts:'
  const isBare = /^\/?$/.test(url?.pathname ?? '-') && !url?.search && !url?.hash
  if (!url?.hostname || !isBare || !/^mqtts?:$/.test(url.protocol)) throw new Error(MQTT_URL_FORM)
  return {
    host: url.hostname.replaceAll(/^\[|\]$/g, ''),
    port: Number(url.port) || (isTls ? 8883 : 1883),
    isTls,
    username: decoded(url.username, MQTT_URL_FORM),
    password: decoded(url.password, MQTT_URL_FORM),
  }
}

const MQTT_URL_FORM =
  'must look like mqtt://user:password@192.168.1.5:1883 or mqtts://user:password@broker.home, with special characters percent-encoded, such as %23'

const decoded = (text: string, form: string): string | undefined => {
  try {
    return text === '' ? undefined : decodeURIComponent(text)
  } catch {
    throw new Error(form)
  }
}

/** The beginning of MQTT topics: levels of letters, digits, `-` and `_`, separated by `/`. */
export const topicPrefix = (text: string): string => {
  if (!/^[\w-]{1,40}(\/[\w-]{1,40}){0,3}$/.test(text))
    throw new Error('must be letters, digits, - and _, such as secure-lock, in up to 4 levels')
  return text
}

/** The address of a mail server, and the credentials for it. */
export type SmtpAddress = {
  readonly host: string
  readonly port: number
  /** TLS from the beginning (RFC 8314), not by STARTTLS. */
  readonly isTls: boolean
  readonly username: string | undefined
  readonly password: string | undefined
  /** The sender’s address. */
  readonly from: string
}

/** The URL of a mail server. `?from=` is the sender, by default the user name if that is an address. */
export const smtpUrl = (text: string): SmtpAddress => {
  const url = URL.parse(text)
  const isTls = url?.protocol === 'smtps:'
  if (!url?.hostname || !/^smtps?:$/.test(url.protocol) || !/^\/?$/.test(url.pathname) || url.hash)
    throw new Error(SMTP_URL_FORM)
  if ([...url.searchParams.keys()].some((name) => name !== 'from')) throw new Error(SMTP_URL_FORM)
  const username = decoded(url.username, SMTP_URL_FORM)
  const from = url.searchParams.get('from') ?? username ?? ''
  if (!isMailAddress(from))
    throw new Error('must end in the address of the sender, such as ?from=lock@example.org')
  return {
    host: url.hostname.replaceAll(/^\[|\]$/g, ''),
    port: Number(url.port) || (isTls ? 465 : 587),
    isTls,
    username,
    password: decoded(url.password, SMTP_URL_FORM),
    from,
  }
}

const SMTP_URL_FORM =
  'must look like smtps://user:password@mail.example.org?from=lock@example.org or smtp://mail.home:25?from=lock@home, with special characters percent-encoded, such as %23'

/** Whether text is a mailbox address (RFC 5321) without a name, comments or quotes. */
export const isMailAddress = (text: string): boolean =>
  text.length <= 254 && /^[^\s\p{C}"(),:;<>@[\\\]]{1,64}@[\p{L}\p{N}.-]{1,253}$/u.test(text)
