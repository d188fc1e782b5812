import type { Role } from '../../domain/account.ts'
import { DAY_MS } from '../../domain/duration.ts'
import type { Database, Queries } from '../../storage/database.ts'
import {
  type Counters,
  LOCKOUT_KINDS,
  type LockoutKind,
  type LockoutPlace,
  NO_FAILURES,
} from './rules.ts'

/** Who is trying to log in, and to which account, as keyed hashes. */
export type Subjects = Readonly<Record<LockoutKind, Buffer>>

/** A counter that locks its subject out. */
export type ActiveLockout = {
  readonly id: string
  readonly kind: LockoutKind
  /** A name is locked out at both; it has `login`. */
  readonly place: LockoutPlace
  readonly account:
    | { readonly publicId: string; readonly username: string; readonly role: Role }
    | undefined
  readonly address: string | undefined
  readonly failures: number
  readonly failedAtMs: number
  readonly lockedUntilMs: number
}

/** The active lockouts, up to the limit of the list, and their total number. */
export type ActiveLockouts = { readonly total: number; readonly lockouts: readonly ActiveLockout[] }

type LockoutRow = {
  subject: Uint8Array
  kind: LockoutKind
  place: LockoutPlace
  public_id: string | null
  username: string | null
  role: Role | null
  address: string | null
  failures: number
  failed_at_ms: number
  locked_until_ms: number
  total: number
}

type SavedCounters = {
  readonly subjects: Subjects
  readonly place: LockoutPlace
  readonly address: string
  readonly accountId: number | undefined
  readonly counters: Counters
  readonly atMs: number
}

/** How long after the last attempt failures are forgotten. */
const COUNTED_MS = DAY_MS

/** The most counters that one statement of a sweep removes. */
const SWEPT_MAX = 200

const LISTED_MAX = 100

/** Looks up failed logins, by a clock that ignores jumps of the time of day. */
export const failedLoginStore = (db: Queries) => ({
  counters: (subjects: Subjects, atMs: number): Promise<Counters> => countersOf(db, subjects, atMs),

  /** Returns the lockouts that are active at a time: those of accounts first, then the longest. */
  active: async (atMs: number, accountId?: number): Promise<ActiveLockouts> => {
    const rows = await db.all<LockoutRow>(
      `${ACTIVE_LOCKOUTS}
       WHERE failed_login.locked_until_ms > ?
         AND (CAST(? AS bigint) IS NULL OR failed_login.account_id = ?)
       ORDER BY account.id IS NULL, failed_login.locked_until_ms DESC, failed_login.subject
       LIMIT ?`,
      atMs,
      accountId ?? null,
      accountId ?? null,
      LISTED_MAX,
    )
    return { total: rows[0]?.total ?? 0, lockouts: rows.map(lockoutOf) }
  },

  /** Returns an active lockout, or undefined if none has this id. */
  find: (id: string, atMs: number): Promise<ActiveLockout | undefined> =>
    activeLockout(db, id, atMs),
})

