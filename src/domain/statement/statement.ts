import { cborReader, encodeArray, encodeMap, encodeScalar, NotDeterministic } from './cbor.ts'
import { fromLabels, toLabels } from './claims.ts'
import type { Claims, ClaimsOf, StatementKind } from './claims.ts'
import { importPublicKey, isSignature, lowS } from './p256.ts'
import type { Sign } from './p256.ts'

/** The longest statement, in bytes. */
export const STATEMENT_BYTES_MAX = 512

/** The protected header: `{1: -7}`, ES256 (RFC 9053). */
const HEADER = encodeMap(new Map([[1, -7]]))
const NOTHING = new Uint8Array()

/** Signs claims: an untagged COSE_Sign1 (RFC 9052 section 4.2) in deterministic CBOR. */
export const signStatement = async (claims: Claims, sign: Sign): Promise<Uint8Array> => {
  const payload = encodeMap(toLabels(claims))
  const signature = lowS(await sign(signedBytes(payload)))
  return encodeArray([
    encodeScalar(HEADER),
    encodeMap(new Map()),
    encodeScalar(payload),
    encodeScalar(signature),
  ])
}

/** Returns the claims of a statement of this kind that the key signed, or undefined for anything else. Each statement
 * has exactly one form: a second encoding of it is refused, and so is a signature with a high S. */
export const openStatement = async <Kind extends StatementKind>(
  kind: Kind,
  bytes: Uint8Array,
  publicKey: Uint8Array,
): Promise<ClaimsOf<Kind> | undefined> => {
  const parts = partsOf(bytes)
  if (!parts) return undefined
  const claims = fromLabels(kind, parts.labels)
  if (!claims) return undefined
  const key = await importPublicKey(publicKey)
  const isSigned = key && (await isSignature(key, parts.signature, signedBytes(parts.payload)))
  return isSigned ? claims : undefined
}

/** Returns the SHA-256 of the payload of a statement. Throws unless the bytes are a COSE_Sign1 of our form; who signed
 * it is not looked at. */
export const payloadHash = async (bytes: Uint8Array): Promise<Uint8Array> => {
  const parts = partsOf(bytes)
  if (!parts) throw new RangeError('Not a statement')
  return sha256(parts.payload)
}

/** Returns the SHA-256 of bytes. */
export const sha256 = async (bytes: Uint8Array): Promise<Uint8Array> =>
  new Uint8Array(await crypto.subtle.digest('SHA-256', new Uint8Array(bytes)))

/** What a report names as the one before if it is the first. */
export const NO_PREVIOUS: Uint8Array = new Uint8Array(32)

/** Returns what an enrolment names of its code: the first 16 bytes of its SHA-256. */
export const codeNonce = async (code: string): Promise<Uint8Array> =>
  (await sha256(new TextEncoder().encode(code))).slice(0, 16)

const partsOf = (bytes: Uint8Array) => {
  if (bytes.length > STATEMENT_BYTES_MAX) return undefined
  try {
    const reader = cborReader(bytes)
    const length = reader.array()
    const header = reader.bytes()
    const unprotected = reader.map()
    const payload = reader.bytes()
    const signature = reader.bytes()
    reader.end()
    if (length !== 4 || !isSame(header, HEADER) || unprotected.size > 0) return undefined
    const claims = cborReader(payload)
    const labels = claims.map()
    claims.end()
    return { payload, labels, signature }
  } catch (error) {
    if (error instanceof NotDeterministic) return undefined
    throw error
  }
}

/** The bytes that are signed: Sig_structure (RFC 9052 section 4.4), without external data. */
const signedBytes = (payload: Uint8Array): Uint8Array =>
  encodeArray([
    encodeScalar('Signature1'),
    encodeScalar(HEADER),
    encodeScalar(NOTHING),
    encodeScalar(payload),
  ])

const isSame = (a: Uint8Array, b: Uint8Array): boolean =>
  a.length === b.length && a.every((byte, at) => byte === b[at])
