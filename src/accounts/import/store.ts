import type { Account } from '../../domain/account.ts'
import type { Database, Queries } from '../../storage/database.ts'
import type { ExternalDatabase, Value } from '../../storage/external-database.ts'
import { type NewAccount, insertAccount } from '../core/store.ts'

export type LegacyUserStore = ReturnType<typeof legacyUserStore>

/** A row of the legacy server's table `user`, as it may be. */
export type LegacyUser = Readonly<Record<(typeof COLUMNS)[number], Value>>

const COLUMNS = ['id', 'public_id', 'username', 'password', 'phone', 'address'] as const

/** The people in the legacy server's file, in the order in which they were registered. Throws
 * `unavailable` where it is no such file. */
export const legacyUsers = ({ table }: ExternalDatabase) => table('user', COLUMNS)

type Identity = { readonly publicId: string; readonly usernameKey: string }

/** What an identity would be here: `free`, or `here` already, or `erased` since it was imported, or
 * in the way of another account. */
export type Place = 'free' | 'here' | 'erased' | 'name_taken' | 'id_taken'

/** Accounts that come from a legacy server. */
export const legacyUserStore = (db: Database, now: () => number) => ({
  placeOf: (identity: Identity): Promise<Place> => placeOf(db, identity),

  /** Adds members, those of one call in one transaction, which `added` may write in too; gives what
   * their places were until then. */
  addAll: (
    people: readonly (NewAccount & Identity)[],
    added: (account: Account, tx: Pick<Queries, 'run'>) => Promise<void>,
  ): Promise<readonly Place[]> =>
    db.transaction(async (tx) => {
      const places: Place[] = []
      for (const person of people) {
        const place = await placeOf(tx, person)
        places.push(place)
        if (place !== 'free') continue
        const account = await insertAccount(tx, { ...person, role: 'member' }, now())
        if (!account) throw new Error('a name that was free is taken')
        await tx.run('INSERT INTO imported_account (public_id) VALUES (?)', account.publicId)
        await added(account, tx)
      }
      return places
    }),
})

const placeOf = async (
  queries: Pick<Queries, 'get'>,
  { publicId, usernameKey }: Identity,
): Promise<Place> => {
  const row = await queries.get<{ key: string | null; taken: number; imported: number }>(
    `SELECT
       (SELECT username_key FROM account WHERE public_id = ?) AS key,
       EXISTS (SELECT 1 FROM account WHERE username_key = ?) AS taken,
       EXISTS (SELECT 1 FROM imported_account WHERE public_id = ?) AS imported`,
    publicId,
    usernameKey,
    publicId,
  )
  if (row?.key === usernameKey) return 'here'
  if (row?.key) return 'id_taken'
  if (row?.imported) return 'erased'
  return row?.taken ? 'name_taken' : 'free'
}
