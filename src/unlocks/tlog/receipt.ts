import { decodeBase64, encodeBase64 } from '#crypto'
import { openCheckpoint, type ParsedCheckpoint } from './checkpoint.ts'
import { verifyInclusion } from './merkle-proof.ts'
import { HASH_BYTES, leafHash } from './merkle-tree.ts'
import { parseDecimal, ProofError, type ProofPart, proofText } from './proof-format.ts'
import { parseVerifierKey } from './signed-note.ts'

/** Proof that an entry is in the log, which can be checked without the log (C2SP tlog-proof). */
export type Receipt = {
  /** Position of the entry in the log, from 0. */
  readonly index: number
  /** Inclusion proof from the leaf's sibling up to the root's child. */
  readonly proof: readonly Uint8Array[]
  /** The signed checkpoint that the proof leads to, byte for byte. */
  readonly checkpoint: string
  /** Data for the application, which the receipt does not authenticate. */
  readonly extra?: Uint8Array
}

/** The result of verifying a receipt: index and checkpoint, or the part that failed and why. */
export type ReceiptVerdict =
  | { readonly ok: true; readonly index: number; readonly checkpoint: ParsedCheckpoint }
  | { readonly ok: false; readonly failed: ProofPart; readonly message: string }

const HEADER = 'c2sp.org/tlog-proof@v1'
const EXTRA = 'extra '
const INDEX = 'index '

/** More hashes than the deepest possible tree has levels. */
const PROOF_HASHES_MAX = 64

/** Returns a receipt as text (C2SP tlog-proof). Empty extra data is left out. */
export const formatReceipt = ({ index, proof, checkpoint, extra }: Receipt): string =>
  [
    HEADER,
    ...(extra?.length ? [EXTRA + encodeBase64(extra)] : []),
    INDEX + index,
    ...proof.map(encodeBase64),
    '',
    checkpoint,
  ].join('\n')

/** Parses a receipt, but not its checkpoint. ProofError unless it is exactly as C2SP tlog-proof
 * defines it. */
export const parseReceipt = (input: string | Uint8Array): Receipt => {
  const text = proofText('receipt', input)
  const end = text.indexOf('\n\n')
  if (end < 0) throw malformed('has no empty line before its checkpoint')
  const [header, ...lines] = text.slice(0, end).split('\n')
  if (header !== HEADER) throw malformed(`does not begin with ${HEADER}`)
  const extraLine = lines[0]?.startsWith(EXTRA) ? lines.shift() : undefined
  const indexLine = lines.shift() ?? ''
  const index = indexLine.startsWith(INDEX)
    ? parseDecimal(indexLine.slice(INDEX.length))
    : undefined
  if (index === undefined) throw malformed('has no decimal index')
  if (lines.length > PROOF_HASHES_MAX) throw malformed('has more hashes than a tree has levels')
  const receipt = { index, proof: lines.map(parseHash), checkpoint: text.slice(end + 2) }
  return extraLine === undefined ? receipt : { ...receipt, extra: parseExtra(extraLine) }
}

/** Returns the signed checkpoint in a text: a checkpoint itself, or a receipt. ProofError as for
 * parseReceipt. */
export const keptCheckpoint = (text: string): string =>
  text.startsWith(HEADER) ? parseReceipt(text).checkpoint : text

/** Verifies that a receipt proves that the log of the verifier key has this entry. Never throws because
 * of its input: the verdict names the first part that fails. */
export const verifyReceipt = (given: {
  readonly receipt: string | Uint8Array
  readonly entry: Uint8Array
  readonly verifierKey: string
}): ReceiptVerdict => {
  try {
    const key = parseVerifierKey(given.verifierKey)
    const { index, proof, checkpoint: note } = parseReceipt(given.receipt)
    const checkpoint = openCheckpoint(note, key)
    const { size, root } = checkpoint
    if (index >= size) {
      throw new ProofError('inclusion', `Index ${index} is outside a log of ${size} entries`)
    }
    if (!verifyInclusion({ leafHash: leafHash(given.entry), index, size, proof, root })) {
      throw new ProofError('inclusion', `The log does not hold this entry at index ${index}`)
    }
    return { ok: true, index, checkpoint }
  } catch (error) {
    if (!(error instanceof ProofError)) throw error
    return { ok: false, failed: error.part, message: error.message }
  }
}

const parseHash = (line: string): Uint8Array => {
  const hash = decodeBase64(line)
  if (hash?.length !== HASH_BYTES) throw malformed('has a line that is not a hash')
  return hash
}

const parseExtra = (line: string): Uint8Array => {
  const extra = decodeBase64(line.slice(EXTRA.length))
  if (!extra?.length) throw malformed('has extra data that is not Base64')
  return extra
}

const malformed = (fault: string): ProofError => new ProofError('receipt', `The receipt ${fault}`)
