import { encodeBase64 } from '#crypto'
import { DEFAULT_LOCK, NO_ACCOUNT } from '../../domain/access.ts'
import type { RecordAuditEvent, Origin } from '../../domain/audit-event.ts'
import type { DeriveUuid } from '../../storage/derived-uuid.ts'
import { LOSS, type NewUnlockEvent } from '../log/event.ts'
import type { TreeHead } from '../tlog/continuity.ts'
import type { LogBreak } from './head-file.ts'
import { lostEvents, unlocks } from './words.ts'

type Dependencies = {
  readonly deriveUuid: DeriveUuid
  readonly append: (events: readonly NewUnlockEvent[]) => Promise<unknown>
  readonly record: RecordAuditEvent
}

/** Records, in the log and in the audit trail, that the log continues without events that were signed. The
 * guard must allow the log to grow again. However often this is interrupted, a loss is in the log once. */
export const recordLosses = async (
  by: Origin,
  breaks: readonly LogBreak[],
  { deriveUuid, append, record }: Dependencies,
): Promise<void> => {
  await append(breaks.map((broken) => lossEvent(broken, deriveUuid)))
  for (const broken of breaks) {
    const { kept, size } = broken
    const lost = lostEvents(broken)
    await record(by, {
      action: 'log.accept_loss',
      result: 'success',
      detail: {
        signed: kept.size,
        as_of: new Date(kept.atMs).toISOString(),
        root: encodeBase64(kept.root),
        kept: size,
        ...(lost === undefined ? {} : { lost }),
      },
    })
  }
}

/** Returns the id of the entry that accepts the loss of a head. Nobody without the key of the log can compute it. */
export const lossId = ({ size, root }: TreeHead, deriveUuid: DeriveUuid): string =>
  deriveUuid(`loss\n${size}\n${encodeBase64(root)}`)

/** Returns the event that stands in the log for lost ones. It is no unlock and belongs to no account, as
 * its reason says. Its method says how many are lost, if that is known. */
const lossEvent = (broken: LogBreak, deriveUuid: DeriveUuid): NewUnlockEvent => {
  const { kept } = broken
  const lost = lostEvents(broken)
  return {
    id: lossId(kept, deriveUuid),
    accountPublicId: NO_ACCOUNT,
    username: '',
    method: lost === undefined ? 'unlocks' : unlocks(lost),
    lock: DEFAULT_LOCK,
    result: 'denied',
    reason: LOSS,
    source: 'observed',
    occurredAtMs: null,
  }
}
