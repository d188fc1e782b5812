import { AppError } from '../../errors.ts'
import type { Database, Queries } from '../../storage/database.ts'
import type { Head } from '../tlog/checkpoint.ts'
import type { NewUnlockEvent, UnlockEvent } from './event.ts'
import {
  HASH_BYTES,
  type ReadNode,
  type TreeNode,
  innerNodes,
  nodeNumber,
} from '../tlog/merkle-tree.ts'

export type UnlockStore = ReturnType<typeof unlockStore>
export type UnlockWrites = ReturnType<typeof writesOn>

export type { Head, UnlockEvent }

type Reads = Pick<Queries, 'all' | 'get'>

/** Whose events are erased: all of an account, or those of one name. */
export type Erased = { readonly accountPublicId: string; readonly username?: string }

/** A row of the table `unlock`. */
export type UnlockRow = {
  seq: number
  id: string
  account_public_id: string | null
  username: string | null
  method: string | null
  salt: Uint8Array | null
  person_hash: Uint8Array
  lock: string
  result: NewUnlockEvent['result']
  reason: NewUnlockEvent['reason']
  source: NewUnlockEvent['source']
  occurred_at_ms: number | null
  received_at_ms: number
  is_late: number
  is_time_uncertain: number
  leaf_hash: Uint8Array
}

/** The unlock log in the database: events, the tree over them, and its newest checkpoint. */
export const unlockStore = (db: Database) => ({
  ...logReads(db),
  /** Runs `work` in one transaction; resolves after COMMIT. */
  transaction: <Result>(work: (writes: UnlockWrites) => Promise<Result>): Promise<Result> =>
    db.transaction((tx) => work(writesOn(tx))),
  foldWal: db.checkpointWal,
})

/** The indexes that hold personal text. */
const PERSONAL_INDEXES = [
  'unlock_by_account',
  'unlock_by_method',
  'unlock_by_time',
  'unlock_imported',
] as const

/** Reading the log, also in a database that is only read. */
export const logReads = (db: Reads) => ({
  head: (): Promise<Head | undefined> =>
    db.get<Head>('SELECT size, checkpoint FROM log_head WHERE id = 1'),

  /** The number that the next event gets by the rows, whatever the head says. */
  nextSeq: async (): Promise<number> => {
    const row = await db.get<{ next: number }>(
      'SELECT coalesce(max(seq) + 1, 0) AS next FROM unlock_event',
    )
    return row?.next ?? 0
  },

  /** The newest time of receipt that was not doubted; 0 where there is none. */
  newestCertainMs: async (): Promise<number> => {
    const row = await db.get<{ newest: number }>(
      `SELECT received_at_ms AS newest
       FROM unlock_event
       WHERE is_time_uncertain = 0
       ORDER BY received_at_ms DESC
       LIMIT 1`,
    )
    return row?.newest ?? 0
  },

  countBefore: (receivedAtMs: number): Promise<number> => countBefore(db, receivedAtMs),

  find: async (id: string): Promise<UnlockEvent | undefined> => {
    const row = await db.get<UnlockRow>('SELECT * FROM unlock_event WHERE id = ?', id)
    return row && stored(row)
  },

  /** Up to `limit` events whose sequence number is over `afterSeq`, oldest first. */
  page: async (afterSeq: number, limit: number): Promise<readonly UnlockEvent[]> => {
    const rows = await db.all<UnlockRow>(
      'SELECT * FROM unlock_event WHERE seq > ? ORDER BY seq LIMIT ?',
      afterSeq,
      limit,
    )
    return rows.map(stored)
  },

  node: async (level: number, index: number): Promise<Uint8Array | undefined> => {
    const row =
      level === 0
        ? await db.get<{ hash: Uint8Array }>(
            'SELECT leaf_hash AS hash FROM unlock_event WHERE seq = ?',
            index,
          )
        : await db.get<{ hash: Uint8Array }>(
            'SELECT hash FROM tree_node WHERE number = ?',
            nodeNumber(level, index),
          )
    return row?.hash
  },

  /** The first number outside the head's size, or before 0, at which an event stands; none, unless
   * somebody wrote to the file. */
  strayEvent: async (): Promise<number | undefined> => {
    const row = await db.get<{ seq: number | null }>(
      `SELECT min(seq) AS seq
       FROM (
         SELECT min(seq) AS seq FROM unlock_event WHERE seq < 0
         UNION ALL
         SELECT min(seq) FROM unlock_event WHERE seq >= (SELECT size FROM log_head WHERE id = 1)
       ) AS outside`,
    )
    return row?.seq ?? undefined
  },

  /** Whether the tree has a node that no event within the head's size completed, in one look at
   * both; it has none, unless somebody wrote to the file. */
  hasStrayNode: async (): Promise<boolean> => {
    const row = await db.get<{ first: number | null; last: number | null; size: number | null }>(
      `SELECT
         (SELECT min(number) FROM tree_node) AS first,
         (SELECT max(number) FROM tree_node) AS last,
         (SELECT size FROM log_head WHERE id = 1) AS size`,
    )
    return (row?.first ?? 0) < 0 || (row?.last ?? -1) >= innerNodes(row?.size ?? 0)
  },

  /** The inner nodes that the leaves from first to last complete, in that order. */
  nodesOf: async (firstSeq: number, lastSeq: number): Promise<readonly Uint8Array[]> => {
    const rows = await db.all<{ hash: Uint8Array }>(
      'SELECT hash FROM tree_node WHERE number >= ? AND number < ? ORDER BY number',
      innerNodes(firstSeq),
      innerNodes(lastSeq + 1),
    )
    return rows.map(({ hash }) => hash)
  },
})

