import { decodeBase64, encodeBase64, isSigned, sha256 } from '#crypto'
import { ProofError, hasControls, isWellFormed, proofText } from './proof-format.ts'

/** A key that verifies notes. Name and id together identify the key of a signature. */
export type VerifierKey = {
  readonly name: string
  readonly id: number
  readonly publicKey: Uint8Array
}

/** Signs notes; `verifierKey` is what their readers need. */
export type NoteSigner = {
  readonly verifierKey: VerifierKey
  readonly sign: (text: string) => Uint8Array
}

/** One signature line of a note, not yet verified. */
type NoteSignature = {
  readonly name: string
  readonly keyId: number
  readonly signature: Uint8Array
}

export type Note = {
  readonly text: string
  readonly signatures: readonly NoteSignature[]
}

/** As in Go's note package; C2SP signed-note requires at least 16. */
export const NOTE_SIGNATURES_MAX = 100

const UTF8 = new TextEncoder()
const ED25519 = 0x01
const ED25519_KEY_BYTES = 32
const ED25519_SIGNATURE_BYTES = 64
const KEY_ID_BYTES = 4
const SIGNATURE_LINE = /^\u2014 (?<name>[^ ]+) (?<base64>[^ ]+)$/u
const VERIFIER_KEY = /^(?<name>[^+]+)\+(?<id>[0-9a-f]{8})\+(?<base64>.+)$/u

/** True for a valid key name: not empty, and without Unicode spaces, a plus, or a control character
 * that a note cannot hold (C2SP signed-note). */
export const isKeyName = (name: string): boolean =>
  name !== '' && isWellFormed(name) && !/[+\p{White_Space}]/u.test(name) && !hasControls(name)

/** Returns the id of an Ed25519 key: the first four bytes of SHA-256(name || 0x0A || 0x01 || key). */
export const keyId = (name: string, publicKey: Uint8Array): number => {
  const named = UTF8.encode(`${name}\n`)
  const input = new Uint8Array([...named, ED25519, ...publicKey])
  return uint32(sha256(input))
}

/** Returns a verifier key as text, `name+id+base64` as in Go's note package. */
export const formatVerifierKey = ({ name, id, publicKey }: VerifierKey): string =>
  `${name}+${hexId(id)}+${encodeBase64(Uint8Array.of(ED25519, ...publicKey))}`

/** Parses what formatVerifierKey returns. ProofError unless it is an Ed25519 key whose id matches its
 * name and bytes. */
export const parseVerifierKey = (vkey: string): VerifierKey => {
  const { name = '', id = '', base64 = '' } = VERIFIER_KEY.exec(vkey)?.groups ?? {}
  const bytes = decodeBase64(base64)
  if (!bytes || !isKeyName(name)) throw new ProofError('verifier key', 'The key is malformed')
  if (bytes[0] !== ED25519 || bytes.length !== 1 + ED25519_KEY_BYTES) {
    throw new ProofError('verifier key', 'The key is not an Ed25519 key')
  }
  const publicKey = bytes.slice(1)
  if (hexId(keyId(name, publicKey)) !== id) {
    throw new ProofError('verifier key', 'The key does not match its own id')
  }
  return { name, id: keyId(name, publicKey), publicKey }
}

/** Returns a note of the text with one signature line for each signer (C2SP signed-note). ProofError
 * if the text does not end in a newline or has characters that a note cannot hold. */
export const signNote = (text: string, signers: readonly [NoteSigner, ...NoteSigner[]]): string => {
  if (!proofText('note', text).endsWith('\n')) {
    throw new ProofError('note', 'The text of a note must end in a newline')
  }
  const lines = signers.map(({ verifierKey, sign: signText }) =>
    signatureLine({
      name: verifierKey.name,
      keyId: verifierKey.id,
      signature: signText(text),
    }),
  )
  return `${text}\n${lines.join('')}`
}

/** Parses a note without verifying it. ProofError unless it is exactly as C2SP signed-note defines
 * it. */
export const parseNote = (input: string | Uint8Array): Note => {
  const note = proofText('note', input)
  const end = note.lastIndexOf('\n\n')
  const block = note.slice(end + 2)
  if (end < 0 || !block.endsWith('\n')) {
    throw new ProofError('note', 'The note does not end in a block of signature lines')
  }
  const lines = block.slice(0, -1).split('\n')
  if (lines.length > NOTE_SIGNATURES_MAX) {
    throw new ProofError('note', `The note has more than ${NOTE_SIGNATURES_MAX} signatures`)
  }
  return { text: note.slice(0, end + 1), signatures: lines.map(parseSignatureLine) }
}

/** Returns the text of a note signed with the key. Signatures of other keys are ignored, as C2SP
 * signed-note requires. ProofError if the note is malformed, not signed by the key, or the signature
 * is wrong. */
export const openNote = (input: string | Uint8Array, key: VerifierKey): string => {
  const { text, signatures } = parseNote(input)
  const own = signatures.filter(({ name, keyId: id }) => name === key.name && id === key.id)
  if (own.length === 0) {
    throw new ProofError('signer', `The note is not signed by ${key.name}+${hexId(key.id)}`)
  }
  if (!own.every(({ signature }) => isSignature(text, signature, key))) {
    throw new ProofError('signature', `The signature by ${key.name} does not match the text`)
  }
  return text
}

const signatureLine = ({ name, keyId: id, signature }: NoteSignature): string => {
  const bytes = new Uint8Array(KEY_ID_BYTES + signature.length)
  new DataView(bytes.buffer).setUint32(0, id)
  bytes.set(signature, KEY_ID_BYTES)
  return `\u2014 ${name} ${encodeBase64(bytes)}\n`
}

const parseSignatureLine = (line: string): NoteSignature => {
  const { name = '', base64 = '' } = SIGNATURE_LINE.exec(line)?.groups ?? {}
  const bytes = decodeBase64(base64)
  if (!bytes || bytes.length <= KEY_ID_BYTES || !isKeyName(name)) {
    throw new ProofError('note', 'The note has a malformed signature line')
  }
  return { name, keyId: uint32(bytes), signature: bytes.slice(KEY_ID_BYTES) }
}

const isSignature = (text: string, signature: Uint8Array, key: VerifierKey): boolean =>
  signature.length === ED25519_SIGNATURE_BYTES &&
  isSigned(UTF8.encode(text), signature, key.publicKey)

/** Reads the first four bytes as a big-endian number. */
const uint32 = (bytes: Uint8Array): number =>
  new DataView(bytes.buffer, bytes.byteOffset).getUint32(0)

const hexId = (id: number): string => id.toString(16).padStart(2 * KEY_ID_BYTES, '0')
