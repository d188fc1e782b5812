import type { Queries } from '../../storage/database.ts'
import { rowInserter } from '../../storage/row-inserter.ts'
import type { HomeEventKind } from '../../domain/home-event.ts'
import { type Listener, rulesOf } from './rules.ts'

/** A new row of the outbox. */
export type NewDelivery = {
  readonly targetId: string
  readonly event: HomeEventKind
  readonly seq: number | null
  readonly about: string | null
  readonly createdAtMs: number
  readonly dueAtMs: number
}

/** Reads targets and queues deliveries, in the transaction of the event. */
export const enqueueIn = (tx: Pick<Queries, 'all' | 'get' | 'run'>) => ({
  /** Returns the enabled targets of the home and of these accounts; not those of people who wait to be let in, are
   * disabled or have ended. What others want is not read, or members could slow down everybody's unlocks by long
   * rules. */
  listeners: async (nowMs: number, publicIds: readonly string[]): Promise<readonly Listener[]> => {
    const rows = await tx.all<{ id: string; account_public_id: string | null; rules: string }>(
      `SELECT target.id, target.account_public_id, target.rules
       FROM target
       LEFT JOIN account ON account.public_id = target.account_public_id
       WHERE
         target.state = 'enabled'
         AND (
           target.account_public_id IS NULL
           OR (
             target.account_public_id IN (SELECT value FROM json_each(?))
             AND account.admitted_at_ms IS NOT NULL
             AND account.disabled_at_ms IS NULL
             AND (account.ends_at_ms IS NULL OR account.ends_at_ms > ?)
           )
         )`,
      JSON.stringify(publicIds),
      nowMs,
    )
    return rows.map((row) => ({
      id: row.id,
      accountPublicId: row.account_public_id,
      rules: rulesOf(row.rules),
    }))
  },

  /** Returns which of these accounts have been let in. */
  admitted: async (publicIds: readonly string[]): Promise<ReadonlySet<string>> => {
    const rows = await tx.all<{ public_id: string }>(
      `SELECT public_id
       FROM account
       WHERE
         admitted_at_ms IS NOT NULL
         AND public_id IN (SELECT value FROM json_each(?))`,
      JSON.stringify(publicIds),
    )
    return new Set(rows.map((row) => row.public_id))
  },

  add: async (rows: readonly NewDelivery[]): Promise<void> => {
    await insertRows(
      tx,
      rows.map((row) => [
        row.targetId,
        row.event,
        row.seq,
        row.about,
        row.createdAtMs,
        row.dueAtMs,
        'waiting',
      ]),
    )
  },

  /** Returns the newest row of a target for an event that is not a leaf of the log. */
  newest: (targetId: string, event: HomeEventKind): Promise<NewestDelivery | undefined> =>
    tx.get<NewestDelivery>(
      `SELECT
         about,
         due_at_ms AS "dueAtMs",
         CASE state WHEN 'waiting' THEN 1 ELSE 0 END AS "isWaiting"
       FROM delivery
       WHERE target_id = ? AND event = ?
       ORDER BY id DESC
       LIMIT 1`,
      targetId,
      event,
    ),
})

const insertRows = rowInserter({
  insert: 'INSERT INTO delivery (target_id, event, seq, about, created_at_ms, due_at_ms, state)',
  columns: 7,
})

type NewestDelivery = {
  readonly about: string | null
  readonly dueAtMs: number
  readonly isWaiting: number
}