const writesOn = (tx: Queries) => ({
  ...logReads(tx),

  /** Gives whether it is there now; not where an event of that id was there before. */
  insert: async (event: Required<UnlockEvent>): Promise<boolean> => {
    const inserted = await tx.run(
      `INSERT INTO unlock_event (
         seq,
         id,
         account_public_id,
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
         is_late,
         is_time_uncertain,
         leaf_hash
       ) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (id) DO NOTHING`,
      event.seq,
      event.id,
      event.person?.accountPublicId ?? null,
      event.person?.username ?? null,
      event.person?.method ?? null,
      event.person?.salt ?? null,
      event.personHash,
      event.lock,
      event.result,
      event.reason,
      event.source,
      event.occurredAtMs,
      event.receivedAtMs,
      Number(event.isLate),
      Number(event.isTimeUncertain),
      event.leafHash,
    )
    return inserted === 1
  },

  /** Gives whether it is there now; not where another node was there before. */
  insertNode: async ({ level, index, hash }: TreeNode): Promise<boolean> => {
    const inserted = await tx.run(
      'INSERT INTO tree_node (number, hash) VALUES (?, ?) ON CONFLICT DO NOTHING',
      nodeNumber(level, index),
      hash,
    )
    return inserted === 1
  },

  setHead: async ({ size, checkpoint }: Head): Promise<void> => {
    await tx.run(
      `INSERT INTO log_head (id, size, checkpoint) VALUES (1, ?, ?)
       ON CONFLICT (id) DO UPDATE SET size = excluded.size, checkpoint = excluded.checkpoint`,
      size,
      checkpoint,
    )
  },

  /** Removes the personal text and salt of up to `limit` events of somebody; gives how many. */
  erasePerson: ({ accountPublicId, username }: Erased, limit: number): Promise<number> =>
    tx.run(
      `UPDATE unlock_event
       SET account_public_id = NULL, username = NULL, method = NULL, salt = NULL
       WHERE seq IN (
         SELECT seq
         FROM unlock_event
         WHERE account_public_id = ? AND username = coalesce(?, username)
         LIMIT ?
       )`,
      accountPublicId,
      username ?? null,
      limit,
    ),

  hasEventsOf: async ({ accountPublicId, username }: Erased): Promise<boolean> =>
    (await tx.get(
      `SELECT 1
       FROM unlock_event
       WHERE account_public_id = ? AND username = coalesce(?, username)
       LIMIT 1`,
      accountPublicId,
      username ?? null,
    )) !== undefined,

  /** Removes the personal text and salt of the events from one number up to another; gives how
   * many had any. */
  eraseRange: (fromSeq: number, toSeq: number): Promise<number> =>
    tx.run(
      `UPDATE unlock_event
       SET account_public_id = NULL, username = NULL, method = NULL, salt = NULL
       WHERE seq >= ? AND seq < ? AND salt IS NOT NULL`,
      fromSeq,
      toSeq,
    ),

  /** The same for up to `limit` imported events that happened before then. */
  eraseImported: (occurredBeforeMs: number, limit: number): Promise<number> =>
    tx.run(
      `UPDATE unlock_event
       SET account_public_id = NULL, username = NULL, method = NULL, salt = NULL
       WHERE seq IN (
         SELECT seq
         FROM unlock_event
         WHERE source = 'imported' AND salt IS NOT NULL AND occurred_at_ms < ?
         LIMIT ?
       )`,
      occurredBeforeMs,
      limit,
    ),

  /** Makes the indexes with personal text anew: where entries moved from one page to another, the
   * first may keep a copy that no later erasure finds. Some 2 s for a million events. */
  rebuildPersonalIndexes: async (): Promise<void> => {
    for (const index of PERSONAL_INDEXES) await tx.run(`REINDEX ${index}`)
  },
})

