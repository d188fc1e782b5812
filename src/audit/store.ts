import type { AuditEvent } from '../domain/audit-event.ts'
import { takeTurn, yieldToEventLoop } from '../domain/event-loop.ts'
import type { Order } from '../http/request/paging.ts'
import type { Database, Queries } from '../storage/database.ts'
import { ACTION_SQL, currentAction } from './action-names.ts'

export type AuditStore = ReturnType<typeof auditStore>

type NewAuditEvent = AuditEvent & {
  readonly atMs: number
  readonly address: string
  readonly requestId: string | undefined
}

/** Who did something, or what it was done to; an account has its current name. */
type Named = { readonly id: string; readonly name: string | null }

/** A stored audit event; the address is null once erased. */
export type StoredAuditEvent = {
  /** Counts from 0 without gaps. */
  readonly seq: number
  readonly atMs: number
  readonly action: string
  readonly result: AuditEvent['result']
  readonly actor: Named | null
  readonly subject: Named | null
  readonly address: string | null
  readonly requestId: string | null
  readonly detail: NonNullable<AuditEvent['detail']>
}

/** Conditions; an audit event must meet all of them. */
export type AuditFilter = {
  /** An action, or the first words of several. */
  readonly action?: string | undefined
  readonly result?: AuditEvent['result'] | undefined
  readonly actor?: string | undefined
  readonly subject?: string | undefined
  /** Recorded at this time or later. */
  readonly fromMs?: number | undefined
  /** Recorded before this time. */
  readonly toMs?: number | undefined
}

type PageRequest = {
  readonly filter: AuditFilter
  readonly order: Order
  /** Continue after the event of this number. */
  readonly after?: number | undefined
  readonly limit: number
  /** Ends the search once aborted. */
  readonly signal?: AbortSignal
}

type Page = {
  readonly events: readonly StoredAuditEvent[]
  /** The number to continue after; undefined at the end. */
  readonly next: number | undefined
}

/** How many events one statement, and one page, looks at. A page may contain fewer than its limit
 * and still be followed by another. */
const STEP_ROWS = 5000

/** How many events of a person one transaction changes: each may be on a page of its own. */
const ERASED_ROWS = 1000
const PAGE_ROWS_MAX = 100_000

/** How many of the newest events are searched for addresses, and how many addresses are
 * returned. */
const ADDRESS_ROWS_MAX = 20_000
const ADDRESSES_MAX = 10

/** The audit events in the database; triggers prevent changes. */
export const auditStore = (db: Database) => ({
  /** Appends an event, in a transaction or on its own. */
  append: async (event: NewAuditEvent, tx: Pick<Queries, 'run'>): Promise<void> => {
    await tx.run(
      `INSERT INTO audit_event (
         seq,
         at_ms,
         action,
         result,
         actor,
         subject,
         address,
         request_id,
         detail
       ) SELECT coalesce(max(seq) + 1, 0), ?, ?, ?, ?, ?, ?, ?, ? FROM audit_event`,
      event.atMs,
      event.action,
      event.result,
      event.actor ?? null,
      event.subject ?? null,
      event.address,
      event.requestId ?? null,
      JSON.stringify(event.detail ?? {}),
    )
  },

  /** Returns events in the order of their numbers. */
  page: async ({ filter, order, after, limit, signal }: PageRequest): Promise<Page> => {
    const { sql, values } = searchFor(filter, order)
    const size = await nextSeq(db)
    const isUpwards = order === 'oldest'
    const events: StoredAuditEvent[] = []
    let last = after ?? (isUpwards ? -1 : size)
    for (let examined = 0; examined < PAGE_ROWS_MAX; examined += STEP_ROWS) {
      if (examined > 0) await takeTurn(signal)
      const [from, to] = isUpwards ? [last + 1, last + STEP_ROWS] : [last - STEP_ROWS, last - 1]
      const remaining = limit + 1 - events.length
      events.push(...(await db.all<Row>(sql, from, to, ...values, remaining)).map(stored))
      if (events.length > limit)
        return { events: events.slice(0, limit), next: events[limit - 1]?.seq }
      last = isUpwards ? to : from
      const isAtEnd = last <= 0 || last >= size - 1
      if (isAtEnd) return { events, next: undefined }
    }
    return { events, next: last }
  },

  /** Returns the distinct addresses an action came from since a time, among the newest events, without
   * those from which `clearedBy` came later. */
  addressesOf:
    (action: string, clearedBy = '') =>
    async (sinceMs: number): Promise<readonly string[]> => {
      const rows = await db.all<{ address: string }>(
        `SELECT address
         FROM (
           SELECT seq, action, at_ms, address FROM audit_event ORDER BY seq DESC LIMIT ?
         ) AS newest
         WHERE action IN (?, ?) AND at_ms >= ? AND address IS NOT NULL
         GROUP BY address
         HAVING max(CASE action WHEN ? THEN seq END)
           > coalesce(max(CASE action WHEN ? THEN seq END), -1)
         LIMIT ?`,
        ADDRESS_ROWS_MAX,
        action,
        clearedBy,
        sinceMs,
        action,
        clearedBy,
        ADDRESSES_MAX,
      )
      return rows.map(({ address }) => address)
    },

  /** Returns the newest event of an action on a subject, or undefined. */
  newest: async (action: string, subject: string): Promise<NewestAuditEvent | undefined> => {
    const row = await db.get<NewestRow>(
      `SELECT at_ms, result, detail
       FROM audit_event
       WHERE subject = ? AND ${ACTION_SQL} = ?
       ORDER BY seq DESC
       LIMIT 1`,
      subject,
      action,
    )
    return row && newestEvent(row)
  },

  /** Returns the newest event of an action that has always had this name, or undefined. */
  newestOf: async (action: string): Promise<NewestAuditEvent | undefined> => {
    const row = await db.get<NewestRow>(
      'SELECT at_ms, result, detail FROM audit_event WHERE action = ? ORDER BY seq DESC LIMIT 1',
      action,
    )
    return row && newestEvent(row)
  },

  /** Removes the addresses of events before a time, step by step; returns how many. */
  eraseAddressesBefore: async (atMs: number): Promise<number> => {
    const size = await nextSeq(db)
    let erased = 0
    for (let seq = 0; seq < size; seq += STEP_ROWS) {
      erased += await db.run(
        `UPDATE audit_event
         SET address = NULL
         WHERE seq >= ? AND seq < ? AND at_ms < ? AND address IS NOT NULL`,
        seq,
        seq + STEP_ROWS,
        atMs,
      )
      await yieldToEventLoop()
    }
    return erased
  },

  /** Removes the addresses from which a person, or someone in their name, acted, step by step; returns
   * how many. */
  eraseAddressesOf: async (publicId: string): Promise<number> =>
    (await eraseAddresses(db, 'actor = ?', publicId)) +
    (await eraseAddresses(db, 'subject = ?', publicId, 'actor IS NULL')),
})

