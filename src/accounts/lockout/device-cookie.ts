import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { AuthenticatedAccount } from '../core/store.ts'

/** Tokens that tell a device which has signed in to an account before from a stranger's (OWASP,
 * "Slow Down Online Guessing Attacks with Device Cookies"). They open nothing: whoever has one still
 * needs the password. They hold all there is to know, so nothing is stored. */
export const deviceCookies = (key: string) => {
  const macOf = (body: Buffer, { publicId, sessionEpoch }: Holder): Buffer =>
    createHmac('sha256', key)
      .update(JSON.stringify(['device', publicId, sessionEpoch]))
      .update(body)
      .digest()

  return {
    /** Gives a new token for a device of that account. */
    issue: (holder: Holder, expiresAtMs: number): string => {
      const body = Buffer.alloc(BODY_BYTES)
      randomBytes(ID_BYTES).copy(body)
      body.writeUIntBE(expiresAtMs, ID_BYTES, TIME_BYTES)
      return Buffer.concat([body, macOf(body, holder)]).toString('base64url')
    },

    /** Gives the device's id; nothing for another account's token, one that is over or from before all
     * sessions were ended, or none. */
    verify: (token: string, holder: Holder, atMs: number): string | undefined => {
      const bytes = Buffer.from(token, 'base64url')
      if (bytes.length !== BODY_BYTES + MAC_BYTES) return undefined
      const body = bytes.subarray(0, BODY_BYTES)
      if (!timingSafeEqual(bytes.subarray(BODY_BYTES), macOf(body, holder))) return undefined
      if (body.readUIntBE(ID_BYTES, TIME_BYTES) <= atMs) return undefined
      return body.toString('hex', 0, ID_BYTES)
    },
  }
}

/** Whoever once had the password may hold any number of tokens: they end with all sessions. */
type Holder = Pick<AuthenticatedAccount, 'publicId' | 'sessionEpoch'>

const ID_BYTES = 16
const TIME_BYTES = 6
const BODY_BYTES = ID_BYTES + TIME_BYTES
const MAC_BYTES = 32
