import { GATEWAY, type RecordAuditEvent } from '../../domain/audit-event.ts'
import { DAY_MS, HOUR_MS } from '../../domain/duration.ts'
import { type Repeating, repeating } from '../../domain/repeating.ts'
import type { Logger } from '../../http/log/logger.ts'
import type { ClockReading } from './clock.ts'
import type { logErasure } from './erasure.ts'

type Dependencies = {
  /** How long names and methods are kept; undefined keeps them forever. */
  readonly retentionMs: number | undefined
  readonly clock: () => Pick<ClockReading, 'nowMs' | 'isUncertain'>
  readonly unlockLog: Pick<ReturnType<typeof logErasure>, 'eraseBefore'>
  /** Erases addresses from audit events before a time; returns the number of events. */
  readonly eraseAddressesBefore: (timeMs: number) => Promise<number>
  readonly record: RecordAuditEvent
  readonly logger: Logger
}

/** Erases what is past its retention, now, then once a day. Never rejects. */
export type Retention = Repeating

/** Ends the retention of personal text. Erasing cannot be undone, so it waits while the clock is
 * uncertain, and tries again every hour. */
export const retention = ({ retentionMs, clock, logger, ...erasing }: Dependencies): Retention => {
  /** Returns when to try again. */
  const run = async (keptMs: number): Promise<number> => {
    const { nowMs, isUncertain } = clock()
    if (isUncertain) {
      logger.warn('retention waits for a clock that can be trusted')
      return HOUR_MS
    }
    try {
      await eraseBefore(nowMs - keptMs, erasing)
      return DAY_MS
    } catch (error) {
      logger.error({ err: error }, 'retention failed')
      return HOUR_MS
    }
  }

  return retentionMs === undefined
    ? { apply: async () => {}, stop: () => {} }
    : repeating(() => run(retentionMs))
}

type Erasing = Pick<Dependencies, 'unlockLog' | 'eraseAddressesBefore' | 'record'>

/** Erases events and addresses before a time, and leaves an audit event if there were any. */
const eraseBefore = async (
  timeMs: number,
  { unlockLog, eraseAddressesBefore, record }: Erasing,
): Promise<void> => {
  const addresses = await eraseAddressesBefore(timeMs)
  const { events, isWalTruncated: wal_truncated } = await unlockLog.eraseBefore(timeMs)
  if (events + addresses === 0) return
  const detail = { before: new Date(timeMs).toISOString(), events, addresses, wal_truncated }
  await record(GATEWAY, { action: 'unlocks.retention', result: 'success', detail })
}
