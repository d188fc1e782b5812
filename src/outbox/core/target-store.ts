import type { Rule, Target } from '../../domain/home-event.ts'
import type { Queries } from '../../storage/database.ts'
import { rulesOf, storedJson } from './rules.ts'

/** Why a target is disabled: by a person, because its receiver is gone, or after days of failures. */
export const DISABLED_WHY = ['person', 'gone', 'failing'] as const
type DisabledWhy = (typeof DISABLED_WHY)[number]

/** A target as stored. */
export type StoredTarget = Target & {
  readonly rules: readonly Rule[]
  /** Undefined if it is enabled. */
  readonly disabledWhy: DisabledWhy | undefined
  /** Since when every attempt has failed; undefined after a success. */
  readonly failingSinceMs: number | undefined
  /** Increases with each change. */
  readonly version: number
  readonly createdAtMs: number
}

/** Targets, in a transaction or on a read connection. */
export const targetsIn = (queries: Pick<Queries, 'all' | 'get' | 'run'>) => ({
  /** Returns all targets, oldest first. */
  all: async (): Promise<readonly StoredTarget[]> =>
    (await queries.all<TargetRow>('SELECT * FROM target ORDER BY created_at_ms, id')).map(targetOf),

  find: async (id: string): Promise<StoredTarget | undefined> => {
    const row = await queries.get<TargetRow>('SELECT * FROM target WHERE id = ?', id)
    return row && targetOf(row)
  },

  /** Returns how many targets an account has, or the home for null. */
  count: async (publicId: string | null): Promise<number> => {
    const row = await queries.get<{ targets: number }>(
      'SELECT count(*) AS targets FROM target WHERE account_public_id IS NOT DISTINCT FROM ?',
      publicId,
    )
    return row?.targets ?? 0
  },

  /** Adds a target, or replaces the one with its id. */
  put: async (target: StoredTarget): Promise<void> => {
    await queries.run(
      `INSERT INTO target (
         id, kind, name, account_public_id, settings, secrets, rules, state, disabled_why,
         failing_since_ms, version, created_at_ms
       )
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (id) DO UPDATE SET
         kind = excluded.kind,
         name = excluded.name,
         account_public_id = excluded.account_public_id,
         settings = excluded.settings,
         secrets = excluded.secrets,
         rules = excluded.rules,
         state = excluded.state,
         disabled_why = excluded.disabled_why,
         failing_since_ms = excluded.failing_since_ms,
         version = excluded.version`,
      target.id,
      target.kind,
      target.name,
      target.accountPublicId,
      JSON.stringify(target.settings),
      JSON.stringify(target.secrets),
      JSON.stringify(target.rules),
      target.disabledWhy === undefined ? 'enabled' : 'disabled',
      target.disabledWhy ?? null,
      target.failingSinceMs ?? null,
      target.version,
      target.createdAtMs,
    )
  },

  /** Deletes a target with its deliveries. */
  remove: async (id: string): Promise<void> => {
    await queries.run('DELETE FROM target WHERE id = ?', id)
  },

  /** Stores since when a target has been failing, or that it no longer is. */
  setFailing: async (id: string, sinceMs: number | undefined): Promise<void> => {
    await queries.run('UPDATE target SET failing_since_ms = ? WHERE id = ?', sinceMs ?? null, id)
  },

  /** Shifts the times since when targets have been failing by as much as the clock has jumped. */
  shiftFailing: async (ms: number): Promise<void> => {
    await queries.run(
      `UPDATE target
       SET failing_since_ms = failing_since_ms + ?
       WHERE failing_since_ms IS NOT NULL`,
      ms,
    )
  },

  disable: async (id: string, why: DisabledWhy): Promise<void> => {
    await queries.run(
      `UPDATE target
       SET state = 'disabled', disabled_why = ?, version = version + 1
       WHERE id = ? AND state = 'enabled'`,
      why,
      id,
    )
  },

  /** Deletes the targets of an account, and all stored answers of receivers, which may name people. */
  eraseAccount: async (publicId: string): Promise<void> => {
    await queries.run('DELETE FROM target WHERE account_public_id = ?', publicId)
    await queries.run(
      `UPDATE delivery SET answer = NULL WHERE answer IS NOT NULL AND state <> 'dropped'`,
    )
  },
})

type TargetRow = {
  readonly id: string
  readonly kind: string
  readonly name: string
  readonly account_public_id: string | null
  readonly settings: string
  readonly secrets: string
  readonly rules: string
  readonly disabled_why: DisabledWhy | null
  readonly failing_since_ms: number | null
  readonly version: number
  readonly created_at_ms: number
}

const targetOf = (row: TargetRow): StoredTarget => ({
  id: row.id,
  kind: row.kind,
  name: row.name,
  accountPublicId: row.account_public_id,
  // One that cannot be read fails to be told, and is shown, so that somebody removes it.
  settings: (storedJson(row.settings) ?? {}) as StoredTarget['settings'],
  secrets: (storedJson(row.secrets) ?? {}) as StoredTarget['secrets'],
  rules: rulesOf(row.rules),
  disabledWhy: row.disabled_why ?? undefined,
  failingSinceMs: row.failing_since_ms ?? undefined,
  version: row.version,
  createdAtMs: row.created_at_ms,
})
