import { createHmac, pbkdf2, scrypt } from 'node:crypto'
import { promisify } from 'node:util'

/** A password hash as the older server stored it, by Werkzeug: way, salt and digest. */
export type WerkzeugHash = {
  /** `sha256` (HMAC with the salt as key), `pbkdf2:sha256:N` or `scrypt:N:r:p`. */
  readonly way: string
  readonly salt: string
  /** Lower-case hex. */
  readonly digest: string
}

/** Reads a hash; nothing where it is of another kind, or would take longer than one login may. */
export const parseWerkzeugHash = (text: string): WerkzeugHash | undefined => {
  const { way, salt, digest } = OLDER_HASH.exec(text)?.groups ?? {}
  if (way === undefined || salt === undefined || digest === undefined) return undefined
  const isSized = digest.length === 2 * digestBytes(way)
  return isSized && isComputable(way) ? { way, salt, digest } : undefined
}

const OLDER_HASH =
  /^(?<way>sha256|pbkdf2:sha256:[1-9]\d{0,7}|scrypt:[1-9]\d{0,5}:[1-9]\d?:[1-9]\d?)\$(?<salt>[\x20-#%-~]{1,64})\$(?<digest>[0-9a-f]+)$/

const isScrypt = (way: string): boolean => way.startsWith('scrypt:')

/** The lengths that Werkzeug asks for. */
const digestBytes = (way: string): number => (isScrypt(way) ? 64 : 32)

const numbersOf = (way: string): readonly number[] => way.split(':').slice(-3).map(Number)

/** What scrypt may take at once: what Werkzeug asks for (32768:8:1) is 32 MiB. */
const SCRYPT_BYTES_MAX = 128 * 32_768 * 8

const isComputable = (way: string): boolean => {
  if (werkzeugWork([way]) > WERKZEUG_WORK_MAX) return false
  if (!isScrypt(way)) return true
  const [n = 0, r = 0] = numbersOf(way)
  return n > 1 && Number.isInteger(Math.log2(n)) && 128 * n * r <= SCRYPT_BYTES_MAX
}

/** What all ways of one database may take together, in iterations of PBKDF2, since each login goes
 * through all of them: every way that Werkzeug has had as its default, twice over. A second or two on
 * a PC, several on a small gateway. */
export const WERKZEUG_WORK_MAX = 5_000_000

/** No way counts as less, so that there cannot be very many. */
const WAY_WORK_MIN = 50_000

/** How long ways take together, in iterations of PBKDF2. */
export const werkzeugWork = (ways: Iterable<string>): number => {
  let work = 0
  for (const way of ways) work += Math.max(WAY_WORK_MIN, workOf(way))
  return work
}

const workOf = (way: string): number => {
  if (way === 'sha256') return 1
  const numbers = numbersOf(way)
  // One mix of a block of scrypt takes about as long as one iteration.
  return isScrypt(way) ? numbers.reduce((product, n) => product * n, 1) : (numbers.at(-1) ?? 0)
}

/** The digest of a password as it was typed, which Werkzeug did not normalise; lower-case hex. */
export const werkzeugDigest = async (
  { way, salt }: Pick<WerkzeugHash, 'way' | 'salt'>,
  password: string,
): Promise<string> => {
  if (way === 'sha256') return createHmac('sha256', salt).update(password).digest('hex')
  const bytes = digestBytes(way)
  if (!isScrypt(way)) {
    const [iterations = 1] = numbersOf(way).slice(-1)
    return (await pbkdf2Async(password, salt, iterations, bytes, 'sha256')).toString('hex')
  }
  const [N, r, p] = numbersOf(way)
  const options = { N, r, p, maxmem: 2 * SCRYPT_BYTES_MAX }
  return (await scryptAsync(password, salt, bytes, options)).toString('hex')
}

const pbkdf2Async = promisify(pbkdf2)

const scryptAsync = promisify<string, string, number, object, Buffer>(scrypt)

/** A password hash of a person who has not logged in since they came from the older server, as it is
 * stored: way and salt, and then the Argon2id hash of the digest. */
export const wrappedHash = ({ way, salt }: WerkzeugHash, argon2id: string): string =>
  `${way}$${salt}${argon2id}`

/** The parts of a wrapped hash; nothing where the password itself was hashed. */
export const unwrapped = (hash: string) => {
  const { way, salt, argon2id } = WRAPPED_HASH.exec(hash)?.groups ?? {}
  return way !== undefined && salt !== undefined && argon2id !== undefined
    ? { way, salt, argon2id }
    : undefined
}

const WRAPPED_HASH = /^(?<way>[^$]+)\$(?<salt>[^$]+)(?<argon2id>\$argon2id\$.+)$/
