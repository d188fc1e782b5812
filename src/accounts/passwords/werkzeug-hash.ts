import { createHmac, pbkdf2, scrypt } from 'node:crypto'
import { promisify } from 'node:util'

/** A password hash as the legacy server stored it, by Werkzeug: scheme, salt and digest. */
export type WerkzeugHash = {
  /** `sha256` (HMAC with the salt as key), `pbkdf2:sha256:N` or `scrypt:N:r:p`. */
  readonly scheme: string
  readonly salt: string
  /** Lower-case hex. */
  readonly digest: string
}

/** Reads a hash; nothing where it is of another kind, or would take longer than one login may. */
export const parseWerkzeugHash = (text: string): WerkzeugHash | undefined => {
  const { scheme, salt, digest } = WERKZEUG_HASH.exec(text)?.groups ?? {}
  if (scheme === undefined || salt === undefined || digest === undefined) return undefined
  const isSized = digest.length === 2 * digestBytes(scheme)
  return isSized && isComputable(scheme) ? { scheme, salt, digest } : undefined
}

const WERKZEUG_HASH =
  /^(?<scheme>sha256|pbkdf2:sha256:[1-9]\d{0,7}|scrypt:[1-9]\d{0,5}:[1-9]\d?:[1-9]\d?)\$(?<salt>[\x20-#%-~]{1,64})\$(?<digest>[0-9a-f]+)$/

const isScrypt = (scheme: string): boolean => scheme.startsWith('scrypt:')

/** The lengths that Werkzeug asks for. */
const digestBytes = (scheme: string): number => (isScrypt(scheme) ? 64 : 32)

const numbersOf = (scheme: string): readonly number[] => scheme.split(':').slice(-3).map(Number)

/** What scrypt may take at once: what Werkzeug asks for (32768:8:1) is 32 MiB. */
const SCRYPT_BYTES_MAX = 128 * 32_768 * 8

const isComputable = (scheme: string): boolean => {
  if (werkzeugWork([scheme]) > WERKZEUG_WORK_MAX) return false
  if (!isScrypt(scheme)) return true
  const [n = 0, r = 0] = numbersOf(scheme)
  return n > 1 && Number.isInteger(Math.log2(n)) && 128 * n * r <= SCRYPT_BYTES_MAX
}

/** What all schemes of one database may take together, in iterations of PBKDF2, since each login goes
 * through all of them: every scheme that Werkzeug has had as its default, twice over. A second or two on
 * a PC, several on a small gateway. */
export const WERKZEUG_WORK_MAX = 5_000_000

/** No scheme counts as less, so that there cannot be very many. */
const SCHEME_WORK_MIN = 50_000

/** How long schemes take together, in iterations of PBKDF2. */
export const werkzeugWork = (schemes: Iterable<string>): number => {
  let work = 0
  for (const scheme of schemes) work += Math.max(SCHEME_WORK_MIN, workOf(scheme))
  return work
}

const workOf = (scheme: string): number => {
  if (scheme === 'sha256') return 1
  const numbers = numbersOf(scheme)
  // One mix of a block of scrypt takes about as long as one iteration.
  return isScrypt(scheme) ? numbers.reduce((product, n) => product * n, 1) : (numbers.at(-1) ?? 0)
}

/** The digest of a password as it was typed, which Werkzeug did not normalise; lower-case hex. */
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

/** A password hash of a person who has not logged in since they came from the legacy server, as it is
 * stored: scheme and salt, and then the Argon2id hash of the digest. */
export const wrappedHash = ({ scheme, salt }: WerkzeugHash, argon2id: string): string =>
  `${scheme}$${salt}${argon2id}`

/** The parts of a wrapped hash; nothing where the password itself was hashed. */
export const unwrapped = (hash: string) => {
  const { scheme, salt, argon2id } = WRAPPED_HASH.exec(hash)?.groups ?? {}
  return scheme !== undefined && salt !== undefined && argon2id !== undefined
    ? { scheme, salt, argon2id }
    : undefined
}

const WRAPPED_HASH = /^(?<scheme>[^$]+)\$(?<salt>[^$]+)(?<argon2id>\$argon2id\$.+)$/
