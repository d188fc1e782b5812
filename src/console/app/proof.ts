import { encodeBase64 } from '#crypto'
import { provenLeaf } from '../../unlocks/bundle/verify.ts'
import { parseCheckpoint } from '../../unlocks/tlog/checkpoint.ts'
import { eventJson } from '../../unlocks/log/event-json.ts'
import { isRecord } from '../../unlocks/log/leaf.ts'
import { ProofError } from '../../unlocks/tlog/proof-format.ts'
import { parseReceipt } from '../../unlocks/tlog/receipt.ts'
import { parseNote, parseVerifierKey } from '../../unlocks/tlog/signed-note.ts'
import { LogFault } from '../../unlocks/verify/verify-log.ts'
import type { ProvenUnlock } from './words/unlock.ts'

/** What a receipt proves, computed from nothing but the receipt and the key, or why it is invalid. */
export type Proof =
  | {
      readonly ok: true
      readonly unlock: ProvenUnlock
      /** The number of entries in the log that was signed. */
      readonly size: number
      /** Base64. */
      readonly leaf: string
      readonly root: string
    }
  | { readonly ok: false; readonly error: string }

/** Verifies the commitment to the person, the leaf, the path to the root, and the signature. */
export const prove = (receipt: string, verifierKey: string): Proof => {
  try {
    const event = provenLeaf(receipt, parseVerifierKey(verifierKey))
    if (isRecord(event)) throw new LogFault('It proves a record, not an unlock')
    const { size, root } = parseCheckpoint(parseNote(parseReceipt(receipt).checkpoint).text)
    return {
      ok: true,
      unlock: eventJson(event),
      size,
      leaf: encodeBase64(event.leafHash),
      root: encodeBase64(root),
    }
  } catch (error) {
    if (!(error instanceof ProofError || error instanceof LogFault)) throw error
    return { ok: false, error: error.message }
  }
}
