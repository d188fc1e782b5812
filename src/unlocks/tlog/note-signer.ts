import { createPrivateKey, createPublicKey, sign } from 'node:crypto'
import { type NoteSigner, isKeyName, keyId } from './signed-note.ts'

const ED25519_SEED_BYTES = 32

// DER of an Ed25519 key up to its 32 raw bytes: a PKCS #8 seed and a public key (RFC 8410).
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex')
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex')

/** Returns a signer with an Ed25519 seed of 32 bytes (RFC 8032), which it never reveals. */
export const noteSigner = (name: string, seed: Uint8Array): NoteSigner => {
  if (!isKeyName(name)) throw new RangeError('A key name must not contain spaces or a plus')
  if (seed.length !== ED25519_SEED_BYTES) throw new RangeError('An Ed25519 seed has 32 bytes')
  const der = Buffer.concat([PKCS8_PREFIX, seed])
  const privateKey = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
  const spki = createPublicKey(privateKey).export({ format: 'der', type: 'spki' })
  const publicKey = new Uint8Array(spki.subarray(SPKI_PREFIX.length))
  return {
    verifierKey: { name, id: keyId(name, publicKey), publicKey },
    sign: (text) => new Uint8Array(sign(null, Buffer.from(text), privateKey)),
  }
}
