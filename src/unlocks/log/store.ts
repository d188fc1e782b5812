import type { Database, Queries } from '../../storage/database.ts'
import type { Params } from '../../storage/queries.ts'
import { rowInserter } from '../../storage/row-inserter.ts'
import { together } from '../../storage/writing/together.ts'
import { returnUnusedSpace } from '../../storage/unused-space.ts'
import { countBefore, newestCertainMs } from '../summary/marks-store.ts'
import { summarize } from '../summary/summary-store.ts'
import type { Head } from '../tlog/checkpoint.ts'
import { erasureWrites } from './erasure-store.ts'
import { UNLOCK_COLUMNS, type UnlockRow, eventOf } from './event-row.ts'
import {
  DECIDED,
  HAPPENED_BEFORE_MS_MAX,
  type UnerasedEvent,
  type UnlockEvent,
  isByLock,
} from './event.ts'
import type { Leaf } from './leaf.ts'
import { type RecordRow, recordOf } from './record-row.ts'
import type { UnerasedRecord } from './record.ts'
import { nameReads, nameWrites } from './names-store.ts'
import { treeReads, treeWrites } from './tree-store.ts'

export type UnlockStore = ReturnType<typeof unlockStore>
export type UnlockWrites = ReturnType<typeof unlockWrites>

type Reads = Pick<Queries, 'all' | 'get'>

export type HeadAndAdded = Head & {
  readonly next: number
  /** 1 if locks have ever reported anything. */
  readonly hasReports: number
  /** The hashes of the leaves, in hexadecimal, one after another. */
  readonly hashes: string
  /** The newest certain time of these leaves, or 0 if there is none. */
  readonly certainMs: number
  /** The newest time of these leaves, or 0 if there are none. */
  readonly lastMs: number
}

const NEXT_SEQ = `1 + max(
  coalesce((SELECT max(seq) FROM unlock_event), -1),
  coalesce((SELECT max(seq) FROM log_record), -1)
)`

/** The unlock log in the database: events, the tree over them, and its newest checkpoint. */
export const unlockStore = (db: Database) => ({
  ...logReads(db),
  /** Runs `work` in one transaction; resolves after COMMIT. */
  transaction: <Result>(
    work: (writes: UnlockWrites, tx: Queries) => Promise<Result>,
  ): Promise<Result> => db.transaction((tx) => work(unlockWrites(tx), tx)),
  /** Passes a submission to the append program. */
  append: db.append,
  checkpointWal: db.checkpointWal,
  /** Returns unused pages of the database file to the disk. */
  returnUnusedSpace: (): Promise<void> => returnUnusedSpace(db),
})

