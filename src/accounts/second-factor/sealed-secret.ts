import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'

export type SecretSealer = ReturnType<typeof secretSealer>

const CIPHER = 'aes-256-gcm'
const KEY_BYTES = 32
const NONCE_BYTES = 12
const TAG_BYTES = 16

/** Seals secrets that must be read again, so that the database alone does not reveal them:
 * AES-256-GCM under a key derived from `secret` (HKDF, RFC 5869), each for one account. */
export const secretSealer = (secret: string) => {
  const key = Buffer.from(
    hkdfSync('sha256', secret, '', 'secure-lock-server secret box', KEY_BYTES),
  )
  const options = { authTagLength: TAG_BYTES }
  return {
    seal: (content: Uint8Array, publicId: string): Buffer => {
      const nonce = randomBytes(NONCE_BYTES)
      const cipher = createCipheriv(CIPHER, key, nonce, options).setAAD(Buffer.from(publicId))
      const sealed = [cipher.update(content), cipher.final()]
      return Buffer.concat([nonce, ...sealed, cipher.getAuthTag()])
    },

    /** Returns what was sealed, or undefined if it was sealed with another key, for another account, or
     * was altered. */
    open: (sealed: Uint8Array, publicId: string): Buffer | undefined => {
      const nonce = sealed.subarray(0, NONCE_BYTES)
      try {
        const decipher = createDecipheriv(CIPHER, key, nonce, options)
          .setAAD(Buffer.from(publicId))
          .setAuthTag(sealed.subarray(-TAG_BYTES))
        const content = decipher.update(sealed.subarray(NONCE_BYTES, -TAG_BYTES))
        return Buffer.concat([content, decipher.final()])
      } catch {
        return undefined
      }
    },
  }
}
