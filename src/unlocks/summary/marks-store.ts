import type { Queries } from '../../storage/database.ts'
import { BESIDE, STEP_UNLOCKS } from './counted-store.ts'

type Reads = Pick<Queries, 'get'>

const CERTAIN_BESIDE = `${BESIDE} AND is_time_uncertain = 0`

/** Records are few, and the newest are looked at first. */
const CERTAIN_RECORDS = 'FROM log_record WHERE is_time_uncertain = 0'

/** The events with a certain time from a mark to the end of its 256 events. Of these, the mark is the first
 * with a certain time. */
const AFTER_MARK = `
  seq >= mark.seq
  AND seq < mark.seq - mark.seq % ${STEP_UNLOCKS} + ${STEP_UNLOCKS}
  AND is_time_uncertain = 0`

const LAST_BEFORE = `
  SELECT seq
  FROM unlock_mark
  WHERE received_at_ms < ?1
  ORDER BY received_at_ms DESC, seq DESC
  LIMIT 1`

/** Returns how many leaves, from the first on, were received before a time: up to the last one whose time is
 * certain and before it. Certain times never decrease, so all earlier leaves came before too, whatever their
 * own times say. */
export const countBefore = async (db: Reads, receivedAtMs: number): Promise<number> => {
  const row = await db.get<{ size: number | null }>(
    `SELECT 1 + max(
       coalesce(
         (SELECT max(seq) FROM unlock_event WHERE ${CERTAIN_BESIDE} AND received_at_ms < ?1),
         (
           SELECT (SELECT max(seq) FROM unlock_event WHERE ${AFTER_MARK} AND received_at_ms < ?1)
           FROM (${LAST_BEFORE}) AS mark
         ),
         -1
       ),
       coalesce((SELECT seq ${CERTAIN_RECORDS} AND at_ms < ?1 ORDER BY seq DESC LIMIT 1), -1)
     ) AS size`,
    receivedAtMs,
  )
  return row?.size ?? 0
}

/** Returns the sequence number of the first event whose certain time is `receivedAtMs` or later. */
export const firstSince = async (db: Reads, receivedAtMs: number): Promise<number> => {
  const row = await db.get<{ seq: number | null }>(
    `SELECT coalesce(
       (
         SELECT (SELECT min(seq) FROM unlock_event WHERE ${AFTER_MARK} AND received_at_ms >= ?1)
         FROM (${LAST_BEFORE}) AS mark
       ),
       (SELECT seq FROM unlock_mark WHERE received_at_ms >= ?1 ORDER BY received_at_ms, seq LIMIT 1),
       (SELECT min(seq) FROM unlock_event WHERE ${CERTAIN_BESIDE} AND received_at_ms >= ?1)
     ) AS seq`,
    receivedAtMs,
  )
  return row?.seq ?? Number.MAX_SAFE_INTEGER
}

/** Returns the newest certain time of receipt, or 0 if there is none. */
export const newestCertainMs = async (db: Reads): Promise<number> => {
  const row = await db.get<{ newest: number }>(
    `SELECT max(
       coalesce(
         (SELECT max(received_at_ms) FROM unlock_event WHERE ${CERTAIN_BESIDE}),
         (
           SELECT (SELECT max(received_at_ms) FROM unlock_event WHERE ${AFTER_MARK})
           FROM (
             SELECT seq FROM unlock_mark ORDER BY received_at_ms DESC, seq DESC LIMIT 1
           ) AS mark
         ),
         0
       ),
       coalesce((SELECT at_ms ${CERTAIN_RECORDS} ORDER BY seq DESC LIMIT 1), 0)
     ) AS newest`,
  )
  return row?.newest ?? 0
}
