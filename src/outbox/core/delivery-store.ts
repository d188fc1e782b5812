import type { HomeEventKind } from '../../domain/home-event.ts'
import type { Queries } from '../../storage/database.ts'
import { type StoredTarget, targetsIn } from './target-store.ts'

export const DELIVERY_STATES = ['waiting', 'delivered', 'dead', 'dropped'] as const
type DeliveryState = (typeof DELIVERY_STATES)[number]

/** A row of the outbox. */
export type Delivery = {
  readonly id: number
  readonly event: HomeEventKind
  readonly seq: number | null
  readonly about: string | null
  readonly createdAtMs: number
  readonly dueAtMs: number
  readonly attempts: number
  readonly state: DeliveryState
  readonly settledAtMs: number | null
  readonly status: number | null
  readonly answer: string | null
}

/** The outcome of an attempt, to be stored. */
export type Mark = Pick<
  Delivery,
  'id' | 'state' | 'attempts' | 'dueAtMs' | 'settledAtMs' | 'status' | 'answer'
>

/** Several rows that one digest stands for. */
export type Missed = {
  readonly unlocked: number
  readonly denied: number
  readonly others: number
  readonly fromMs: number
  readonly toMs: number
  readonly lastId: number
}

/** The answer stored with a dropped row once it was in a digest. */
const IN_DIGEST = 'too many were waiting; sent in a digest'
const STALE_IN_DIGEST = 'too old; sent in a digest'

/** A row that was dropped and was in no digest yet. */
const IS_GAP = `state = 'dropped' AND answer IS NULL`

/** Within the hour after ?1. A due time further ahead was written before the clock was set back. */
const IN_AN_HOUR = 'due_at_ms > ?1 AND due_at_ms <= ?1 + 3600000'

/** Waiting accounts are sent hourly at most, and delay nothing else. */
const IS_READY = `(event <> 'account.waiting' OR NOT (${IN_AN_HOUR}))`

