import { Database as Sqlite } from 'bun:sqlite'
import type { Role } from '../../src/domain/account.ts'
import type { Attempt } from '../../src/locks/decisions/attempt.ts'
import type { Grant } from '../../src/locks/rules/grant.ts'
import { termsText } from '../../src/locks/rules/terms.ts'
import type { Database } from '../../src/storage/database.ts'
import type { Params } from '../../src/storage/queries.ts'
import { grantOf } from './grants.ts'

/** A database file that a service may have open, for rows that a test adds. */
export const rowsOf = (path: string) => {
  const file = new Sqlite(path)
  file.run('PRAGMA busy_timeout = 10000')
  return {
    run: async (sql: string, ...params: Params): Promise<number> =>
      file.run(sql, [...params]).changes,
    get: (sql: string, ...params: Params): unknown => file.query(sql).get(...params),
    [Symbol.dispose]: () => file.close(),
  }
}

/** The `closed_at_ms` of a grant without an end. */
const NEVER = '9223372036854775807'

/** Adds a lock as a row; returns its id. */
export const insertLock = async (
  db: Pick<Database, 'run'>,
  label: string,
  state = 'enabled',
): Promise<string> => {
  const id = `lock-${label}`
  await db.run(
    `INSERT INTO lock (id, label, name, state, version, created_at_ms)
     VALUES (?, ?, ?, ?, 1, 0)`,
    id,
    label,
    label,
    state,
  )
  return id
}

type GrantRow = Partial<Grant> & {
  readonly holder: string
  /** Ids of locks, or '' for all. */
  readonly locks: readonly string[]
}

/** Adds a grant as rows, always open but for what is given. */
export const insertGrant = async (
  db: Pick<Database, 'run'>,
  { holder, locks, ...parts }: GrantRow,
): Promise<string> => {
  const grant = grantOf({ id: Bun.randomUUIDv7(), ...parts })
  await db.run(
    `INSERT INTO access_grant
       (id, holder, terms, starts_at_ms, ends_at_ms, uses, uses_max, used_at_ms, used_by, version,
        created_at_ms, revoked_at_ms)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 1, 0, ?)`,
    grant.id,
    holder,
    termsText(grant.terms),
    grant.startsAtMs,
    grant.endsAtMs,
    grant.uses,
    grant.usesMax,
    grant.usedAtMs,
    grant.usedBy,
    grant.revokedAtMs,
  )
  const ends = [grant.endsAtMs, grant.revokedAtMs].filter((ms) => ms !== null)
  for (const lock of locks)
    await db.run(
      `INSERT INTO access_grant_lock (lock_id, holder, closed_at_ms, grant_id)
       VALUES (?, ?, coalesce(?, ${NEVER}), ?)`,
      lock,
      holder,
      ends.length === 0 ? null : Math.min(...ends),
      grant.id,
    )
  return grant.id
}

/** Adds an account as a row, without a password that anyone knows. */
export const insertPerson = async (
  db: Pick<Database, 'run'>,
  name: string,
  { role = 'member', isAdmitted = true }: { role?: Role; isAdmitted?: boolean } = {},
): Promise<void> => {
  await db.run(
    `INSERT INTO account
       (id, public_id, username, username_key, password_hash, role, phone, address, created_at_ms,
        admitted_at_ms)
     VALUES ((SELECT coalesce(max(id), 0) + 1 FROM account), ?, ?, ?, '', ?, '', '', 0, ?)`,
    idOf(name),
    name,
    name,
    role,
    isAdmitted ? 0 : null,
  )
}

/** The public id of a person. */
export const idOf = (name: string): string => `account-of-${name}`

/** Ada asks at the front door, on Monday 2026-11-30 at noon in Berlin, but for what is given. */
export const attemptOf = (
  parts: Partial<Omit<Attempt, 'who'>> & { readonly by?: string; readonly role?: Role } = {},
): Attempt => {
  const { by = 'ada', role = 'member', ...given } = parts
  return {
    id: crypto.randomUUID(),
    lock: 'front-door',
    who: { account: { publicId: idOf(by), username: by, role } },
    sessionId: `session-of-${by}`,
    isHome: true,
    nowMs: Date.parse('2026-11-30T11:00:00Z'),
    isDoubted: false,
    ...given,
  }
}
