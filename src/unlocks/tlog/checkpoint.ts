import { decodeBase64, encodeBase64 } from '#crypto'
import { HASH_BYTES, isTreeSize } from './merkle-tree.ts'
import { parseDecimal, ProofError, proofText } from './proof-format.ts'
import { isKeyName, type NoteSigner, openNote, signNote, type VerifierKey } from './signed-note.ts'

/** The state of a log at one moment: its name, its number of leaves, and their Merkle root. */
export type Checkpoint = {
  readonly origin: string
  readonly size: number
  readonly root: Uint8Array
}

/** A checkpoint as any log may write it, with its own extension lines. */
export type ParsedCheckpoint = Checkpoint & { readonly extensions: readonly string[] }

/** The newest state of the log: its size, and its checkpoint as a signed note. */
export type Head = { readonly size: number; readonly checkpoint: string }

/** The note text of a checkpoint: origin, size and root, a line each (C2SP tlog-checkpoint).
 * RangeError for an origin with spaces or a plus, an invalid size, or a root that is not 32 bytes. */
export const formatCheckpoint = ({ origin, size, root }: Checkpoint): string => {
  if (!isKeyName(origin)) throw new RangeError('An origin must not contain spaces or a plus')
  if (!isTreeSize(size)) throw new RangeError(`${size} is not a tree size`)
  if (root.length !== HASH_BYTES) throw new RangeError('A root hash has 32 bytes')
  return `${origin}\n${size}\n${encodeBase64(root)}\n`
}

/** Returns the checkpoint in a note's text. ProofError unless it is exactly as C2SP tlog-checkpoint
 * defines it. */
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

/** Returns a checkpoint signed by its log, whose key name is the origin (C2SP tlog-checkpoint). */
export const signCheckpoint = (checkpoint: Checkpoint, signer: NoteSigner): string => {
  if (signer.verifierKey.name !== checkpoint.origin) {
    throw new RangeError('A log signs only checkpoints of its own origin')
  }
  return signNote(formatCheckpoint(checkpoint), [signer])
}

/** Returns the checkpoint in a note signed with the log's key. ProofError if the note is not valid or
 * belongs to a log other than the key's. */
export const openCheckpoint = (note: string | Uint8Array, key: VerifierKey): ParsedCheckpoint => {
  const checkpoint = parseCheckpoint(openNote(note, key))
  if (checkpoint.origin !== key.name) {
    throw new ProofError('origin', `The checkpoint belongs to another log, not ${key.name}`)
  }
  return checkpoint
}

const malformed = (fault: string): ProofError =>
  new ProofError('checkpoint', `The checkpoint ${fault}`)
