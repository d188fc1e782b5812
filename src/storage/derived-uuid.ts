/** Derives UUIDs from texts, always the same ones (RFC 9562, version 8). */
export type DeriveUuid = (text: string) => string

/** Returns a function that derives UUIDs with a secret (HMAC-SHA-256): nobody without it can compute
 * an id before it is in use, and take it. */
export const keyedUuids =
  (key: Uint8Array): DeriveUuid =>
  (text) =>
    uuidOf(new Bun.CryptoHasher('sha256', key).update(text).digest())

/** Derives a UUID that anyone can compute (SHA-256): for ids that no client can choose, and for those
 * of versions that had no key. */
export const derivedUuid: DeriveUuid = (text) =>
  uuidOf(new Bun.CryptoHasher('sha256').update(text).digest())

const uuidOf = (digest: Buffer): string => {
  digest.writeUInt8((digest.readUInt8(6) & 0x0f) | 0x80, 6)
  digest.writeUInt8((digest.readUInt8(8) & 0x3f) | 0x80, 8)
  return dashed(digest.toString('hex', 0, 16))
}

/** Returns the UUID that a text spells, in lower case and with dashes, or undefined for any other text. */
export const spelledUuid = (text: string): string | undefined => {
  const hex = text.trim().replaceAll('-', '').toLowerCase()
  return /^[0-9a-f]{32}$/.test(hex) ? dashed(hex) : undefined
}

const dashed = (hex: string): string => hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
