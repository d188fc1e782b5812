/** The part of a proof that failed, so that a message can name it. */
export type ProofPart =
  | 'receipt'
  | 'note'
  | 'checkpoint'
  | 'verifier key'
  | 'signer'
  | 'signature'
  | 'origin'
  | 'inclusion'

/** A proof that is malformed or not valid; the message says what is wrong with which part. */
export class ProofError extends Error {
  readonly part: ProofPart

  constructor(part: ProofPart, message: string) {
    super(message)
    this.name = 'ProofError'
    this.part = part
  }
}

/** The longest text accepted. A note with 16 large signatures, which C2SP requires, is far shorter. */
export const PROOF_TEXT_BYTES_MAX = 1024 * 1024

const UTF8 = new TextEncoder()
const NEWLINE = 0x0a
const SPACE = 0x20

/** Returns the text of a proof from a string or UTF-8 bytes. ProofError if it is too long, malformed
 * UTF-8, or has a control character below U+0020 other than a newline (C2SP signed-note). */
export const proofText = (part: ProofPart, input: string | Uint8Array): string => {
  const text = typeof input === 'string' ? input : decodeUtf8(part, input)
  if (!isWellFormed(text)) throw new ProofError(part, `The ${part} is not valid Unicode`)
  if (UTF8.encode(text).length > PROOF_TEXT_BYTES_MAX) {
    throw new ProofError(part, `The ${part} is longer than ${PROOF_TEXT_BYTES_MAX} bytes`)
  }
  if (hasControls(text)) {
    throw new ProofError(part, `The ${part} has a control character other than newline`)
  }
  return text
}

/** True if a text has no lone surrogate. String.prototype.isWellFormed is too new for browsers that
 * verify. */
export const isWellFormed = (text: string): boolean => !/\p{Surrogate}/u.test(text)

/** True if a text has a control character below U+0020 other than a newline. */
export const hasControls = (text: string): boolean => {
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at)
    if (code < SPACE && code !== NEWLINE) return true
  }
  return false
}

/** Returns the value of a decimal without sign or leading zeros. Undefined for any other text, and
 * above 2^53 - 1. */
export const parseDecimal = (text: string): number | undefined => {
  const value = Number(text)
  return DECIMAL.test(text) && Number.isSafeInteger(value) ? value : undefined
}

const DECIMAL = /^(?:0|[1-9][0-9]*)$/

const decodeUtf8 = (part: ProofPart, bytes: Uint8Array): string => {
  if (bytes.length > PROOF_TEXT_BYTES_MAX) {
    throw new ProofError(part, `The ${part} is longer than ${PROOF_TEXT_BYTES_MAX} bytes`)
  }
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw new ProofError(part, `The ${part} is not valid UTF-8`)
  }
}
