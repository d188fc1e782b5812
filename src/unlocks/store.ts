import { AppError } from '../errors.ts'
import type { Database, Queries } from '../storage/database.ts'
import type { Head } from './checkpoint.ts'
import type { NewEvent, StoredUnlock } from './event.ts'
import { HASH_BYTES, type ReadNode, type TreeNode } from './merkle.ts'

export type UnlockStore = ReturnType<typeof unlockStore>
export type UnlockWrites = ReturnType<typeof writesOn>

export type { Head, StoredUnlock }

type EraseAccount = { readonly accountPublicId: string; readonly limit: number }

type EraseBefore = {
  readonly fromSeq: number
  readonly toSeq: number
  readonly receivedAtMs: number
}

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
  result: NewEvent['result']
  reason: NewEvent['reason']
  source: NewEvent['source']
  occurred_at_ms: number | null
  received_at_ms: number
  is_late: number
  is_time_uncertain: number
  leaf_hash: Uint8Array
}

/** The unlock log in the database: events, the tree over them, and its newest checkpoint. */
export const unlockStore = (db: Database) => ({
  ...readsOn(db),
  /** Runs `work` in one transaction; resolves after COMMIT. */
  transaction: <Result>(work: (writes: UnlockWrites) => Promise<Result>): Promise<Result> =>
    db.transaction((tx) => work(writesOn(tx))),
})

const readsOn = (db: Queries) => ({
  head: (): Promise<Head | undefined> =>
    db.get<Head>('SELECT size, checkpoint FROM log_head WHERE id = 1'),

  /** The number that the next event gets by the rows, whatever the head says. */
  nextSeq: async (): Promise<number> => {
    const row = await db.get<{ next: number }>(
      'SELECT coalesce(max(seq) + 1, 0) AS next FROM unlock',
    )
    return row?.next ?? 0
  },

  /** The time of the newest event, by its receipt. */
  newestReceivedAtMs: async (): Promise<number> => {
    const row = await db.get<{ newest: number }>(
      'SELECT coalesce(max(received_at_ms), 0) AS newest FROM unlock',
    )
    return row?.newest ?? 0
  },

  find: async (id: string): Promise<StoredUnlock | undefined> => {
    const row = await db.get<UnlockRow>('SELECT * FROM unlock WHERE id = ?', id)
    return row && stored(row)
  },

  /** Up to `limit` events whose sequence number is over `afterSeq`, oldest first. */
  page: async (afterSeq: number, limit: number): Promise<readonly StoredUnlock[]> => {
    const rows = await db.all<UnlockRow>(
      'SELECT * FROM unlock WHERE seq > ? ORDER BY seq LIMIT ?',
      afterSeq,
      limit,
    )
    return rows.map(stored)
  },

  node: async (level: number, index: number): Promise<Uint8Array | undefined> => {
    const row =
      level === 0
        ? await db.get<{ hash: Uint8Array }>(
            'SELECT leaf_hash AS hash FROM unlock WHERE seq = ?',
            index,
          )
        : await db.get<{ hash: Uint8Array }>(
            'SELECT hash FROM tree_node WHERE level = ? AND idx = ?',
            level,
            index,
          )
    return row?.hash
  },

  /** How many events stand beyond the head; none, unless somebody wrote to the file. */
  strays: async (): Promise<number> => {
    const row = await db.get<{ strays: number }>(
      `SELECT coalesce(max(seq) + 1, 0) - (SELECT size FROM log_head WHERE id = 1) AS strays
       FROM unlock`,
    )
    return row?.strays ?? 0
  },

  /** The inner nodes that the leaves from first to last complete. */
  nodesOf: async (firstSeq: number, lastSeq: number): Promise<readonly TreeNode[]> => {
    const nodes: TreeNode[] = []
    for (let level = 1; 2 ** level <= lastSeq + 1; level += 1) {
      const width = 2 ** level
      const [from, to] = [Math.floor(firstSeq / width), Math.floor((lastSeq + 1) / width)]
      const rows = await db.all<{ idx: number; hash: Uint8Array }>(
        'SELECT idx, hash FROM tree_node WHERE level = ? AND idx >= ? AND idx < ?',
        level,
        from,
        to,
      )
      for (const { idx, hash } of rows) nodes.push({ level, index: idx, hash })
    }
    return nodes
  },
})

const writesOn = (tx: Queries) => ({
  ...readsOn(tx),

  /** Gives whether it is there now; not where an event of that id was there before. */
  insert: async (event: Required<StoredUnlock>): Promise<boolean> => {
    const inserted = await tx.run(
      `INSERT INTO unlock (
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

  insertNode: async ({ level, index, hash }: TreeNode): Promise<void> => {
    await tx.run('INSERT INTO tree_node (level, idx, hash) VALUES (?, ?, ?)', level, index, hash)
  },

  setHead: async ({ size, checkpoint }: Head): Promise<void> => {
    await tx.run(
      `INSERT INTO log_head (id, size, checkpoint) VALUES (1, ?, ?)
       ON CONFLICT (id) DO UPDATE SET size = excluded.size, checkpoint = excluded.checkpoint`,
      size,
      checkpoint,
    )
  },

  /** Removes the personal text and salt of up to `limit` events of an account; gives how many. */
  eraseAccount: ({ accountPublicId, limit }: EraseAccount): Promise<number> =>
    tx.run(
      `UPDATE unlock
       SET account_public_id = NULL, username = NULL, method = NULL, salt = NULL
       WHERE seq IN (SELECT seq FROM unlock WHERE account_public_id = ? LIMIT ?)`,
      accountPublicId,
      limit,
    ),

  /** Removes the personal text and salt of the events from one number up to another that were
   * received before then; gives how many. */
  eraseBefore: ({ fromSeq, toSeq, receivedAtMs }: EraseBefore): Promise<number> =>
    tx.run(
      `UPDATE unlock
       SET account_public_id = NULL, username = NULL, method = NULL, salt = NULL
       WHERE seq >= ? AND seq < ? AND received_at_ms < ? AND salt IS NOT NULL`,
      fromSeq,
      toSeq,
      receivedAtMs,
    ),
})

/** The event that a row holds. */
export const stored = (row: UnlockRow): StoredUnlock => ({
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
