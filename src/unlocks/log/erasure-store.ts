import type { Queries } from '../../storage/database.ts'
import { forgetInSummary } from '../summary/summary-store.ts'
import { packErased } from '../summary/tally-store.ts'
import type { nameWrites } from './names-store.ts'

/** An event to be erased, and the numbers that it has. */
type Erased = {
  readonly seq: number
  readonly account: number | null
  readonly method: number | null
}

const ERASED = 'seq, account_number AS account, method_number AS method'

/** What erasing removes from the tables beside the events, given their sequence numbers as JSON. */
const ERASED_BESIDE = [
  'UPDATE unlock_decision SET grant_id = NULL WHERE seq IN (SELECT CAST(value AS bigint) FROM json_each(?))',
  'DELETE FROM unlock_token WHERE seq IN (SELECT CAST(value AS bigint) FROM json_each(?))',
  'DELETE FROM unlock_guest WHERE seq IN (SELECT CAST(value AS bigint) FROM json_each(?))',
  `UPDATE controller_report
   SET statement = NULL
   WHERE (controller_id, counter) IN (
     SELECT unlock_report.reporter, unlock_statement.reporter_counter
     FROM json_each(?)
     CROSS JOIN unlock_report ON unlock_report.seq = CAST(value AS bigint)
     CROSS JOIN unlock_statement ON unlock_statement.seq = unlock_report.seq
   )`,
  'UPDATE unlock_statement SET statement = NULL WHERE seq IN (SELECT CAST(value AS bigint) FROM json_each(?))',
]

/** Where a search in the order in which events happened continues. */
export type Happened = { readonly ms: number; readonly seq: number }

/** An internal setting: the event up to which retention has erased everything. */
const RETAINED_FROM = 'retained_from_seq'

/** Removes personal text, its salts and its numbers from events, and all that records commit to. Indexes contain
 * none of it any more, and the names that no event has any more are blanked in the same transaction. */