/** Counts and clears failed logins in a transaction. */
export const failedLoginsIn = (tx: Queries) => ({
  counters: (subjects: Subjects, atMs: number): Promise<Counters> => countersOf(tx, subjects, atMs),

  /** Writes all three counters, even unchanged ones, so that every refusal takes the same time. The
   * account may have been erased since its password was read. */
  save: async (saved: SavedCounters): Promise<void> => {
    const { subjects, place, address, accountId, counters, atMs } = saved
    for (const kind of LOCKOUT_KINDS)
      await tx.run(
        `INSERT INTO failed_login (
           subject,
           kind,
           place,
           account_id,
           address,
           failures,
           failed_at_ms,
           locked_until_ms
         ) VALUES (?, ?, ?, (SELECT id FROM account WHERE id = ?), ?, ?, ?, ?)
         ON CONFLICT (subject) DO UPDATE SET
           account_id = excluded.account_id,
           address = excluded.address,
           failures = excluded.failures,
           failed_at_ms = excluded.failed_at_ms,
           locked_until_ms = excluded.locked_until_ms`,
        subjects[kind],
        kind,
        kind === 'name' ? 'login' : place,
        kind === 'client' ? null : (accountId ?? null),
        kind === 'name' ? null : address,
        counters[kind].failures,
        atMs,
        counters[kind].lockedUntilMs,
      )
  },

  /** Forgets the failures at a name, and of one client there. */
  forgive: async ({ name, client_at_name: clientAtName }: Subjects): Promise<void> => {
    await tx.run('DELETE FROM failed_login WHERE subject IN (?, ?)', name, clientAtName)
  },

  /** Clears a lockout and returns it, or undefined if no active one has this id. */
  clear: async (id: string, atMs: number): Promise<ActiveLockout | undefined> => {
    const lockout = await activeLockout(tx, id, atMs)
    if (lockout)
      await tx.run('DELETE FROM failed_login WHERE subject = ?', Buffer.from(lockout.id, 'hex'))
    return lockout
  },

  /** Deletes forgotten counters, and of each kind those beyond `countersMax`: the fewest failures
   * first, so that a flood of new counters does not displace a full one. Returns false if there may be
   * more of them than one transaction should delete. */
  sweep: async (atMs: number, countersMax: number): Promise<boolean> => {
    const swept = [
      await tx.run(
        `DELETE FROM failed_login WHERE subject IN (
           SELECT subject FROM failed_login WHERE failed_at_ms <= ? LIMIT ?
         )`,
        atMs - COUNTED_MS,
        SWEPT_MAX,
      ),
    ]
    for (const kind of LOCKOUT_KINDS)
      swept.push(
        await tx.run(
          `DELETE FROM failed_login WHERE subject IN (
             SELECT subject
             FROM failed_login
             WHERE kind = ?
             ORDER BY failures DESC, failed_at_ms DESC
             LIMIT ? OFFSET ?
           )`,
          kind,
          SWEPT_MAX,
          countersMax,
        ),
      )
    return swept.every((counters) => counters < SWEPT_MAX)
  },
})

const ACTIVE_LOCKOUTS = `
  SELECT
    failed_login.subject,
    failed_login.kind,
    failed_login.place,
    account.public_id,
    account.username,
    account.role,
    failed_login.address,
    failed_login.failures,
    failed_login.failed_at_ms,
    failed_login.locked_until_ms,
    count(*) OVER () AS total
  FROM failed_login
  LEFT JOIN account ON account.id = failed_login.account_id`

const activeLockout = async (
  queries: Pick<Queries, 'get'>,
  id: string,
  atMs: number,
): Promise<ActiveLockout | undefined> => {
  const row = await queries.get<LockoutRow>(
    `${ACTIVE_LOCKOUTS}
     WHERE failed_login.subject = ? AND failed_login.locked_until_ms > ?`,
    Buffer.from(id, 'hex'),
    atMs,
  )
  return row && lockoutOf(row)
}

/** Returns when a login last failed, by the clock of that time; 0 if none is counted. */
export const newestFailureMs = async (db: Pick<Database, 'get'>): Promise<number> => {
  const newest = await db.get<{ ms: number | null }>(
    'SELECT max(failed_at_ms) AS ms FROM failed_login',
  )
  return newest?.ms ?? 0
}

const countersOf = async (db: Queries, subjects: Subjects, atMs: number): Promise<Counters> => {
  const rows = await db.all<{
    kind: LockoutKind
    failures: number
    locked_until_ms: number | null
  }>(
    `SELECT kind, failures, locked_until_ms
     FROM failed_login
     WHERE subject IN (?, ?, ?) AND failed_at_ms > ?`,
    subjects.client,
    subjects.name,
    subjects.client_at_name,
    atMs - COUNTED_MS,
  )
  const counterOf = (kind: LockoutKind) => {
    const row = rows.find((counter) => counter.kind === kind)
    return row ? { failures: row.failures, lockedUntilMs: row.locked_until_ms } : NO_FAILURES
  }
  return {
    client: counterOf('client'),
    name: counterOf('name'),
    client_at_name: counterOf('client_at_name'),
  }
}

const lockoutOf = (row: LockoutRow): ActiveLockout => ({
  id: Buffer.from(row.subject).toString('hex'),
  kind: row.kind,
  place: row.place,
  account:
    row.public_id !== null && row.username !== null && row.role !== null
      ? { publicId: row.public_id, username: row.username, role: row.role }
      : undefined,
  address: row.address ?? undefined,
  failures: row.failures,
  failedAtMs: row.failed_at_ms,
  lockedUntilMs: row.locked_until_ms,
})
