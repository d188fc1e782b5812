import type { Account, Role } from '../http/access.ts'
import type { Database } from '../storage/database.ts'

export type AccountStore = ReturnType<typeof accountStore>

export type NewAccount = {
  readonly username: string
  readonly usernameKey: string
  readonly passwordHash: string
  readonly role: Role
  readonly phone: string
  readonly address: string
  readonly email: string | undefined
}

/** What a login compares with; `isDisabled` accounts may not sign in. */
export type StoredPassword = Account & {
  readonly passwordHash: string
  readonly isDisabled: boolean
}

/** An account as the owner's table shows it: never with its password hash. */
export type Person = {
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
  disabled_at_ms: number | null
}

/** Accounts in the database. */
export const accountStore = (db: Database, now: () => number) => ({
  exists: async (usernameKey: string): Promise<boolean> =>
    (await db.get('SELECT 1 FROM account WHERE username_key = ?', usernameKey)) !== undefined,

  /** Gives the new account's public id, or nothing where the name is taken. */
  add: async (account: NewAccount): Promise<string | undefined> => {
    const publicId = crypto.randomUUID()
    const added = await db.run(
      `INSERT INTO account (
         public_id,
         username,
         username_key,
         password_hash,
         role,
         phone,
         address,
         email,
         created_at_ms
       ) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (username_key) DO NOTHING`,
      publicId,
      account.username,
      account.usernameKey,
      account.passwordHash,
      account.role,
      account.phone,
      account.address,
      account.email ?? null,
      now(),
    )
    return added === 1 ? publicId : undefined
  },

  findPassword: async (usernameKey: string): Promise<StoredPassword | undefined> => {
    const row = await db.get<Stored>(
      `SELECT
         id,
         public_id,
         username,
         role,
         password_hash,
         disabled_at_ms
       FROM account
       WHERE username_key = ?`,
      usernameKey,
    )
    return (
      row && {
        ...account(row),
        passwordHash: row.password_hash,
        isDisabled: row.disabled_at_ms !== null,
      }
    )
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

  hasOwner: async (): Promise<boolean> =>
    (await db.get("SELECT 1 FROM account WHERE role = 'owner' LIMIT 1")) !== undefined,

  /** Up to `limit` people whose id is over `afterId`, in the order they were registered. */
  page: async (afterId: number, limit: number): Promise<readonly Person[]> => {
    const rows = await db.all<Stored & Omit<Person, 'publicId'>>(
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

const account = (row: Pick<Stored, 'id' | 'public_id' | 'username' | 'role'>): Account => ({
  id: row.id,
  publicId: row.public_id,
  username: row.username,
  role: row.role,
})
