import type { Queries } from '../../storage/database.ts'
import type { Grant, Terms } from '../rules/grant.ts'
import { termsFrom } from '../rules/terms.ts'
import type { GrantState } from './state.ts'

/** A grant as it is stored. */
export type StoredGrant = Omit<Grant, 'terms'> & {
  /** The caller's own id. */
  readonly key: string | null
  /** See `holderText`; null once the person is erased. */
  readonly holder: string | null
  /** Null once the person is erased. */
  readonly terms: Terms | null
  /** The pass that holds it; null for other holders. */
  readonly pass: HeldPass | null
  /** The name of the account that holds it. */
  readonly username: string | null
  readonly isHolderDisabled: boolean
  /** The time from which that account is treated as disabled; null for never. */
  readonly holderEndsAtMs: number | null
  /** Public id of the account that made it; null for the command line, an upgrade, or an erased person. */
  readonly madeBy: string | null
  readonly createdAtMs: number
  readonly revokedWhy: string | null
  readonly locks: GrantLocks
}

/** A pass that holds a grant. */
type HeldPass = {
  readonly id: string
  /** Null once the guest is erased. */
  readonly label: string | null
  readonly devicesMax: number
  /** The public id of the host; null for the command line, or if the host was erased. */
  readonly madeBy: string | null
}

/** `all` stands for all locks, including later ones. */
export type GrantLocks = 'all' | readonly GrantLock[]
type GrantLock = { readonly id: string; readonly label: string; readonly name: string }

/** Conditions; a grant must meet all of them. */
export type GrantFilter = {
  /** Only grants of these holders. */
  readonly holders?: readonly string[] | undefined
  /** Only grants for this lock, by label, or for all locks. */
  readonly lock?: string | undefined
  readonly state?: GrantState | undefined
}

/** Reads grants, as one transaction or reader sees them at a time. */
export const grantReads = (queries: Pick<Queries, 'all'>, nowMs: number) => ({
  find: async (id: string): Promise<StoredGrant | undefined> =>
    (await grantsOf(queries, await queries.all(`${SELECT} WHERE access_grant.id = ?`, id)))[0],

  findByKey: async (key: string): Promise<StoredGrant | undefined> =>
    (await grantsOf(queries, await queries.all(`${SELECT} WHERE access_grant.key = ?`, key)))[0],

  /** Returns the grants whose key begins so. */
  withKeys: async (prefix: string): Promise<readonly StoredGrant[]> =>
    grantsOf(
      queries,
      await queries.all(
        `${SELECT}
         WHERE access_grant.key >= ? AND access_grant.key < ?
         ORDER BY access_grant.id`,
        prefix,
        `${prefix}\u{10FFFF}`,
      ),
    ),

  /** Returns up to `limit` grants made before `beforeId`, newest first. */
  page: async (
    { holders, lock, state }: GrantFilter,
    { beforeId, limit }: { readonly beforeId: string | undefined; readonly limit: number },
  ): Promise<readonly StoredGrant[]> => {
    const rows = await queries.all<Row>(
      `${SELECT}
       WHERE access_grant.id < ?
         ${holders === undefined ? '' : `AND access_grant.holder IN (SELECT value FROM json_each(?))`}
         ${lock === undefined ? '' : `AND ${FOR_LOCK}`}
         ${state === undefined ? '' : `AND ${IN_STATE[state]}`}
       ORDER BY access_grant.id DESC
       LIMIT ?`,
      beforeId ?? AFTER_EVERY_ID,
      ...(holders === undefined ? [] : [JSON.stringify(holders)]),
      ...(lock === undefined ? [] : [lock]),
      ...(state === undefined ? [] : Array.from({ length: TIMES_IN[state] }, () => nowMs)),
      limit,
    )
    return grantsOf(queries, rows)
  },
})

/** The largest integer: for grants without an end. */
export const NEVER_MS = '9223372036854775807'

/** Stands for all locks, including later ones. */
export const ALL_LOCKS = ''

/** Sorts after every UUID. */
const AFTER_EVERY_ID = 'g'

/** `grantStateOf`, in SQL. */
const HAS_ENDED = `(
  coalesce(access_grant.ends_at_ms, ${NEVER_MS}) <= ?
  OR access_grant.uses >= coalesce(access_grant.uses_max, ${NEVER_MS})
)`
const STARTS_LATER = 'coalesce(access_grant.starts_at_ms, 0) > ?'
const IN_STATE: Readonly<Record<GrantState, string>> = {
  revoked: 'access_grant.revoked_at_ms IS NOT NULL',
  ended: `access_grant.revoked_at_ms IS NULL AND ${HAS_ENDED}`,
  later: `access_grant.revoked_at_ms IS NULL AND NOT ${HAS_ENDED} AND ${STARTS_LATER}`,
  now: `access_grant.revoked_at_ms IS NULL AND NOT ${HAS_ENDED} AND NOT ${STARTS_LATER}`,
}

