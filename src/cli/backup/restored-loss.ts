import { COMMAND_LINE } from '../../domain/audit-event.ts'
import type { Config } from '../../config/config.ts'
import { type LogBreak, type SignedHead, signedHeadFile } from '../../unlocks/guard/head-file.ts'
import { recordLosses } from '../../unlocks/guard/loss.ts'
import { openCheckpoint } from '../../unlocks/tlog/checkpoint.ts'
import { findBreak } from '../../unlocks/tlog/continuity.ts'
import { ProofError } from '../../unlocks/tlog/proof-format.ts'
import type { LiveData } from './compare-live-data.ts'
import type { Unpacked } from './unpack-backup.ts'

/** Compares the log in a backup with the largest signed head of this gateway, even if its database is damaged
 * or gone. Returns how the log fails to continue that head, or undefined if it does not fail. */
export const restoredBreak = async (
  config: Pick<Config, 'dataDir'>,
  { app }: Unpacked,
  live: LiveData | undefined,
): Promise<LogBreak | undefined> => {
  const { unlockLog, store } = app.unlocks
  const kept = largestHead(config, app.unlocks.verifierKey, live)
  const found = kept && (await findBreak(kept, await unlockLog.treeHead(), store.proofs))
  return found && { ...found, kept }
}

/** Returns the head in the file, or that of the current log if it is larger. */
const largestHead = (
  { dataDir }: Pick<Config, 'dataDir'>,
  key: Unpacked['app']['unlocks']['verifierKey'],
  live: LiveData | undefined,
): SignedHead | undefined => {
  const inFile = signedHeadFile(dataDir).peek()
  const signed = inFile === 'damaged' || inFile?.origin !== key.name ? undefined : inFile
  const current = live?.checkpoint === undefined ? undefined : headIn(live.checkpoint, key)
  return (current?.size ?? -1) > (signed?.size ?? -1) ? current : signed
}

const headIn = (
  checkpoint: string,
  key: Parameters<typeof openCheckpoint>[1],
): SignedHead | undefined => {
  try {
    return { ...openCheckpoint(checkpoint, key), atMs: Date.now() }
  } catch (error) {
    if (error instanceof ProofError) return undefined
    throw error
  }
}

/** Records in the unpacked log what it lost, if anything, and writes its new head into the file beside it.
 * Rejects with `unavailable`. */
export const recordRestoredLoss = async (
  { app }: Unpacked,
  broken: LogBreak | undefined,
): Promise<void> => {
  const { unlockLog, deriveUuid, guard } = app.unlocks
  if (broken)
    await recordLosses(COMMAND_LINE, [broken], {
      deriveUuid,
      append: unlockLog.append,
      record: app.audit.record,
    })
  await unlockLog.requireContinued()
  await guard.flush()
}
