import { takeTurn } from '../domain/event-loop.ts'
import type { Queries } from '../storage/database.ts'
import { currentAction } from './action-names.ts'

const EVENTS_PER_PAGE = 500

/** Returns the audit events by and about a person, oldest first, one page in memory at a time.
 * Includes their own addresses and those of strangers, but not those of other accounts. */
export const accountAuditEvents =
  (db: Queries) =>
  (publicId: string, signal: AbortSignal): AsyncGenerator<readonly object[]> =>
    eventPages(db, publicId, signal)

async function* eventPages(db: Queries, publicId: string, signal: AbortSignal) {
  let afterSeq = -1
  for (;;) {
    await takeTurn(signal)
    const rows = await db.all<EventRow>(
      `SELECT *, address AS shown FROM audit_event WHERE actor = ? AND seq > ?
       UNION ALL
       SELECT *, CASE WHEN actor IS NULL THEN address END AS shown FROM audit_event
       WHERE subject = ? AND actor IS DISTINCT FROM ? AND seq > ?
       ORDER BY seq
       LIMIT ?`,
      publicId,
      afterSeq,
      publicId,
      publicId,
      afterSeq,
      EVENTS_PER_PAGE,
    )
    if (rows.length > 0) yield rows.map(eventJson)
    if (rows.length < EVENTS_PER_PAGE) return
    afterSeq = rows.at(-1)?.seq ?? afterSeq
  }
}

type EventRow = {
  seq: number
  at_ms: number
  action: string
  result: string
  actor: string | null
  subject: string | null
  shown: string | null
  request_id: string | null
  detail: string
}

/** Without the number of the event, which would tell how many events others caused. */
const eventJson = (row: EventRow) => ({
  at: new Date(row.at_ms).toISOString(),
  action: currentAction(row.action),
  result: row.result,
  actor: row.actor,
  subject: row.subject,
  address: row.shown,
  request_id: row.request_id,
  detail: JSON.parse(row.detail) as unknown,
})
