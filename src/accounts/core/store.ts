import type { Account, Role } from '../../domain/account.ts'
import type { Recording } from '../../domain/audit-event.ts'
import type { Database, Queries } from '../../storage/database.ts'

export type AccountStore = ReturnType<typeof accountStore>

/** A person whose account may be made, as it will be stored; in which role is for others to say. */
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
  /** Where it is not to be made up. */
  readonly publicId?: string
  readonly invitationId?: string
}

/** An account that is logging in, as it was when its password was read. */
export type AuthenticatedAccount = Account & { readonly sessionEpoch: number }

/** What a login compares with; `isDisabled` accounts may not sign in. */
export type StoredPassword = AuthenticatedAccount & {
  readonly passwordHash: string
  readonly isDisabled: boolean
}

/** An account as the owner's table shows it: never with its password hash. */
export type AccountRecord = {
  readonly id: number
  readonly publicId: string
  readonly username: string
  readonly phone: string
  readonly address: string
  readonly email: string | null
  readonly role: Role
}

type Stored = {
  id: number
  public_id: string
  username: string
  role: Role
  password_hash: string
  session_epoch: number
  disabled_at_ms: number | null
}

/** Accounts in the database. */
export const accountStore = (db: Database, now: () => number) => ({
  exists: async (usernameKey: string): Promise<boolean> =>
    (await db.get('SELECT 1 FROM account WHERE username_key = ?', usernameKey)) !== undefined,

  /** Gives the new account, or nothing where the name is taken. */
  add: (person: NewAccount, role: Role, record: Recording<Account>): Promise<Account | undefined> =>
    db.transaction(async (tx) => {
      const added = await insertAccount(tx, { ...person, role }, now())
      if (added) await record(added, tx)
      return added
    }),

  /** Adds an owner where there is none; two at once, from whatever process, cannot both be first. */
  addFirstOwner: (
    person: NewAccount,
    record: Recording<Account>,
  ): Promise<Account | 'name_taken' | 'owner_exists'> =>
    db.transaction(async (tx) => {
      if (await hasOwner(tx)) return 'owner_exists'
      const added = await insertAccount(tx, { ...person, role: 'owner' }, now())
      if (!added) return 'name_taken'
      await record(added, tx)
      return added
    }),

  findPassword: async (usernameKey: string): Promise<StoredPassword | undefined> => {
    const row = await db.get<Stored>(
      `SELECT
         id,
         public_id,
         username,
         role,
         password_hash,
         session_epoch,
         disabled_at_ms
       FROM account
       WHERE username_key = ?`,
      usernameKey,
    )
    return (
      row && {
        ...account(row),
        passwordHash: row.password_hash,
        sessionEpoch: row.session_epoch,
        isDisabled: row.disabled_at_ms !== null,
      }
    )
  },

  /** In which schemes the legacy server hashed the passwords of those who have not logged in since. */
  legacySchemes: async (): Promise<readonly string[]> => {
    // Goes from one scheme to the next in the index, however many accounts each has.
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
    const row = await db.get<Stored>(
      'SELECT id, public_id, username, role FROM account WHERE public_id = ?',
      publicId,
    )
    return row && account(row)
  },

  replacePasswordHash: async (id: number, from: string, to: string): Promise<void> => {
    await db.run(
      'UPDATE account SET password_hash = ? WHERE id = ? AND password_hash = ?',
      to,
      id,
      from,
    )
  },

  hasOwner: (): Promise<boolean> => hasOwner(db),

  /** Up to `limit` people whose id is over `afterId`, in the order they were registered. */
  page: async (afterId: number, limit: number): Promise<readonly AccountRecord[]> => {
    const rows = await db.all<Stored & Omit<AccountRecord, 'publicId'>>(
      `SELECT
         id,
         public_id,
         username,
         phone,
         address,
         email,
         role
       FROM account
       WHERE id > ?
       ORDER BY id
       LIMIT ?`,
      afterId,
      limit,
    )
    return rows.map(({ phone, address, email, ...row }) => ({
      ...account(row),
      phone,
      address,
      email,
    }))
  },
})

/** Adds an account within a transaction, under a number that none had before; nothing where the name
 * is taken. */
export const insertAccount = async (
  tx: Queries,
  person: InsertedAccount,
  atMs: number,
): Promise<Account | undefined> => {
  const row = await tx.get<Stored>(
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
       invitation_id
     ) SELECT max(newest, coalesce((SELECT max(id) FROM account), 0)) + 1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?
     FROM account_number
     WHERE TRUE
     ON CONFLICT (username_key) DO NOTHING
     RETURNING
       id,
       public_id,
       username,
       role`,
    person.publicId ?? crypto.randomUUID(),
    person.username,
    person.usernameKey,
    person.passwordHash,
    person.role,
    person.phone,
    person.address,
    person.email ?? null,
    atMs,
    person.invitationId ?? null,
  )
  return row && account(row)
}

const hasOwner = async (queries: Pick<Queries, 'get'>): Promise<boolean> =>
  (await queries.get("SELECT 1 FROM account WHERE role = 'owner' LIMIT 1")) !== undefined

const account = (row: Pick<Stored, 'id' | 'public_id' | 'username' | 'role'>): Account => ({
  id: row.id,
  publicId: row.public_id,
  username: row.username,
  role: row.role,
})