/** Reads the log, also from a database that is open read-only. */
export const logReads = (db: Reads) => ({
  ...treeReads(db),
  ...nameReads(db),

  head: (): Promise<Head | undefined> =>
    db.get<Head>('SELECT size, checkpoint FROM log_head WHERE id = 1'),

  /** Returns the head, and the number that the next leaf gets according to the rows at that moment. */
  headAndNextSeq: (): Promise<(Head & { readonly next: number }) | undefined> =>
    db.get(`SELECT size, checkpoint, ${NEXT_SEQ} AS next FROM log_head WHERE id = 1`),

  /** Returns the same, and a summary of up to `limit` leaves from a sequence number on. */
  headAndAdded: (fromSeq: number, limit: number): Promise<HeadAndAdded | undefined> =>
    db.get(
      `SELECT
         size,
         checkpoint,
         ${NEXT_SEQ} AS next,
         EXISTS (SELECT 1 FROM unlock_report) AS "hasReports",
         added.*
       FROM log_head
       CROSS JOIN (
         SELECT
           coalesce(group_concat(hex(leaf_hash), '' ORDER BY seq), '') AS hashes,
           coalesce(max(CASE WHEN is_time_uncertain = 0 THEN at_ms END), 0) AS "certainMs",
           coalesce(max(at_ms), 0) AS "lastMs"
         FROM (
           SELECT seq, leaf_hash, received_at_ms AS at_ms, is_time_uncertain
           FROM unlock_event
           WHERE seq >= ?1
           UNION ALL
           SELECT seq, leaf_hash, at_ms, is_time_uncertain
           FROM log_record
           WHERE seq >= ?1
           ORDER BY seq
           LIMIT ?2
         ) AS leaf
       ) AS added
       WHERE id = 1`,
      fromSeq,
      limit,
    ),

  /** Returns the number that the next leaf gets according to the rows, regardless of the head. */
  nextSeq: async (): Promise<number> => {
    const row = await db.get<{ next: number }>(`SELECT ${NEXT_SEQ} AS next`)
    return row?.next ?? 0
  },

  /** Returns the newest certain time of receipt, or 0 if there is none. */
  newestCertainMs: (): Promise<number> => newestCertainMs(db),

  /** Returns the size of the log after the newest event that an account reported since a time, or after an
   * earlier event; 0 if there is none. What the account reported since then happened at most 90 days before
   * that time. */
  sizeAtNewestOf: async (accountPublicId: string, sinceMs: number): Promise<number> => {
    const number = await nameReads(db).accountNumber(accountPublicId)
    if (number === undefined) return 0
    const row = await db.get<{ size: number }>(
      `SELECT coalesce(max(seq) + 1, 0) AS size
       FROM unlock_event
       WHERE account_number = ? AND happened_at_ms >= ?`,
      number,
      sinceMs - HAPPENED_BEFORE_MS_MAX,
    )
    return row?.size ?? 0
  },

  /** Returns how many events were received before a time. */
  countBefore: (receivedAtMs: number): Promise<number> => countBefore(db, receivedAtMs),

  find: async (id: string): Promise<UnlockEvent | undefined> => {
    const row = await db.get<UnlockRow>(
      `SELECT ${UNLOCK_COLUMNS} FROM unlock_event WHERE id = ?`,
      id,
    )
    return row && eventOf(row)
  },

  /** Returns the events with these ids, as far as there are any. */
  findAll: async (ids: readonly string[]): Promise<readonly UnlockEvent[]> => {
    if (ids.length === 0) return []
    const rows = await db.all<UnlockRow>(
      `SELECT ${UNLOCK_COLUMNS} FROM unlock_event WHERE id IN (SELECT value FROM json_each(?))`,
      JSON.stringify(ids),
    )
    return rows.map(eventOf)
  },

  /** Returns up to `limit` events with sequence numbers above `afterSeq`, oldest first. */
  page: async (afterSeq: number, limit: number): Promise<readonly UnlockEvent[]> => {
    const rows = await db.all<UnlockRow>(
      `SELECT ${UNLOCK_COLUMNS} FROM unlock_event WHERE seq > ? ORDER BY seq LIMIT ?`,
      afterSeq,
      limit,
    )
    return rows.map(eventOf)
  },

  /** Returns up to `limit` leaves with sequence numbers above `afterSeq`, oldest first. */
  leaves: async (afterSeq: number, limit: number): Promise<readonly Leaf[]> => {
    const events = await db.all<UnlockRow>(
      `SELECT ${UNLOCK_COLUMNS} FROM unlock_event WHERE seq > ? ORDER BY seq LIMIT ?`,
      afterSeq,
      limit,
    )
    const records = await db.all<RecordRow>(
      'SELECT * FROM log_record WHERE seq > ? ORDER BY seq LIMIT ?',
      afterSeq,
      limit,
    )
    if (records.length === 0) return events.map(eventOf)
    return [...events.map(eventOf), ...records.map(recordOf)]
      .toSorted((one, other) => one.seq - other.seq)
      .slice(0, limit)
  },

  /** Returns the first sequence number outside the head's size, or below 0, that has a leaf.
   * Undefined unless somebody wrote to the file. */
  strayLeaf: async (): Promise<number | undefined> => {
    const row = await db.get<{ seq: number | null }>(
      `SELECT min(seq) AS seq
       FROM (
         SELECT min(seq) AS seq FROM unlock_event WHERE seq < 0
         UNION ALL
         SELECT min(seq) FROM log_record WHERE seq < 0
         UNION ALL
         SELECT min(seq) FROM unlock_event WHERE seq >= (SELECT size FROM log_head WHERE id = 1)
         UNION ALL
         SELECT min(seq) FROM log_record WHERE seq >= (SELECT size FROM log_head WHERE id = 1)
       ) AS outside`,
    )
    return row?.seq ?? undefined
  },
})

/** Writes the log, in one transaction. */
export const unlockWrites = (tx: Queries, names = nameWrites(tx)) => ({
  /** Returns when a leaf was received, or 0 if there is none with that number. */
  receivedAtMs: async (seq: number): Promise<number> => {
    const row = await tx.get<{ atMs: number }>(
      `SELECT received_at_ms AS "atMs" FROM unlock_event WHERE seq = ?1
       UNION ALL
       SELECT at_ms FROM log_record WHERE seq = ?1`,
      seq,
    )
    return row?.atMs ?? 0
  },

  ...logReads(tx),
  ...treeWrites(tx),
  ...erasureWrites(tx, names),
  ...eventWrites(tx, names),
  ...recordWrites(tx),

  /** Called when the log has grown from one size to another; see `summarize`. */
  summarize: (grown: { readonly from: number; readonly to: number }): Promise<void> =>
    summarize(tx, grown),

  /** Replaces the head of a log of some size. Returns false, and leaves it, if the log has another size now. */
  setHead: async ({ size, checkpoint }: Head, fromSize: number): Promise<boolean> => {
    const changed = await tx.run(
      `INSERT INTO log_head (id, size, checkpoint) VALUES (1, ?, ?)
       ON CONFLICT (id) DO UPDATE SET size = excluded.size, checkpoint = excluded.checkpoint
       WHERE log_head.size = ?`,
      size,
      checkpoint,
      fromSize,
    )
    return changed === 1
  },
})

