/** A device at a lock that moves the bolt and signs what happened. */
export type Controller = {
  readonly id: string
  readonly lockId: string
  /** The label of the lock. */
  readonly lock: string
  /** A P-256 key as an uncompressed point. */
  readonly publicKey: Uint8Array
  readonly name: string
  /** The highest counter of its reports up to which none is missing. */
  readonly through: number
  readonly enrolledAtMs: number
  readonly seenAtMs: number
  /** Since when it is not trusted, because two of its reports have the same counter; null otherwise. */
  readonly forkedAtMs: number | null
  readonly removedAtMs: number | null
}

/** The most controllers of one lock. */
export const CONTROLLERS_PER_LOCK_MAX = 4

/** The prefix of the tokens that controllers poll with. */
export const CONTROLLER_TOKEN_PREFIX = 'slc_'

export const base64Of = (bytes: Uint8Array): string => bytes.toBase64()

/** Returns the bytes of Base64 text with its padding, or undefined for any other text. */
export const bytesOf = (text: string): Uint8Array | undefined => {
  try {
    return Uint8Array.fromBase64(text, { lastChunkHandling: 'strict' })
  } catch {
    return undefined
  }
}
