import type { Account, Role } from '../../domain/account.ts'
import type { Queries } from '../../storage/database.ts'
import { unitColumns } from './unit.ts'

export type AccountStore = ReturnType<typeof accountStore>

/** A new account as it will be stored, without its role. */
export type NewAccount = {
  readonly username: string
  readonly usernameKey: string
  readonly passwordHash: string
  readonly phone: string
  readonly address: string
  readonly email: string | undefined
}

type InsertedAccount = NewAccount & {
  readonly role: Role
  /** False if an owner or admin has still to let the person in. */
  readonly admitted: boolean
  /** The client whose share of the waiting list the account takes up. */
  readonly waitingClient?: string
  /** Random by default. */
  readonly publicId?: string
  readonly invitationId?: string
  readonly unit?: string | null
}

/** An account that is logging in, as it was when its password was read. */
export type AuthenticatedAccount = Account & { readonly sessionEpoch: number }

/** What a login is checked against; `isDisabled` accounts may not log in, and others only before they end. */
export type StoredPassword = AuthenticatedAccount & {
  readonly passwordHash: string
  readonly isDisabled: boolean
  readonly endsAtMs: number | null
}

/** An account as `/getUsers` shows it: never with its password hash. */
export type AccountRecord = {
  readonly id: number
  readonly publicId: string
  readonly username: string
  readonly phone: string
  readonly address: string
  readonly email: string | null
  readonly role: Role
  readonly admitted: boolean
}

type AccountRow = {
  id: number
  public_id: string
  username: string
  role: Role
  admitted_at_ms: number | null
  password_hash: string
  session_epoch: number
  disabled_at_ms: number | null
  ends_at_ms: number | null
}

/** Accounts in the database. */
export const accountStore = (db: Pick<Queries, 'all' | 'get' | 'run'>) => ({
  exists: async (usernameKey: string): Promise<boolean> =>
    (await db.get('SELECT 1 FROM account WHERE username_key = ?', usernameKey)) !== undefined,

  findPassword: async (usernameKey: string): Promise<StoredPassword | undefined> => {
    const row = await db.get<AccountRow>(
      `SELECT
         id,
         public_id,
         username,
         role,
         admitted_at_ms,
         password_hash,
         session_epoch,
         disabled_at_ms,
         ends_at_ms
       FROM account
       WHERE username_key = ?`,
      usernameKey,
    )
    return (
      row && {
        ...accountOf(row),
        passwordHash: row.password_hash,
        sessionEpoch: row.session_epoch,
        isDisabled: row.disabled_at_ms !== null,
        endsAtMs: row.ends_at_ms,
      }
    )
  },

  /** Returns the legacy hash schemes of accounts that have not logged in since their import. */
  legacySchemes: async (): Promise<readonly string[]> => {
    // Skips from one scheme to the next in the index, however many accounts each has.
    const rows = await db.all<{ scheme: string }>(
      `WITH RECURSIVE found (scheme) AS (
         SELECT min(legacy_scheme) FROM account WHERE legacy_scheme IS NOT NULL
         UNION ALL
         SELECT (SELECT min(legacy_scheme) FROM account WHERE legacy_scheme > scheme)
         FROM found
         WHERE scheme IS NOT NULL
       )
       SELECT scheme FROM found WHERE scheme IS NOT NULL`,
    )
    return rows.map(({ scheme }) => scheme)
  },

  findByPublicId: async (publicId: string): Promise<Account | undefined> => {
    const row = await db.get<AccountRow>(
      'SELECT id, public_id, username, role, admitted_at_ms FROM account WHERE public_id = ?',
      publicId,
    )
    return row && accountOf(row)
  },

  replacePasswordHash: async (id: number, from: string, to: string): Promise<void> => {
    await db.run(
      'UPDATE account SET password_hash = ? WHERE id = ? AND password_hash = ?',
      to,
      id,
      from,
    )
  },

  /** Returns up to `limit` accounts with an id above `afterId`, in the order of registration. */
  page: async (afterId: number, limit: number): Promise<readonly AccountRecord[]> => {
    const rows = await db.all<AccountRow & Omit<AccountRecord, 'publicId'>>(
      `SELECT
         id,
         public_id,
         username,
         phone,
         address,
         email,
         role,
         admitted_at_ms
       FROM account
       WHERE id > ?
       ORDER BY id
       LIMIT ?`,
      afterId,
      limit,
    )
    return rows.map(({ phone, address, email, ...row }) => ({
      ...accountOf(row),
      phone,
      address,
      email,
    }))
  },

  hasOwner: (): Promise<boolean> => hasOwner(db),
})

/** Adds an account with an id that was never used before. Returns undefined if the name is
 * taken. */
export const insertAccount = async (
  tx: Pick<Queries, 'get'>,
  { publicId = crypto.randomUUID(), ...account }: InsertedAccount,
  atMs: number,
): Promise<Account | undefined> => {
  const row = await tx.get<AccountRow>(
    `INSERT INTO account (
       id,
       public_id,
       username,
       username_key,
       password_hash,
       role,
       phone,
       address,
       email,
       created_at_ms,
       admitted_at_ms,
       waiting_client,
       invitation_id,
       unit,
       unit_key
     ) SELECT max(newest, coalesce((SELECT max(id) FROM account), 0)) + 1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?
     FROM account_number
     WHERE TRUE
     ON CONFLICT (username_key) DO NOTHING
     RETURNING
       id,
       public_id,
       username,
       role,
       admitted_at_ms`,
    publicId,
    account.username,
    account.usernameKey,
    account.passwordHash,
    account.role,
    account.phone,
    account.address,
    account.email ?? null,
    atMs,
    account.admitted ? atMs : null,
    account.waitingClient ?? null,
    account.invitationId ?? null,
    ...unitColumns(account.unit),
  )
  return row && accountOf(row)
}

/** True if there is an owner, enabled or not. */
export const hasOwner = async (queries: Pick<Queries, 'get'>): Promise<boolean> =>
  (await queries.get("SELECT 1 FROM account WHERE role = 'owner' LIMIT 1")) !== undefined

const accountOf = (
  row: Pick<AccountRow, 'id' | 'public_id' | 'username' | 'role' | 'admitted_at_ms'>,
): Account => ({
  id: row.id,
  publicId: row.public_id,
  username: row.username,
  role: row.role,
  admitted: row.admitted_at_ms !== null,
})
