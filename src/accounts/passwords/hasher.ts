import { type WerkzeugHash, werkzeugDigest, unwrapped, wrappedHash } from './werkzeug-hash.ts'

export type PasswordHasher = {
  /** Returns an Argon2id hash in PHC form, which contains its parameters. */
  hash: (password: string) => Promise<string>
  /** Returns a Werkzeug hash hashed once more with Argon2id; it matches the same password. */
  wrap: (legacy: WerkzeugHash) => Promise<string>
  /** True if the password matches; without a hash, false after the same work: one Argon2id hash,
   * and one Werkzeug hash for each of `legacySchemes`, whatever the scheme of this hash. */
  verify: (
    password: string,
    hash: string | undefined,
    legacySchemes?: readonly string[],
  ) => Promise<boolean>
  /** True if a hash is wrapped, or has weaker parameters than today's. */
  isOutdated: (hash: string) => boolean
}

/** What a hash costs: KiB of memory, and passes over it. */
export type Argon2id = { readonly memoryCost: number; readonly timeCost: number }

/** OWASP Password Storage: at least 19 MiB, two passes; Bun computes with one lane. */
const ARGON2ID = { algorithm: 'argon2id', memoryCost: 19_456, timeCost: 2 } as const

/** Hashes passwords, without bounds of its own: requests come in the turn of `passwordQueues`. */
export const passwordHasher = (argon2id: Argon2id = ARGON2ID): PasswordHasher => {
  const parameters = { ...ARGON2ID, ...argon2id }
  const compute = (password: string) => Bun.password.hash(normalised(password) || EMPTY, parameters)
  const decoy = decoyHash(parameters)
  return {
    hash: compute,
    wrap: async (legacy) => wrappedHash(legacy, await compute(legacy.digest)),
    verify: async (password, hash, legacySchemes = []) => {
      const legacy = hash === undefined ? undefined : unwrapped(hash)
      let hashed = normalised(password) || EMPTY
      for (const scheme of new Set([...legacySchemes, ...(legacy ? [legacy.scheme] : [])])) {
        const isOwn = scheme === legacy?.scheme
        const digest = await werkzeugDigest(
          { scheme, salt: isOwn ? legacy.salt : DECOY_SALT },
          password,
        )
        if (isOwn) hashed = digest
      }
      const compared = legacy?.argon2id ?? hash ?? decoy
      const fits = await Bun.password.verify(hashed, compared, 'argon2id')
      return fits && hash !== undefined && password !== ''
    },
    isOutdated: (hash) => {
      const [, memory, time] = /^\$argon2id\$v=19\$m=(\d+),t=(\d+),p=\d+\$/.exec(hash) ?? []
      return Number(memory) < parameters.memoryCost || Number(time) < parameters.timeCost || !memory
    },
  }
}

/** Returns a decoy for the hash of an unknown name: it takes the same work to verify, and no
 * password matches it. Random bytes instead of a real hash, so that starting need not compute
 * one. */
const decoyHash = ({ memoryCost, timeCost }: Argon2id): string => {
  const [salt, hash] = [0, 1].map(() =>
    crypto.getRandomValues(new Uint8Array(32)).toBase64({ omitPadding: true }),
  )
  return `$argon2id$v=19$m=${memoryCost},t=${timeCost},p=1$${salt}$${hash}`
}

/** Bun refuses to hash an empty password. No password is stored as this: the policy requires
 * more. */
const EMPTY = ' '

/** As long as Werkzeug's salts. */
const DECOY_SALT = 'x'.repeat(16)

/** Returns the form in which a password is hashed, the same for every way a keyboard may spell
 * it. */
const normalised = (password: string): string => password.normalize('NFKC')
