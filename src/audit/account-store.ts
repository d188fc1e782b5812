import { currentAction } from './action-names.ts'
import type { Queries } from '../storage/database.ts'

const RECORDS_PER_PAGE = 500

/** Gives the records of what a person did, and of what was done to them, oldest first, a page in
 * memory at a time. The addresses are their own, and those of nobody known. */
export const accountAuditEvents =
  (db: Queries) =>
  (publicId: string): AsyncGenerator<readonly object[]> =>
    recordPages(db, publicId)

async function* recordPages(db: Queries, publicId: string) {
  let afterSeq = -1
  for (;;) {
    const rows = await db.all<RecordRow>(
      `SELECT *, address AS shown FROM audit_event WHERE actor = ? AND seq > ?
       UNION ALL
       SELECT *, iif(actor IS NULL, address, NULL) AS shown FROM audit_event
       WHERE subject = ? AND actor IS NOT ? AND seq > ?
       ORDER BY seq
       LIMIT ?`,
      publicId,
      afterSeq,
      publicId,
      publicId,
      afterSeq,
      RECORDS_PER_PAGE,
    )
    if (rows.length > 0) yield rows.map(recordJson)
    if (rows.length < RECORDS_PER_PAGE) return
    afterSeq = rows.at(-1)?.seq ?? afterSeq
  }
}

type RecordRow = {
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

const recordJson = (row: RecordRow) => ({
  seq: row.seq,
  at: new Date(row.at_ms).toISOString(),
  action: currentAction(row.action),
  result: row.result,
  actor: row.actor,
  subject: row.subject,
  address: row.shown,
  request_id: row.request_id,
  detail: JSON.parse(row.detail) as unknown,
})