/** The rows of the outbox, in a transaction or on a read connection. */
export const deliveriesIn = (queries: Pick<Queries, 'all' | 'get' | 'run'>) => ({
  /** Returns the enabled targets with something to send now. */
  readyTargets: async (nowMs: number): Promise<readonly StoredTarget[]> => {
    const rows = await queries.all<{ id: string }>(
      `SELECT id
       FROM target
       WHERE
         state = 'enabled'
         AND (
           EXISTS (
             SELECT 1 FROM delivery
             WHERE target_id = target.id AND state = 'waiting' AND ${IS_READY}
           )
           OR EXISTS (SELECT 1 FROM delivery WHERE target_id = target.id AND ${IS_GAP})
         )`,
      nowMs,
    )
    const all = await targetsIn(queries).all()
    return all.filter(({ id }) => rows.some((row) => row.id === id))
  },

  /** Returns when the next notice of waiting accounts is due, or undefined. */
  nextNewsMs: async (nowMs: number): Promise<number | undefined> => {
    const row = await queries.get<{ due: number | null }>(
      `SELECT min(due_at_ms) AS due
       FROM delivery
       WHERE
         state = 'waiting'
         AND event = 'account.waiting'
         AND ${IN_AN_HOUR}`,
      nowMs,
    )
    return row?.due ?? undefined
  },

  /** Returns the next rows of a target, in order. */
  waiting: (targetId: string, nowMs: number, limit: number): Promise<readonly Delivery[]> =>
    queries.all<Delivery>(
      `SELECT ${COLUMNS}
       FROM delivery
       WHERE target_id = ?2 AND state = 'waiting' AND ${IS_READY}
       ORDER BY id
       LIMIT ?3`,
      nowMs,
      targetId,
      limit,
    ),

  /** Returns what a target missed because too many rows waited, or undefined. */
  gap: (targetId: string): Promise<Missed | undefined> =>
    missed(queries, targetId, IS_GAP, Number.MAX_SAFE_INTEGER),

  /** Returns the rows of a target that have waited since before a time, or undefined. */
  stale: (targetId: string, beforeMs: number): Promise<Missed | undefined> =>
    missed(queries, targetId, `state = 'waiting'`, beforeMs),

  mark: async (marks: readonly Mark[]): Promise<void> => {
    await Promise.all(
      marks.map((mark) =>
        queries.run(
          `UPDATE delivery
           SET state = ?, attempts = ?, due_at_ms = ?, settled_at_ms = ?, status = ?, answer = ?
           WHERE id = ?`,
          mark.state,
          mark.attempts,
          mark.dueAtMs,
          mark.settledAtMs,
          mark.status,
          mark.answer,
          mark.id,
        ),
      ),
    )
  },

  /** Marks the rows that a digest reported: those of the gap, and those that had waited too long. */
  markReported: async (
    targetId: string,
    { gap, stale, beforeMs, nowMs }: Reported,
  ): Promise<void> => {
    if (gap)
      await queries.run(
        `UPDATE delivery SET answer = '${IN_DIGEST}' WHERE target_id = ? AND id <= ? AND ${IS_GAP}`,
        targetId,
        gap.lastId,
      )
    if (stale)
      await queries.run(
        `UPDATE delivery
         SET state = 'dropped', settled_at_ms = ?, status = NULL, answer = '${STALE_IN_DIGEST}'
         WHERE target_id = ? AND id <= ? AND state = 'waiting' AND created_at_ms < ?`,
        nowMs,
        targetId,
        stale.lastId,
        beforeMs,
      )
  },

  countWaiting: async (): Promise<number> =>
    (
      await queries.get<{ waiting: number }>(
        `SELECT count(*) AS waiting FROM delivery WHERE state = 'waiting'`,
      )
    )?.waiting ?? 0,

  /** Returns how many rows of a target were dropped since a time because too many waited. */
  countMissed: async (targetId: string, sinceMs: number): Promise<number> => {
    const row = await queries.get<{ missed: number }>(
      `SELECT count(*) AS missed
       FROM delivery
       WHERE
         target_id = ?
         AND state = 'dropped'
         AND settled_at_ms >= ?
         AND coalesce(answer, '${IN_DIGEST}') = '${IN_DIGEST}'`,
      targetId,
      sinceMs,
    )
    return row?.missed ?? 0
  },

  /** Returns the number of waiting rows by the kind of their target. */
  waitingByKind: async (): Promise<ReadonlyMap<string, number>> => {
    const rows = await queries.all<{ kind: string; waiting: number }>(
      `SELECT target.kind, count(*) AS waiting
       FROM delivery
       INNER JOIN target ON target.id = delivery.target_id
       WHERE delivery.state = 'waiting'
       GROUP BY target.kind`,
    )
    return new Map(rows.map(({ kind, waiting }) => [kind, waiting]))
  },

  /** Drops the oldest rows of the target for which most wait: one that hears of nothing takes no room from others. */
  dropOldest: async (count: number, nowMs: number): Promise<void> => {
    await queries.run(
      `UPDATE delivery
       SET state = 'dropped', settled_at_ms = ?, status = NULL, answer = NULL
       WHERE id IN (
         SELECT id
         FROM delivery
         WHERE
           state = 'waiting'
           AND target_id = (
             SELECT target_id
             FROM delivery
             WHERE state = 'waiting'
             GROUP BY target_id
             ORDER BY count(*) DESC, target_id
             LIMIT 1
           )
         ORDER BY id
         LIMIT ?
       )`,
      nowMs,
      count,
    )
  },

  /** Deletes rows that were settled before a time, and the oldest of them beyond a number. */
  removeSettled: async (beforeMs: number, countMax: number): Promise<void> => {
    await queries.run(
      'DELETE FROM delivery WHERE settled_at_ms IS NOT NULL AND settled_at_ms < ?',
      beforeMs,
    )
    await queries.run(
      `DELETE FROM delivery
       WHERE id IN (
         SELECT id FROM delivery
         WHERE settled_at_ms IS NOT NULL
         ORDER BY settled_at_ms DESC, id DESC
         LIMIT 9223372036854775807 OFFSET ?
       )`,
      countMax,
    )
  },

  find: (targetId: string, id: number): Promise<Delivery | undefined> =>
    queries.get<Delivery>(
      `SELECT ${COLUMNS} FROM delivery WHERE target_id = ? AND id = ?`,
      targetId,
      id,
    ),

  /** Returns rows of a target before an id, newest first. */
  page: (targetId: string, beforeId: number, limit: number): Promise<readonly Delivery[]> =>
    queries.all<Delivery>(
      `SELECT ${COLUMNS} FROM delivery WHERE target_id = ? AND id < ? ORDER BY id DESC LIMIT ?`,
      targetId,
      beforeId,
      limit,
    ),

  /** Queues settled rows of a target again: one, or all with a sequence number from a given one on. Returns how
   * many. */
  replay: async (targetId: string, which: Replayed, nowMs: number): Promise<number> => {
    const [condition, value] =
      'delivery' in which ? ['id = ?', which.delivery] : ['seq >= ?', which.sinceSeq]
    return queries.run(
      `UPDATE delivery
       SET
         state = 'waiting', attempts = 0, due_at_ms = ?, created_at_ms = ?, settled_at_ms = NULL,
         status = NULL, answer = NULL
       WHERE target_id = ? AND state <> 'waiting' AND ${condition}`,
      nowMs,
      nowMs,
      targetId,
      value,
    )
  },

  /** Returns the number of waiting rows of each target, and its newest row that was tried or settled. */
  summaries: async (): Promise<ReadonlyMap<string, Summary>> => {
    const rows = await queries.all<{ id: string; waiting: number; last: number | null }>(
      `SELECT
         id,
         (
           SELECT count(*) FROM delivery
           WHERE target_id = target.id AND state = 'waiting'
         ) AS waiting,
         (
           SELECT max(id) FROM delivery
           WHERE target_id = target.id AND (attempts > 0 OR state <> 'waiting')
         ) AS last
       FROM target`,
    )
    const summaries = new Map<string, Summary>()
    for (const { id, waiting, last } of rows)
      summaries.set(id, {
        waiting,
        last: last === null ? undefined : await deliveriesIn(queries).find(id, last),
      })
    return summaries
  },
})

