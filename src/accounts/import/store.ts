import type { Account } from '../../domain/account.ts'
import type { Clock } from '../../domain/clock.ts'
import type { Queries } from '../../storage/database.ts'
import type { ExternalDatabase, Value } from '../../storage/sqlite/external-database.ts'
import { type NewAccount, insertAccount } from '../core/store.ts'

/** A row of the legacy server's table `user`; each value may be of any type. */
export type LegacyUser = Readonly<Record<(typeof COLUMNS)[number], Value>>

const COLUMNS = ['id', 'public_id', 'username', 'password', 'phone', 'address'] as const

/** Reads the users in the legacy server's file, in the order of registration. Throws `unavailable` if
 * it is not such a file. */
export const legacyUsers = ({ table }: ExternalDatabase) => table('user', COLUMNS)

type Identity = { readonly publicId: string; readonly usernameKey: string }

/** Whether an identity is `free`, was `imported` before, was `erased` since, or has its name or
 * public id taken by another account. */
export type IdentityState = 'free' | 'imported' | 'erased' | 'name_taken' | 'id_taken'

/** Accounts of a legacy server, as one transaction or reader sees them. */
export const legacyAccountsIn = (
  queries: Pick<Queries, 'get' | 'run'>,
  clock: Pick<Clock, 'nonDecreasingMs'>,
) => ({
  stateOf: async ({ publicId, usernameKey }: Identity): Promise<IdentityState> => {
    const row = await queries.get<{ key: string | null; taken: number; imported: number }>(
      `SELECT
         (SELECT username_key FROM account WHERE public_id = ?) AS key,
         EXISTS (SELECT 1 FROM account WHERE username_key = ?) AS taken,
         EXISTS (SELECT 1 FROM imported_account WHERE public_id = ?) AS imported`,
      publicId,
      usernameKey,
      publicId,
    )
    if (row?.key === usernameKey) return 'imported'
    if (row?.key) return 'id_taken'
    if (row?.imported) return 'erased'
    return row?.taken ? 'name_taken' : 'free'
  },

  /** Adds a member whose identity is free. */
  add: async (member: NewAccount & Identity): Promise<Account> => {
    const account = await insertAccount(
      queries,
      { ...member, role: 'member', admitted: true },
      clock.nonDecreasingMs(),
    )
    if (!account) throw new Error('a name that was free is taken')
    await queries.run('INSERT INTO imported_account (public_id) VALUES (?)', account.publicId)
    return account
  },
})
