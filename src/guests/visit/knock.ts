import { lockClaim } from '../../domain/statement/claims.ts'
import { importPublicKey } from '../../domain/statement/p256.ts'
import { openStatement } from '../../domain/statement/statement.ts'
import { notAccepted } from '../../http/request/accepted.ts'
import type { Knock } from '../core/access.ts'
import type { PassDevice } from '../core/store.ts'

type Claimed = {
  /** The id of the attempt. */
  readonly id: string
  readonly lockId: string
}

/** Returns what a device signed, if its key verifies it and it is about this attempt; undefined otherwise, and for a
 * device without a key. */
export const verifiedKnock = async (
  { publicKey }: Pick<PassDevice, 'publicKey'>,
  given: string | undefined,
  { id, lockId }: Claimed,
): Promise<Knock | undefined> => {
  if (publicKey === null || given === undefined) return undefined
  const statement = new Uint8Array(Buffer.from(given, 'base64'))
  const claims = await openStatement('knock', statement, publicKey)
  if (claims?.attempt !== id || claims.lock !== lockClaim(lockId)) return undefined
  return {
    statement: Buffer.from(statement).toString('base64'),
    counter: claims.counter,
    key: Buffer.from(publicKey).toString('hex'),
  }
}

const POINT_BYTES = 65

/** Reads a public key of a request. Throws `invalid` for a point that is not on the curve. */
export const givenKey = async (text: string | undefined): Promise<Uint8Array | null> => {
  if (text === undefined) return null
  const point = new Uint8Array(Buffer.from(text, 'base64'))
  if (point.length !== POINT_BYTES || !(await importPublicKey(point)))
    throw notAccepted({ public_key: 'a P-256 key as an uncompressed point of 65 bytes, in base64' })
  return point
}
