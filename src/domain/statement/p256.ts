import { joined } from './cbor.ts'

/** Signs bytes by ECDSA with P-256 and SHA-256; returns r and s, 32 bytes each. */
export type Sign = (bytes: Uint8Array) => Promise<Uint8Array>

const KEY = { name: 'ECDSA', namedCurve: 'P-256' }
const SIGNATURE = { name: 'ECDSA', hash: 'SHA-256' }
const SCALAR_BYTES = 32
const SIGNATURE_BYTES = 2 * SCALAR_BYTES

/** The number of points of P-256 (FIPS 186-5). */
const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n

/** Makes a key pair. Without `extractable`, the private key never leaves the program or browser. */
export const makeKeyPair = (extractable: boolean): Promise<CryptoKeyPair> =>
  crypto.subtle.generateKey(KEY, extractable, ['sign', 'verify'])

/** Returns the public key as an uncompressed point, 65 bytes. */
export const publicKeyOf = async (pair: Pick<CryptoKeyPair, 'publicKey'>): Promise<Uint8Array> =>
  new Uint8Array(await crypto.subtle.exportKey('raw', pair.publicKey))

/** Returns a private key as PKCS #8 (RFC 5958). */
export const exportPrivateKey = async (
  pair: Pick<CryptoKeyPair, 'privateKey'>,
): Promise<Uint8Array> => new Uint8Array(await crypto.subtle.exportKey('pkcs8', pair.privateKey))

/** Reads a private key as PKCS #8. Throws if it is not a P-256 key. */
export const importKeyPair = async (pkcs8: Uint8Array): Promise<CryptoKeyPair> => {
  const bytes = new Uint8Array(pkcs8)
  const privateKey = await crypto.subtle.importKey('pkcs8', bytes, KEY, true, ['sign'])
  const jwk = await crypto.subtle.exportKey('jwk', privateKey)
  delete jwk.d
  delete jwk.key_ops
  return { privateKey, publicKey: await crypto.subtle.importKey('jwk', jwk, KEY, true, ['verify']) }
}

/** Returns the function that signs with a private key. */
export const signWith =
  (privateKey: CryptoKey): Sign =>
  async (bytes) =>
    new Uint8Array(await crypto.subtle.sign(SIGNATURE, privateKey, new Uint8Array(bytes)))

/** Reads a public key given as an uncompressed point. Returns undefined if it is not a P-256 key. */
export const importPublicKey = async (point: Uint8Array): Promise<CryptoKey | undefined> => {
  try {
    return await crypto.subtle.importKey('raw', new Uint8Array(point), KEY, true, ['verify'])
  } catch {
    return undefined
  }
}

/** True if the signature is that of the key, and in its low-S form. */
export const isSignature = async (
  publicKey: CryptoKey,
  signature: Uint8Array,
  bytes: Uint8Array,
): Promise<boolean> =>
  signature.length === SIGNATURE_BYTES &&
  !isHigh(scalarS(signature)) &&
  crypto.subtle.verify(SIGNATURE, publicKey, new Uint8Array(signature), new Uint8Array(bytes))

/** Returns the low-S form of a signature: (r, s) and (r, n - s) are both valid, and only one may be. */
export const lowS = (signature: Uint8Array): Uint8Array => {
  const s = scalarS(signature)
  if (!isHigh(s)) return signature
  const hex = (ORDER - s).toString(16).padStart(2 * SCALAR_BYTES, '0')
  const low = Uint8Array.from(hex.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16))
  return joined(signature.subarray(0, SCALAR_BYTES), low)
}

const isHigh = (s: bigint): boolean => 2n * s > ORDER

const scalarS = (signature: Uint8Array): bigint =>
  signature.subarray(SCALAR_BYTES).reduce<bigint>((sum, byte) => sum * 256n + BigInt(byte), 0n)