/** Walks the events that an index finds for a person, and erases the addresses of those that also meet
 * `condition`. */
const eraseAddresses = async (
  db: Queries,
  indexed: 'actor = ?' | 'subject = ?',
  publicId: string,
  condition = 'TRUE',
): Promise<number> => {
  let erased = 0
  for (let after = -1; ;) {
    const step = await db.get<{ last: number | null }>(
      `SELECT max(seq) AS last
       FROM (SELECT seq FROM audit_event WHERE ${indexed} AND seq > ? ORDER BY seq LIMIT ?) AS step`,
      publicId,
      after,
      ERASED_ROWS,
    )
    const last = step?.last ?? null
    if (last === null) return erased
    erased += await db.run(
      `UPDATE audit_event
       SET address = NULL
       WHERE ${indexed} AND seq > ? AND seq <= ? AND ${condition} AND address IS NOT NULL`,
      publicId,
      after,
      last,
    )
    after = last
    await yieldToEventLoop()
  }
}

const nextSeq = async (db: Queries): Promise<number> => {
  const row = await db.get<{ next: number }>(
    'SELECT coalesce(max(seq) + 1, 0) AS next FROM audit_event',
  )
  return row?.next ?? 0
}

type Row = {
  seq: number
  at_ms: number
  action: string
  result: AuditEvent['result']
  actor: string | null
  actor_name: string | null
  subject: string | null
  subject_name: string | null
  address: string | null
  request_id: string | null
  detail: string
}

type NewestRow = Pick<Row, 'at_ms' | 'result' | 'detail'>
type NewestAuditEvent = Pick<StoredAuditEvent, 'atMs' | 'result' | 'detail'>

const newestEvent = (row: NewestRow): NewestAuditEvent => ({
  atMs: row.at_ms,
  result: row.result,
  detail: detailOf(row),
})

const searchFor = (filter: AuditFilter, order: Order) => {
  const { action, result, actor, subject, fromMs, toMs } = filter
  const conditions = [
    // 'session' is the first word of 'session.end', and not of 'sessions'.
    { sql: `substr(${ACTION_SQL} || '.', 1, ?) = ?`, values: action && wordsOf(action) },
    { sql: 'result = ?', values: result && [result] },
    { sql: 'actor = ?', values: actor && [actor] },
    { sql: 'subject = ?', values: subject && [subject] },
    { sql: 'at_ms >= ?', values: fromMs !== undefined && [fromMs] },
    { sql: 'at_ms < ?', values: toMs !== undefined && [toMs] },
  ].flatMap(({ sql, values }) => (values ? [{ sql, values }] : []))
  return {
    sql: `SELECT
            seq,
            at_ms,
            ${ACTION_SQL} AS action,
            result,
            actor,
            (SELECT username FROM account WHERE public_id = actor) AS actor_name,
            subject,
            (SELECT username FROM account WHERE public_id = subject) AS subject_name,
            address,
            request_id,
            detail
          FROM audit_event
          WHERE ${['seq BETWEEN ? AND ?', ...conditions.map(({ sql }) => sql)].join(' AND ')}
          ORDER BY seq ${order === 'oldest' ? 'ASC' : 'DESC'}
          LIMIT ?`,
    values: conditions.flatMap(({ values }) => values),
  }
}

const wordsOf = (action: string) => {
  const words = `${currentAction(action)}.`
  return [words.length, words]
}

const stored = (row: Row): StoredAuditEvent => ({
  seq: row.seq,
  atMs: row.at_ms,
  action: row.action,
  result: row.result,
  actor: row.actor === null ? null : { id: row.actor, name: row.actor_name },
  subject: row.subject === null ? null : { id: row.subject, name: row.subject_name },
  address: row.address,
  requestId: row.request_id,
  detail: detailOf(row),
})

const detailOf = ({ detail }: Pick<Row, 'detail'>): StoredAuditEvent['detail'] =>
  JSON.parse(detail) as StoredAuditEvent['detail']
