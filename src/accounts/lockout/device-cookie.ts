import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { AuthenticatedAccount } from '../core/store.ts'

/** Device cookies distinguish a device that has logged in to an account before from a stranger's
 * (OWASP, "Slow Down Online Guessing Attacks with Device Cookies"). They do not log anyone in: the
 * password is still needed. They are self-contained, so nothing is stored. */
export const deviceCookies = (key: string) => {
  const macOf = (body: Buffer, { publicId, sessionEpoch }: Holder): Buffer =>
    createHmac('sha256', key)
      .update(JSON.stringify(['device', publicId, sessionEpoch]))
      .update(body)
      .digest()

  return {
    /** Returns a device cookie for an account: of the same device as `id`, or of a new one. */
    issue: (holder: Holder, expiresAtMs: number, id?: string): string => {
      const body = Buffer.alloc(BODY_BYTES)
      const idBytes = id === undefined ? randomBytes(ID_BYTES) : Buffer.from(id, 'hex')
      idBytes.copy(body)
      body.writeUIntBE(expiresAtMs, ID_BYTES, TIME_BYTES)
      return Buffer.concat([body, macOf(body, holder)]).toString('base64url')
    },

    /** Returns the id of the device, or undefined if the cookie is another account's, has expired, or
     * is from before all sessions of the account were ended. */
    verify: (cookie: string, holder: Holder, atMs: number): string | undefined => {
      const bytes = Buffer.from(cookie, 'base64url')
      if (bytes.length !== BODY_BYTES + MAC_BYTES) return undefined
      const body = bytes.subarray(0, BODY_BYTES)
      if (!timingSafeEqual(bytes.subarray(BODY_BYTES), macOf(body, holder))) return undefined
      if (body.readUIntBE(ID_BYTES, TIME_BYTES) <= atMs) return undefined
      return body.toString('hex', 0, ID_BYTES)
    },
  }
}

/** Anyone who once had the password may have any number of cookies, so ending all sessions voids
 * them. */
type Holder = Pick<AuthenticatedAccount, 'publicId' | 'sessionEpoch'>

const ID_BYTES = 16
const TIME_BYTES = 6
const BODY_BYTES = ID_BYTES + TIME_BYTES
const MAC_BYTES = 32
