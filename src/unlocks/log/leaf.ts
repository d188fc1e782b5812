import { entryBytes, entryLine } from './entry.ts'
import type { UnlockEvent } from './event.ts'
import { type LogRecord, recordBytes, recordLine } from './record.ts'

/** What the log contains: an unlock, or a record of who may open what. */
export type Leaf = UnlockEvent | LogRecord

export const isRecord = (leaf: Leaf): leaf is LogRecord => 'bodyHash' in leaf

/** The bytes of a leaf in the tree. */
export const leafBytes = (leaf: Leaf): Uint8Array =>
  isRecord(leaf) ? recordBytes(leaf) : entryBytes(leaf)

/** One line of JSON with the text of a leaf, and beside it what the leaf only commits to. */
export const leafLine = (leaf: Leaf): string =>
  isRecord(leaf) ? recordLine(leaf) : entryLine(leaf)
