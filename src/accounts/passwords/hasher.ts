import { AppError } from '../../errors.ts'
import { type WerkzeugHash, werkzeugDigest, unwrapped, wrappedHash } from './werkzeug-hash.ts'

export type PasswordHasher = {
  /** Gives an Argon2id hash in PHC form, its parameters in it. */
  hash: (password: string) => Promise<string>
  /** Gives a hash of the legacy server hashed once more with Argon2id, which the same password fits. */
  wrap: (legacy: WerkzeugHash) => Promise<string>
  /** True where the password fits; without a hash, false after the same work. That is one Argon2id
   * hash, and one for each scheme of the legacy server in `legacySchemes`, whichever the hash is of. */
  verify: (
    password: string,
    hash: string | undefined,
    legacySchemes?: readonly string[],
  ) => Promise<boolean>
  /** True where a hash is a wrapped one, or was made with weaker parameters than today's. */
  isOutdated: (hash: string) => boolean
  /** What hashes now, what waits, and how many were refused so far. */
  load: () => HashingLoad
}

type HashingLoad = { readonly running: number; readonly waiting: number; readonly refused: number }

/** What a hash costs: KiB of memory, and passes over it. */
export type Argon2id = { readonly memoryCost: number; readonly timeCost: number }

/** OWASP Password Storage: at least 19 MiB, two passes; Bun computes with one lane. */
const ARGON2ID = { algorithm: 'argon2id', memoryCost: 19_456, timeCost: 2 } as const

/** Hashing of passwords, bounded: `concurrency` at once, `waitingMax` in line, and the rest are
 * refused with `unavailable` at once rather than after seconds. */
export const passwordHasher = (
  bounds: { readonly concurrency: number; readonly waitingMax: number },
  argon2id: Argon2id = ARGON2ID,
): PasswordHasher => {
  const { bounded, load } = gate(bounds)
  const parameters = { ...ARGON2ID, ...argon2id }
  const compute = (password: string) => Bun.password.hash(normalised(password) || EMPTY, parameters)
  const decoy = decoyHash(parameters)
  return {
    hash: (password) => bounded(() => compute(password)),
    wrap: async (legacy) => wrappedHash(legacy, await bounded(() => compute(legacy.digest))),
    verify: (password, hash, legacySchemes = []) =>
      bounded(async () => {
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
      }),
    isOutdated: (hash) => {
      const [, memory, time] = /^\$argon2id\$v=19\$m=(\d+),t=(\d+),p=\d+\$/.exec(hash) ?? []
      return Number(memory) < parameters.memoryCost || Number(time) < parameters.timeCost || !memory
    },
    load,
  }
}

/** What stands in for the hash of an unknown name: the same work to verify, and no password fits, since
 * nobody has hashed one. So it costs a start nothing. */
const decoyHash = ({ memoryCost, timeCost }: Argon2id): string => {
  const [salt, hash] = [0, 1].map(() =>
    crypto.getRandomValues(new Uint8Array(32)).toBase64({ omitPadding: true }),
  )
  return `$argon2id$v=19$m=${memoryCost},t=${timeCost},p=1$${salt}$${hash}`
}

/** Bun refuses to hash nothing; no password is stored as this, since the policy is longer. */
const EMPTY = ' '

/** As long as Werkzeug's. */
const DECOY_SALT = 'x'.repeat(16)

/** The form in which passwords are hashed, so that two keyboards' spellings of one are equal. */
const normalised = (password: string): string => password.normalize('NFKC')

const gate = ({ concurrency, waitingMax }: { concurrency: number; waitingMax: number }) => {
  const waiting: (() => void)[] = []
  let [running, refused] = [0, 0]
  const release = () => {
    const next = waiting.shift()
    if (next) next()
    else running -= 1
  }
  const bounded = async <Result>(work: () => Promise<Result>): Promise<Result> => {
    if (running < concurrency) running += 1
    else if (waiting.length < waitingMax)
      await new Promise<void>((resolve) => waiting.push(resolve))
    else {
      refused += 1
      throw new AppError('unavailable', 'Server busy, try again')
    }
    try {
      return await work()
    } finally {
      release()
    }
  }
  return { bounded, load: (): HashingLoad => ({ running, waiting: waiting.length, refused }) }
}