/** How many events, from the first on, were received before then: up to the last one whose time says
 * so and is not doubted. Such times never run backwards from one event to the next, so that all in
 * front of it came earlier, whatever their times say. */
export const countBefore = async (db: Reads, receivedAtMs: number): Promise<number> => {
  const row = await db.get<{ seq: number }>(
    `SELECT seq
     FROM unlock_event
     WHERE received_at_ms < ? AND is_time_uncertain = 0
     ORDER BY received_at_ms DESC, seq DESC
     LIMIT 1`,
    receivedAtMs,
  )
  return row ? row.seq + 1 : 0
}

/** The first event whose time says that it was received then or later, and is not doubted. */
export const firstSince = async (db: Queries, receivedAtMs: number): Promise<number> => {
  const row = await db.get<{ seq: number }>(
    `SELECT seq
     FROM unlock_event
     WHERE received_at_ms >= ? AND is_time_uncertain = 0
     ORDER BY received_at_ms, seq
     LIMIT 1`,
    receivedAtMs,
  )
  return row?.seq ?? Number.MAX_SAFE_INTEGER
}

/** The event that a row holds. */
export const stored = (row: UnlockRow): UnlockEvent => ({
  seq: row.seq,
  id: row.id,
  person: person(row),
  personHash: row.person_hash,
  lock: row.lock,
  result: row.result,
  reason: row.reason,
  source: row.source,
  occurredAtMs: row.occurred_at_ms,
  receivedAtMs: row.received_at_ms,
  isLate: row.is_late !== 0,
  isTimeUncertain: row.is_time_uncertain !== 0,
  leafHash: row.leaf_hash,
})

const person = ({ account_public_id: accountPublicId, username, method, salt }: UnlockRow) =>
  accountPublicId === null && username === null && method === null && salt === null
    ? undefined
    : {
        // Erased in part, which only a hand in the file does: kept, so that it fits no commitment.
        accountPublicId: accountPublicId ?? '',
        username: username ?? '',
        method: method ?? '',
        salt: salt ?? new Uint8Array(),
      }

/** Computes with tree nodes that are read from the database: once to learn which, once with them. */
export const withNodes = async <Result>(
  { node }: Pick<UnlockStore, 'node'>,
  compute: (read: ReadNode) => Result,
): Promise<Result> => {
  const wanted = new Map<string, readonly [number, number]>()
  const nowhere = new Uint8Array(HASH_BYTES)
  compute((level, index) => {
    wanted.set(`${level}/${index}`, [level, index])
    return nowhere
  })
  const found = new Map<string, Uint8Array>()
  for (const [key, [level, index]] of wanted) {
    const hash = await node(level, index)
    if (!hash)
      throw new AppError(
        'unavailable',
        `The log has no node ${index} at level ${level} of its tree`,
      )
    found.set(key, hash)
  }
  return compute((level, index) => found.get(`${level}/${index}`) ?? nowhere)
}
