import { createHmac, pbkdf2, scrypt } from 'node:crypto'
import { promisify } from 'node:util'

/** A password hash as Werkzeug created it for the legacy server: scheme, salt and digest. */
export type WerkzeugHash = {
  /** `sha256` (HMAC with the salt as key), `pbkdf2:sha256:N` or `scrypt:N:r:p`. */
  readonly scheme: string
  readonly salt: string
  /** Lower-case hex. */
  readonly digest: string
}

/** Parses a hash. Returns undefined if it is of another kind, or takes longer than one login may. */
export const parseWerkzeugHash = (text: string): WerkzeugHash | undefined => {
  const { scheme, salt, digest } = WERKZEUG_HASH.exec(text)?.groups ?? {}
  if (scheme === undefined || salt === undefined || digest === undefined) return undefined
  const isSized = digest.length === 2 * digestBytes(scheme)
  return isSized && isComputable(scheme) ? { scheme, salt, digest } : undefined
}

const WERKZEUG_HASH =
  /^(?<scheme>sha256|pbkdf2:sha256:[1-9]\d{0,7}|scrypt:[1-9]\d{0,5}:[1-9]\d?:[1-9]\d?)\$(?<salt>[\x20-#%-~]{1,64})\$(?<digest>[0-9a-f]+)$/

const isScrypt = (scheme: string): boolean => scheme.startsWith('scrypt:')

/** The lengths that Werkzeug uses. */
const digestBytes = (scheme: string): number => (isScrypt(scheme) ? 64 : 32)

const numbersOf = (scheme: string): readonly number[] => scheme.split(':').slice(-3).map(Number)

/** Memory that scrypt may take: 32 MiB, which is what Werkzeug uses (32768:8:1). */
const SCRYPT_BYTES_MAX = 128 * 32_768 * 8

const isComputable = (scheme: string): boolean => {
  if (werkzeugWork([scheme]) > WERKZEUG_WORK_MAX) return false
  if (!isScrypt(scheme)) return true
  const [n = 0, r = 0] = numbersOf(scheme)
  return n > 1 && Number.isInteger(Math.log2(n)) && 128 * n * r <= SCRYPT_BYTES_MAX
}

/** What all schemes of one database may cost together, in iterations of PBKDF2, since each login
 * goes through all of them. Enough for every scheme that was ever Werkzeug's default, twice over: a
 * second or two on a PC, several on a small gateway. */
export const WERKZEUG_WORK_MAX = 5_000_000

/** The minimum cost of a scheme, which limits their number. */
const SCHEME_WORK_MIN = 50_000

/** Returns what schemes cost together, in iterations of PBKDF2. */
export const werkzeugWork = (schemes: Iterable<string>): number => {
  let work = 0
  for (const scheme of schemes) work += Math.max(SCHEME_WORK_MIN, workOf(scheme))
  return work
}

const workOf = (scheme: string): number => {
  if (scheme === 'sha256') return 1
  const numbers = numbersOf(scheme)
  // Mixing one block of scrypt takes about as long as one iteration.
  return isScrypt(scheme) ? numbers.reduce((product, n) => product * n, 1) : (numbers.at(-1) ?? 0)
}

/** Returns the digest of a password as it was typed, since Werkzeug did not normalize it; lower-case
 * hex. */
export const werkzeugDigest = async (
  { scheme, salt }: Pick<WerkzeugHash, 'scheme' | 'salt'>,
  password: string,
): Promise<string> => {
  if (scheme === 'sha256') return createHmac('sha256', salt).update(password).digest('hex')
  const bytes = digestBytes(scheme)
  if (!isScrypt(scheme)) {
    const [iterations = 1] = numbersOf(scheme).slice(-1)
    return (await pbkdf2Async(password, salt, iterations, bytes, 'sha256')).toString('hex')
  }
  const [N, r, p] = numbersOf(scheme)
  const options = { N, r, p, maxmem: 2 * SCRYPT_BYTES_MAX }
  return (await scryptAsync(password, salt, bytes, options)).toString('hex')
}

const pbkdf2Async = promisify(pbkdf2)

const scryptAsync = promisify<string, string, number, object, Buffer>(scrypt)

/** Returns the hash that is stored for someone who has not logged in since the legacy import: scheme
 * and salt, then the Argon2id hash of the digest. */
export const wrappedHash = ({ scheme, salt }: WerkzeugHash, argon2id: string): string =>
  `${scheme}$${salt}${argon2id}`

/** Returns the parts of a wrapped hash, or undefined if the password itself was hashed. */
export const unwrapped = (hash: string) => {
  const { scheme, salt, argon2id } = WRAPPED_HASH.exec(hash)?.groups ?? {}
  return scheme !== undefined && salt !== undefined && argon2id !== undefined
    ? { scheme, salt, argon2id }
    : undefined
}

const WRAPPED_HASH = /^(?<scheme>[^$]+)\$(?<salt>[^$]+)(?<argon2id>\$argon2id\$.+)$/