export const erasureWrites = (tx: Queries, { forget }: ReturnType<typeof nameWrites>) => {
  const erase = async (events: readonly Erased[]): Promise<void> => {
    if (events.length === 0) return
    await forgetInSummary(
      tx,
      events.map(({ seq }) => seq),
    )
    await tx.run(
      `UPDATE unlock_event
       SET
         account_number = NULL,
         method_number = NULL,
         username = NULL,
         method = NULL,
         salt = NULL
       WHERE seq IN (SELECT CAST(value AS bigint) FROM json_each(?))`,
      JSON.stringify(events.map(({ seq }) => seq)),
    )
    for (const sql of ERASED_BESIDE) await tx.run(sql, JSON.stringify(events.map(({ seq }) => seq)))
    await forget(events)
  }

  /** Erases the records that a query selects; returns how many. */
  const eraseRecords = (which: string, ...values: readonly (string | number)[]): Promise<number> =>
    tx.run(
      `UPDATE log_record
       SET subject = NULL, by_public_id = NULL, about_public_id = NULL, body = NULL, salt = NULL
       WHERE seq IN (${which})`,
      ...values,
    )

  return {
    /** Erases up to `limit` events of an account, by its number; returns how many. */
    eraseAccount: async (account: number, limit: number): Promise<number> => {
      const events = await tx.all<Erased>(
        `SELECT ${ERASED}
         FROM unlock_event
         WHERE account_number = ?
         ORDER BY happened_at_ms
         LIMIT ?`,
        account,
        limit,
      )
      await erase(events)
      return events.length
    },

    /** Erases up to `limit` events of a guest, by the id of the pass; returns how many. */
    eraseGuest: async (passId: string, limit: number): Promise<number> => {
      const events = await tx.all<Erased>(
        `SELECT ${ERASED}
         FROM unlock_event
         WHERE seq IN (SELECT seq FROM unlock_guest WHERE pass_id = ? ORDER BY seq LIMIT ?)`,
        passId,
        limit,
      )
      await erase(events)
      return events.length
    },

    /** Erases up to `limit` records of a pass and its grants, by its id; returns how many. */
    eraseRecordsOfPass: (passId: string, limit: number): Promise<number> =>
      eraseRecords(
        `SELECT seq
         FROM log_record
         WHERE subject IN (
           SELECT 'pass:' || ?1
           UNION ALL
           SELECT 'grant:' || id FROM access_grant WHERE holder = 'pass:' || ?1
         )
         LIMIT ?2`,
        passId,
        limit,
      ),

    /** Erases up to `limit` records by or about an account, by its public id; returns how many. */
    eraseRecordsOf: (publicId: string, limit: number): Promise<number> =>
      eraseRecords(
        `SELECT seq FROM log_record WHERE by_public_id = ?1
         UNION
         SELECT seq FROM log_record WHERE about_public_id = ?1
         LIMIT ?2`,
        publicId,
        limit,
      ),

    /** Erases up to `limit` records by or about people, with sequence numbers below one; returns how many. */
    eraseRecordsBelow: (seq: number, limit: number): Promise<number> =>
      eraseRecords(
        `SELECT seq
         FROM log_record
         WHERE seq < ? AND coalesce(by_public_id, about_public_id) IS NOT NULL
         LIMIT ?`,
        seq,
        limit,
      ),

    /** Looks at the next `limit` events of an account and erases those with one name; returns how many,
     * and where to continue, unless that was the end. */
    eraseNamed: async (
      account: number,
      username: string,
      after: Happened,
      limit: number,
    ): Promise<{ readonly erased: number; readonly next: Happened | undefined }> => {
      const events = await tx.all<Erased & { ms: number; username: string | null }>(
        `SELECT ${ERASED}, happened_at_ms AS ms, username
         FROM unlock_event
         WHERE account_number = ? AND (happened_at_ms, seq) > (?, ?)
         ORDER BY happened_at_ms, seq
         LIMIT ?`,
        account,
        after.ms,
        after.seq,
        limit,
      )
      const named = events.filter((event) => event.username === username)
      await erase(named)
      return { erased: named.length, next: events.length < limit ? undefined : events.at(-1) }
    },

    /** Erases up to `limit` events from one sequence number up to, not including, another; returns how
     * many had personal text, and the number to continue at. */
    eraseRange: async (
      fromSeq: number,
      toSeq: number,
      limit: number,
    ): Promise<{ readonly erased: number; readonly next: number }> => {
      const events = await tx.all<Erased>(
        `SELECT ${ERASED}
         FROM unlock_event
         WHERE seq >= ? AND seq < ? AND salt IS NOT NULL
         ORDER BY seq
         LIMIT ?`,
        fromSeq,
        toSeq,
        limit,
      )
      await erase(events)
      const last = events.length < limit ? undefined : events.at(-1)
      return { erased: events.length, next: last ? last.seq + 1 : toSeq }
    },

    /** Erases up to `limit` imported events that happened before a time; returns how many. */
    eraseImported: async (happenedBeforeMs: number, limit: number): Promise<number> => {
      const events = await tx.all<Erased>(
        `SELECT ${ERASED}
         FROM unlock_event
         WHERE source = 'imported' AND salt IS NOT NULL AND happened_at_ms < ?
         LIMIT ?`,
        happenedBeforeMs,
        limit,
      )
      await erase(events)
      return events.length
    },

    /** Removes what the packed tallies of some days reveal of erased events; returns false if none does. */
    packErased: (): Promise<boolean> => packErased(tx),

    /** Returns the first event that retention has not erased yet. */
    retainedFrom: async (): Promise<number> => {
      const row = await tx.get<{ value: string }>(
        'SELECT value FROM setting WHERE name = ?',
        RETAINED_FROM,
      )
      return Number(row?.value ?? 0)
    },

    setRetainedFrom: (seq: number): Promise<number> =>
      tx.run(
        `INSERT INTO setting (name, value) VALUES (?, ?)
         ON CONFLICT (name) DO UPDATE SET value = excluded.value`,
        RETAINED_FROM,
        String(seq),
      ),
  }
}