const recordWrites = (tx: Pick<Queries, 'run'>) => ({
  /** Adds records, whose sequence numbers are new. */
  insertRecords: async (records: readonly UnerasedRecord[]): Promise<void> => {
    await together(
      records.map((record) =>
        tx.run(
          `INSERT INTO log_record (
             seq,
             id,
             kind,
             subject,
             by_public_id,
             about_public_id,
             body,
             salt,
             body_hash,
             at_ms,
             is_time_uncertain,
             leaf_hash
           ) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
          record.seq,
          record.id,
          record.kind,
          record.subject,
          record.by,
          record.about,
          record.body.text,
          record.body.salt,
          record.bodyHash,
          record.atMs,
          Number(record.isTimeUncertain),
          record.leafHash,
        ),
      ),
    )
  },
})

const eventWrites = (tx: Queries, names: ReturnType<typeof nameWrites>) => ({
  /** Adds events, whose ids and sequence numbers are new. */
  insertAll: async (events: readonly UnerasedEvent[]): Promise<void> => {
    const rows: Params[] = []
    for (const event of events) {
      const { person } = event
      const { account, method } = await names.numbersOf(person.accountPublicId, person.method)
      rows.push([
        event.seq,
        event.id,
        account,
        method,
        person.username,
        person.method,
        person.salt,
        event.personHash,
        event.lock,
        event.result,
        event.reason,
        event.source,
        event.occurredAtMs,
        event.receivedAtMs,
        event.happenedAtMs,
        Number(event.isLate),
        Number(event.isTimeUncertain),
        event.leafHash,
      ])
    }
    await insertEvents(tx, rows)
    const more = events.filter(hasMore)
    if (more.length > 0) await together(BESIDE.map((insert) => insert(tx, more)))
  },
})

const hasMore = ({ attemptId, person }: UnerasedEvent): boolean =>
  attemptId !== undefined || person.tokenId !== undefined

/** Returns a function that inserts a row for each event that has one. */
const besides = (
  insert: string,
  columns: number,
  rowOf: (event: UnerasedEvent) => Params | undefined,
) => {
  const insertRows = rowInserter({ insert, columns })
  return (tx: Queries, events: readonly UnerasedEvent[]): Promise<number> =>
    insertRows(
      tx,
      events.map(rowOf).filter((row) => row !== undefined),
    )
}

/** Store members that only some events have, in tables of their own. */
const BESIDE = [
  besides(
    'INSERT INTO unlock_decision (seq, attempt_id, grant_id)',
    3,
    ({ seq, source, attemptId, person }) =>
      source === DECIDED ? [seq, attemptId ?? '', person.grantId ?? null] : undefined,
  ),
  besides('INSERT INTO unlock_report (seq, reporter, attempt_id, happened_at_ms)', 4, (event) =>
    isByLock(event)
      ? [event.seq, event.reporter ?? '', event.attemptId ?? null, event.happenedAtMs]
      : undefined,
  ),
  besides('INSERT INTO unlock_token (seq, token_id)', 2, ({ seq, person }) =>
    person.tokenId === undefined ? undefined : [seq, person.tokenId],
  ),
  besides(
    'INSERT INTO unlock_guest (seq, pass_id, device_id, counter)',
    4,
    ({ seq, person: { guest } }) => guest && [seq, guest.passId, guest.deviceId, guest.counter],
  ),
  besides(
    'INSERT INTO unlock_statement (seq, hash, statement, reporter_counter)',
    4,
    ({ seq, statementHash, statement, reporterCounter }) =>
      statementHash && [seq, statementHash, statement ?? null, reporterCounter ?? null],
  ),
]

const insertEvents = rowInserter({
  insert: `INSERT INTO unlock_event (
    seq,
    id,
    account_number,
    method_number,
    username,
    method,
    salt,
    person_hash,
    lock,
    result,
    reason,
    source,
    occurred_at_ms,
    received_at_ms,
    happened_at_ms,
    is_late,
    is_time_uncertain,
    leaf_hash
  )`,
  columns: 18,
})
