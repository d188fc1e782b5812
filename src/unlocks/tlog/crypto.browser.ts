import { hashes, verify } from '@noble/ed25519'
import { sha256 as nobleSha256, sha512 } from '@noble/hashes/sha2.js'

/** The primitives behind proofs. Imported as `#crypto`, which is this file in a browser and
 * `crypto.ts` everywhere else; both return the same. */
export type Primitives = {
  readonly sha256: (input: Uint8Array) => Uint8Array
  /** True if the signature over the message is by this key (RFC 8032 Ed25519). */
  readonly isSigned: (message: Uint8Array, signature: Uint8Array, publicKey: Uint8Array) => boolean
  /** Base64 of bytes (RFC 4648 section 4). */
  readonly encodeBase64: (bytes: Uint8Array) => string
  /** Bytes of Base64, or undefined unless it is in canonical form. */
  readonly decodeBase64: (text: string) => Uint8Array | undefined
}

// A page opened from a file cannot count on WebCrypto, which would also need a promise for each of a
// million small texts.
hashes.sha512 = sha512

export const sha256: Primitives['sha256'] = (input) => nobleSha256(input)

export const isSigned: Primitives['isSigned'] = (message, signature, publicKey) => {
  if (verifies(message, signature, publicKey)) return true
  // A browser in which the right signature does not verify either must not call this one wrong.
  if (!verifies(new Uint8Array(), KNOWN_SIGNATURE, KNOWN_KEY))
    throw new Error('This browser cannot compute Ed25519 signatures')
  return false
}

const verifies: Primitives['isSigned'] = (message, signature, publicKey) => {
  try {
    return verify(signature, message, publicKey, { zip215: false })
  } catch {
    return false // bytes that are not a point on the curve
  }
}

/** A key and its signature of the empty message (RFC 8032 section 7.1, test 1). */
const KNOWN_KEY = fromHex('d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a')
const KNOWN_SIGNATURE = fromHex(
  'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555' +
    'fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
)

function fromHex(hex: string): Uint8Array {
  return Uint8Array.from(hex.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16))
}

export const encodeBase64: Primitives['encodeBase64'] = (bytes) => {
  let binary = ''
  for (const byte of bytes) binary += String.fromCharCode(byte)
  return btoa(binary)
}

export const decodeBase64: Primitives['decodeBase64'] = (text) => {
  try {
    const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0))
    return encodeBase64(bytes) === text ? bytes : undefined
  } catch (error) {
    if (error instanceof DOMException) return undefined
    throw error
  }
}
