/** Returns a UUID derived from a text, always the same one (RFC 9562, version 8, by SHA-256). */
export const derivedUuid = (text: string): string => {
  const digest = new Bun.CryptoHasher('sha256').update(text).digest()
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
