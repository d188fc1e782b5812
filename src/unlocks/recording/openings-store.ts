import { NO_ACCOUNT } from '../../domain/access.ts'
import { SAME_OPENING_MS } from '../../domain/home-event.ts'
import type { Queries } from '../../storage/database.ts'
import { type UnerasedEvent, isByLock, isOpen } from '../log/event.ts'

/** How many events around an opening are considered: more occur only with a wrong clock or a broken lock. */
const AROUND_MAX = 100

/** A condition: the other is an earlier unlock of the same account at the same lock. */
const EARLIER_UNLOCK = `
  other.seq < event.seq
  AND other.account_number = event.account_number
  AND other.lock = event.lock
  AND other.result IN ('unlocked', 'released')`

const NEAREST_FIRST = 'abs(other.happened_at_ms - event.happened_at_ms), other.seq'

/** Finds the report of a claimed opening, among those not matched yet. The plus sign keeps SQLite from searching by that
 * column. */
const REPORT_OF_CLAIM = `
  SELECT other.seq
  FROM (
    SELECT seq
    FROM unlock_report
    WHERE +claim_seq IS NULL AND happened_at_ms >= ?2 AND happened_at_ms <= ?3
    ORDER BY happened_at_ms DESC
    LIMIT ${AROUND_MAX}
  ) AS report
  CROSS JOIN unlock_event AS other ON other.seq = report.seq
  CROSS JOIN unlock_event AS event ON event.seq = ?1
  WHERE ${EARLIER_UNLOCK} AND other.is_repeat = 0
  ORDER BY ${NEAREST_FIRST}
  LIMIT 1`

/** Finds the claim of a reported opening, among those not matched yet. */
const CLAIM_OF_REPORT = `
  SELECT other.seq
  FROM unlock_event AS event
  CROSS JOIN (
    SELECT *
    FROM unlock_event
    WHERE account_number = (SELECT account_number FROM unlock_event WHERE seq = ?1)
      AND happened_at_ms >= ?2
      AND happened_at_ms <= ?3
    ORDER BY happened_at_ms DESC
    LIMIT ${AROUND_MAX}
  ) AS other
  WHERE event.seq = ?1
    AND ${EARLIER_UNLOCK}
    AND other.source = 'claimed'
    AND NOT EXISTS (SELECT 1 FROM unlock_report WHERE claim_seq = other.seq)
  ORDER BY ${NEAREST_FIRST}
  LIMIT 1`

/** Finds the first report of an opening that resulted from an attempt: each controller of a lock reports one. */
const REPORT_OF_ATTEMPT = `
  SELECT other.seq
  FROM unlock_report
  JOIN unlock_event AS other ON other.seq = unlock_report.seq
  WHERE attempt_id = ?1 AND other.seq < ?2 AND other.result IN ('unlocked', 'released')
  ORDER BY other.seq
  LIMIT 1`

export type Openings = ReturnType<typeof openingsIn>

/** Matches leaves of the same opening: the reports of one attempt, and a lock's report and an app's claim, of the same
 * account at the same lock within `SAME_OPENING_MS`. Each report has at most one claim, and each claim one report. */
export const openingsIn = (tx: Queries) => {
  const firstOfAttempt = async ({ seq, attemptId }: UnerasedEvent) =>
    attemptId ? (await tx.get<{ seq: number }>(REPORT_OF_ATTEMPT, attemptId, seq))?.seq : undefined

  const partnerOf = async ({ seq, source, happenedAtMs, person }: UnerasedEvent) => {
    if (person.accountPublicId === NO_ACCOUNT) return undefined
    const found = await tx.get<{ seq: number }>(
      source === 'claimed' ? REPORT_OF_CLAIM : CLAIM_OF_REPORT,
      seq,
      happenedAtMs - SAME_OPENING_MS,
      happenedAtMs + SAME_OPENING_MS,
    )
    return found?.seq
  }

  return {
    /** Returns true if a lock has ever reported anything. */
    hasReports: async (): Promise<boolean> =>
      (await tx.get('SELECT 1 FROM unlock_report LIMIT 1')) !== undefined,

    /** Matches added events with earlier leaves of the same openings, so that each opening counts once. Returns the
     * number of the earlier leaf by that of the later one. */
    join: async (events: readonly UnerasedEvent[]): Promise<ReadonlyMap<number, number>> => {
      const joined = new Map<number, number>()
      for (const event of events.filter(isOpening)) {
        const first = await firstOfAttempt(event)
        const earlier = first ?? (await partnerOf(event))
        if (earlier === undefined) continue
        joined.set(event.seq, earlier)
        const [report, claim] =
          event.source === 'claimed' ? [earlier, event.seq] : [event.seq, earlier]
        if (first === undefined)
          await tx.run('UPDATE unlock_report SET claim_seq = ? WHERE seq = ?', claim, report)
        await tx.run('UPDATE unlock_event SET is_repeat = 1 WHERE seq = ?', event.seq)
      }
      return joined
    },
  }
}

const isOpening = (event: UnerasedEvent): boolean =>
  isOpen(event.result) && (event.source === 'claimed' || isByLock(event))