export type Replayed = { readonly delivery: number } | { readonly sinceSeq: number }

/** The number of waiting rows of a target, and its newest row that was tried or settled. */
export type Summary = { readonly waiting: number; readonly last: Delivery | undefined }

type Reported = {
  readonly gap: Missed | undefined
  readonly stale: Missed | undefined
  /** Rows created before this have waited too long. */
  readonly beforeMs: number
  readonly nowMs: number
}

const COLUMNS = `
  id, event, seq, about, created_at_ms AS "createdAtMs", due_at_ms AS "dueAtMs", attempts, state,
  settled_at_ms AS "settledAtMs", status, answer`

const missed = async (
  queries: Pick<Queries, 'get'>,
  targetId: string,
  condition: string,
  beforeMs: number,
): Promise<Missed | undefined> => {
  const row = await queries.get<Nullable<Missed>>(
    `SELECT
       coalesce(sum(CASE event WHEN 'unlocked' THEN 1 ELSE 0 END), 0) AS unlocked,
       coalesce(sum(CASE event WHEN 'denied' THEN 1 ELSE 0 END), 0) AS denied,
       coalesce(sum(CASE WHEN event IN ('unlocked', 'denied') THEN 0 ELSE 1 END), 0) AS others,
       min(created_at_ms) AS "fromMs",
       max(created_at_ms) AS "toMs",
       max(id) AS "lastId"
     FROM delivery
     WHERE target_id = ? AND ${condition} AND created_at_ms < ?`,
    targetId,
    beforeMs,
  )
  return row === undefined || row.lastId === null ? undefined : (row as Missed)
}

type Nullable<Row> = { readonly [Column in keyof Row]: Row[Column] | null }
