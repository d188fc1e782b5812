import type { Queries } from '../../storage/database.ts'
import type { Controller } from './controller.ts'

type Row = {
  id: string
  lock_id: string
  label: string
  public_key: Uint8Array
  name: string
  through: number
  enrolled_at_ms: number
  seen_at_ms: number
  forked_at_ms: number | null
  removed_at_ms: number | null
}

const SELECT = `
  SELECT
    controller.id,
    lock_id,
    lock.label,
    public_key,
    controller.name,
    through,
    enrolled_at_ms,
    seen_at_ms,
    forked_at_ms,
    removed_at_ms
  FROM controller
  JOIN lock ON lock.id = lock_id`

const controllerOf = (row: Row): Controller => ({
  id: row.id,
  lockId: row.lock_id,
  lock: row.label,
  publicKey: new Uint8Array(row.public_key),
  name: row.name,
  through: row.through,
  enrolledAtMs: row.enrolled_at_ms,
  seenAtMs: row.seen_at_ms,
  forkedAtMs: row.forked_at_ms,
  removedAtMs: row.removed_at_ms,
})

/** How many of the removed controllers are shown. */
const REMOVED_MAX = 200

export type NewController = Pick<
  Controller,
  'id' | 'lockId' | 'publicKey' | 'name' | 'enrolledAtMs'
> & { readonly tokenHash: Uint8Array }

/** Controllers, in a transaction or on a read connection. */
export const controllersIn = (queries: Pick<Queries, 'all' | 'get' | 'run'>) => {
  const many = async (where: string, ...values: readonly string[]): Promise<Controller[]> =>
    (await queries.all<Row>(`${SELECT} ${where}`, ...values)).map(controllerOf)
  const one = async (
    where: string,
    value: string | Uint8Array,
  ): Promise<Controller | undefined> => {
    const row = await queries.get<Row>(`${SELECT} ${where}`, value)
    return row && controllerOf(row)
  }
  return {
    /** Returns the controllers that were not removed, oldest first. */
    all: () => many('WHERE removed_at_ms IS NULL ORDER BY controller.id'),
    /** Returns those that were removed, the newest first. */
    removed: () =>
      many(`WHERE removed_at_ms IS NOT NULL ORDER BY removed_at_ms DESC LIMIT ${REMOVED_MAX}`),
    ofLock: (lockId: string) =>
      many('WHERE lock_id = ? AND removed_at_ms IS NULL ORDER BY controller.id', lockId),
    find: (id: string) => one('WHERE controller.id = ?', id),
    byKey: (publicKey: Uint8Array) => one('WHERE public_key = ?', publicKey),
    byToken: (tokenHash: Uint8Array) => one('WHERE token_hash = ?', tokenHash),

    /** Adds a controller, or lets one with the same key and id enrol again. */
    put: async (added: NewController): Promise<void> => {
      await queries.run(
        `INSERT INTO controller (
          id,
          lock_id,
          public_key,
          token_hash,
          name,
          enrolled_at_ms,
          seen_at_ms
        )
        VALUES (?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT (id) DO UPDATE SET
          lock_id = excluded.lock_id,
          token_hash = excluded.token_hash,
          name = excluded.name,
          enrolled_at_ms = excluded.enrolled_at_ms,
          seen_at_ms = excluded.seen_at_ms,
          removed_at_ms = NULL`,
        added.id,
        added.lockId,
        added.publicKey,
        added.tokenHash,
        added.name,
        added.enrolledAtMs,
        added.enrolledAtMs,
      )
    },

    /** Ends the token of a controller. */
    remove: async (id: string, nowMs: number): Promise<void> => {
      await queries.run(
        'UPDATE controller SET token_hash = NULL, removed_at_ms = ? WHERE id = ?',
        nowMs,
        id,
      )
    },

    markForked: async (id: string, nowMs: number): Promise<void> => {
      await queries.run('UPDATE controller SET forked_at_ms = ? WHERE id = ?', nowMs, id)
    },

    setThrough: async (id: string, through: number): Promise<void> => {
      await queries.run('UPDATE controller SET through = ? WHERE id = ?', through, id)
    },

    /** Stores when controllers were last seen. */
    setSeen: async (seen: ReadonlyMap<string, number>): Promise<void> => {
      for (const [id, atMs] of seen)
        await queries.run('UPDATE controller SET seen_at_ms = ? WHERE id = ?', atMs, id)
    },

    /** Stores that controllers are polling, and until when they count as online. */
    setOnline: async (ids: readonly string[], nowMs: number, untilMs: number): Promise<void> => {
      await queries.run(
        `UPDATE controller
         SET seen_at_ms = ?, online_until_ms = ?
         WHERE id IN (SELECT value FROM json_each(?))`,
        nowMs,
        untilMs,
        JSON.stringify(ids),
      )
    },

    /** Returns the trusted controllers that poll any replica of the home. */
    online: async (nowMs: number): Promise<ReadonlyMap<string, { readonly lockId: string }>> => {
      const rows = await queries.all<{ id: string; lockId: string }>(
        `SELECT id, lock_id AS "lockId"
         FROM controller
         WHERE online_until_ms > ? AND removed_at_ms IS NULL AND forked_at_ms IS NULL`,
        nowMs,
      )
      return new Map(rows.map(({ id, lockId }) => [id, { lockId }]))
    },

    /** Returns true if a driver opens the lock. */
    hasDriver: async (lockId: string): Promise<boolean> =>
      (await queries.get('SELECT 1 FROM lock_driver WHERE lock_id = ?', lockId)) !== undefined,
  }
}
