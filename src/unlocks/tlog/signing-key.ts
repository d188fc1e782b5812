import { decodeBase64, encodeBase64 } from '#crypto'
import { noteSigner } from './note-signer.ts'
import type { NoteSigner } from './signed-note.ts'

const ED25519 = 0x01
const SEED_BYTES = 32
const PRIVATE_KEY = /^PRIVATE\+KEY\+(?<name>[^+]+)\+(?<id>[0-9a-f]{8})\+(?<base64>\S+)$/

/** Returns a new signing key as text, `PRIVATE+KEY+name+id+base64` as in Go's note package. Its name,
 * the origin of this gateway's log, is random, because no two logs may share one. */
export const newSigningKey = (): string => {
  const name = `secure-lock-server/${crypto.getRandomValues(new Uint8Array(8)).toHex()}`
  const seed = crypto.getRandomValues(new Uint8Array(SEED_BYTES))
  const { id } = noteSigner(name, seed).verifierKey
  const hexId = id.toString(16).padStart(8, '0')
  return `PRIVATE+KEY+${name}+${hexId}+${encodeBase64(Uint8Array.of(ED25519, ...seed))}`
}

/** Returns the signer of a key in text form, or undefined if the text is not a key. */
export const parseSigningKey = (text: string): NoteSigner | undefined => {
  const { name = '', id = '', base64 = '' } = PRIVATE_KEY.exec(text)?.groups ?? {}
  const bytes = decodeBase64(base64)
  if (bytes?.length !== 1 + SEED_BYTES || bytes[0] !== ED25519) return undefined
  const signer = noteSigner(name, bytes.slice(1))
  return signer.verifierKey.id === Number.parseInt(id, 16) ? signer : undefined
}
