import { decodeBase64, encodeBase64 } from '#crypto'
import { HASH_BYTES, isTreeSize } from './merkle-tree.ts'
import { parseDecimal, ProofError, proofText } from './proof-format.ts'
import { isKeyName, type NoteSigner, openNote, signNote, type VerifierKey } from './signed-note.ts'

/** What a log says of itself at one moment: its name, how many leaves, and their Merkle root. */
export type Checkpoint = {
  readonly origin: string
  readonly size: number
  readonly root: Uint8Array
}

/** A checkpoint as another log may have written it, with lines that mean something only to it. */
export type ParsedCheckpoint = Checkpoint & { readonly extensions: readonly string[] }

/** How far the log has come: its size, and the newest checkpoint as a signed note. */
export type Head = { readonly size: number; readonly checkpoint: string }

/** The note text of a checkpoint: origin, size and root, a line each (C2SP tlog-checkpoint).
 * RangeError for an origin with spaces or a plus, a size not countable, a root not 32 bytes. */
export const formatCheckpoint = ({ origin, size, root }: Checkpoint): string => {
  if (!isKeyName(origin)) throw new RangeError('An origin has no spaces and no plus')
  if (!isTreeSize(size)) throw new RangeError(`${size} is no tree size`)
  if (root.length !== HASH_BYTES) throw new RangeError('A root hash has 32 bytes')
  return `${origin}\n${size}\n${encodeBase64(root)}\n`
}

/** The checkpoint that a note text holds; ProofError unless it is built exactly as C2SP
 * tlog-checkpoint says. */
export const parseCheckpoint = (input: string | Uint8Array): ParsedCheckpoint => {
  const text = proofText('checkpoint', input)
  if (!text.endsWith('\n')) throw malformed('does not end in a newline')
  const lines = text.slice(0, -1).split('\n')
  if (lines.includes('')) throw malformed('has an empty line')
  const [origin, sizeLine, rootLine, ...extensions] = lines
  if (origin === undefined || sizeLine === undefined || rootLine === undefined) {
    throw malformed('has fewer than three lines')
  }
  const size = parseDecimal(sizeLine)
  const root = decodeBase64(rootLine)
  if (size === undefined) throw malformed('has no decimal size on its second line')
  if (root?.length !== HASH_BYTES) throw malformed('has no root hash on its third line')
  return { origin, size, root, extensions }
}

/** A checkpoint signed by its log, whose key name is the origin (C2SP tlog-checkpoint). */
export const signCheckpoint = (checkpoint: Checkpoint, signer: NoteSigner): string => {
  if (signer.verifierKey.name !== checkpoint.origin) {
    throw new RangeError('A log signs only checkpoints of its own origin')
  }
  return signNote(formatCheckpoint(checkpoint), [signer])
}

/** The checkpoint in a note that the log's key has signed; ProofError if the note does not hold or
 * is of another log than the key's name says. */
export const openCheckpoint = (note: string | Uint8Array, key: VerifierKey): ParsedCheckpoint => {
  const checkpoint = parseCheckpoint(openNote(note, key))
  if (checkpoint.origin !== key.name) {
    throw new ProofError('origin', `The checkpoint is of another log than ${key.name}`)
  }
  return checkpoint
}

const malformed = (fault: string): ProofError =>
  new ProofError('checkpoint', `The checkpoint ${fault}`)