/** How often each of these conditions compares with the time. */
const TIMES_IN: Readonly<Record<GrantState, number>> = { revoked: 0, ended: 1, later: 2, now: 2 }

const FOR_LOCK = `EXISTS (
  SELECT 1 FROM access_grant_lock AS of_grant
  LEFT JOIN lock ON lock.id = of_grant.lock_id
  WHERE of_grant.grant_id = access_grant.id AND (of_grant.lock_id = '' OR lock.label = ?)
)`

type Row = {
  id: string
  key: string | null
  holder: string | null
  username: string | null
  holder_disabled_at_ms: number | null
  holder_ends_at_ms: number | null
  pass_id: string | null
  pass_label: string | null
  pass_devices_max: number | null
  pass_made_by: string | null
  terms: string | null
  starts_at_ms: number | null
  ends_at_ms: number | null
  uses: number
  uses_max: number | null
  used_at_ms: number | null
  used_by: string | null
  version: number
  made_by: string | null
  created_at_ms: number
  revoked_at_ms: number | null
  suspended_at_ms: number | null
  revoked_why: string | null
}

const SELECT = `
  SELECT
    access_grant.id,
    access_grant.key,
    access_grant.holder,
    access_grant.terms,
    access_grant.starts_at_ms,
    access_grant.ends_at_ms,
    access_grant.uses,
    access_grant.uses_max,
    access_grant.used_at_ms,
    access_grant.used_by,
    access_grant.version,
    access_grant.made_by,
    access_grant.created_at_ms,
    access_grant.revoked_at_ms,
    access_grant.suspended_at_ms,
    access_grant.revoked_why,
    account.username,
    account.disabled_at_ms AS holder_disabled_at_ms,
    account.ends_at_ms AS holder_ends_at_ms,
    pass.id AS pass_id,
    pass.label AS pass_label,
    pass.devices_max AS pass_devices_max,
    pass.made_by AS pass_made_by
  FROM access_grant
  LEFT JOIN account
    ON access_grant.holder LIKE 'account:%' AND account.public_id = substr(access_grant.holder, 9)
  LEFT JOIN pass
    ON access_grant.holder LIKE 'pass:%' AND pass.id = substr(access_grant.holder, 6)`

type LockRow = {
  grant_id: string
  lock_id: string
  label: string | null
  name: string | null
}

const grantsOf = async (
  queries: Pick<Queries, 'all'>,
  rows: readonly Row[],
): Promise<readonly StoredGrant[]> => {
  const lockRows = await queries.all<LockRow>(
    `SELECT access_grant_lock.grant_id, access_grant_lock.lock_id, lock.label, lock.name
     FROM access_grant_lock
     LEFT JOIN lock ON lock.id = access_grant_lock.lock_id
     WHERE access_grant_lock.grant_id IN (SELECT value FROM json_each(?))
     ORDER BY lock.label`,
    JSON.stringify(rows.map(({ id }) => id)),
  )
  const locks = Map.groupBy(lockRows, (lock) => lock.grant_id)
  return rows.map((row) => grantOf(row, locks.get(row.id) ?? []))
}

const grantOf = (row: Row, locks: readonly LockRow[]): StoredGrant => ({
  id: row.id,
  key: row.key,
  holder: row.holder,
  pass: row.pass_id === null ? null : heldPassOf(row, row.pass_id),
  username: row.username,
  isHolderDisabled: row.holder_disabled_at_ms !== null,
  holderEndsAtMs: row.holder_ends_at_ms,
  terms: row.terms === null ? null : termsFrom(row.terms),
  startsAtMs: row.starts_at_ms,
  endsAtMs: row.ends_at_ms,
  uses: row.uses,
  usesMax: row.uses_max,
  usedAtMs: row.used_at_ms,
  usedBy: row.used_by,
  version: row.version,
  madeBy: row.made_by,
  createdAtMs: row.created_at_ms,
  revokedAtMs: row.revoked_at_ms,
  suspendedAtMs: row.suspended_at_ms,
  revokedWhy: row.revoked_why,
  locks: locks.some(({ lock_id: id }) => id === ALL_LOCKS)
    ? 'all'
    : locks.map(({ lock_id: id, label, name }) => ({ id, label: label ?? '', name: name ?? '' })),
})

const heldPassOf = (row: Row, id: string): HeldPass => ({
  id,
  label: row.pass_label,
  devicesMax: row.pass_devices_max ?? 1,
  madeBy: row.pass_made_by,
})
