import type { Role } from '../../domain/account.ts'
import type { Order } from '../../http/request/paging.ts'
import type { Queries } from '../../storage/database.ts'

export type AccountDirectory = ReturnType<typeof accountDirectory>

/** An account as its person, admins and owners see it: never with its password hash. */
export type AccountDetails = {
  readonly id: number
  readonly publicId: string
  readonly username: string
  readonly role: Role
  readonly phone: string
  readonly address: string
  readonly email: string | null
  readonly createdAtMs: number
  readonly isDisabled: boolean
  readonly hasSecondFactor: boolean
  /** How many sessions stand. */
  readonly sessions: number
  /** The invitation that the account was made with. */
  readonly invitation: { readonly id: string; readonly label: string } | null
}

/** What a person must fit; all of it. */
export type AccountFilter = {
  /** Part of the name, phone or email; ASCII letters of either case are the same. */
  readonly text?: string | undefined
  readonly role?: Role | undefined
  readonly isDisabled?: boolean | undefined
}

type Wanted = {
  readonly filter: AccountFilter
  readonly order: Order
  /** Go on behind the person of this number. */
  readonly after: number | undefined
  readonly limit: number
}

type Found = {
  readonly people: readonly AccountDetails[]
  /** The number to go on behind; none at the end. */
  readonly next: number | undefined
}

/** Numbers that one statement goes through, and that one page does: a page may hold fewer people
 * than its limit and still be followed by another. */
const STEP_IDS = 1000
const PAGE_IDS_MAX = 20_000

/** People as they are looked up, by those who may. */
export const accountDirectory = (db: Queries, now: () => number) => ({
  find: async (publicId: string): Promise<AccountDetails | undefined> => {
    const row = await db.get<PersonRow>(
      `SELECT ${COLUMNS} FROM account WHERE account.public_id = ?`,
      now(),
      publicId,
    )
    return row && details(row)
  },

  /** People in the order they were registered, or the other way round. */
  page: async ({ filter, order, after, limit }: Wanted): Promise<Found> => {
    const { sql, values } = searchFor(filter, order)
    const isUp = order === 'oldest'
    const people: AccountDetails[] = []
    // The stretch of numbers that is still to be gone through; neither end is itself in it.
    const end = (await newestId(db)) + 1
    let [low, high] = isUp ? [after ?? 0, end] : [0, after ?? end]
    for (let examined = 0; high - low > 1; examined += STEP_IDS) {
      if (examined >= PAGE_IDS_MAX) return { people, next: isUp ? low : high }
      // Lets whatever waits go first, since SQLite answers without giving way.
      if (examined > 0) await new Promise((turn) => setImmediate(turn))
      const edge = isUp ? Math.min(low + STEP_IDS + 1, high) : Math.max(high - STEP_IDS - 1, low)
      const [from, to] = isUp ? [low, edge] : [edge, high]
      const left = limit + 1 - people.length
      const rows = await db.all<PersonRow>(sql, now(), from, to, ...values, left)
      people.push(...rows.map(details))
      if (people.length > limit)
        return { people: people.slice(0, limit), next: people[limit - 1]?.id }
      if (isUp) low = edge - 1
      else high = edge + 1
    }
    return { people, next: undefined }
  },
})

const newestId = async (db: Queries): Promise<number> => {
  const row = await db.get<{ id: number }>('SELECT coalesce(max(id), 0) AS id FROM account')
  return row?.id ?? 0
}

const COLUMNS = `
  account.id,
  account.public_id,
  account.username,
  account.role,
  account.phone,
  account.address,
  account.email,
  account.created_at_ms,
  account.disabled_at_ms,
  account.invitation_id,
  (SELECT label FROM invitation WHERE invitation.id = account.invitation_id) AS invitation_label,
  EXISTS (
    SELECT 1 FROM second_factor
    WHERE second_factor.account_id = account.id AND confirmed_at_ms IS NOT NULL
  ) AS has_second_factor,
  (
    SELECT count(*) FROM session
    WHERE session.account_id = account.id AND expires_at_ms > ?
  ) AS sessions`

type PersonRow = {
  id: number
  public_id: string
  username: string
  role: Role
  phone: string
  address: string
  email: string | null
  created_at_ms: number
  disabled_at_ms: number | null
  invitation_id: string | null
  invitation_label: string | null
  has_second_factor: number
  sessions: number
}

const details = (row: PersonRow): AccountDetails => ({
  id: row.id,
  publicId: row.public_id,
  username: row.username,
  role: row.role,
  phone: row.phone,
  address: row.address,
  email: row.email,
  createdAtMs: row.created_at_ms,
  isDisabled: row.disabled_at_ms !== null,
  hasSecondFactor: row.has_second_factor !== 0,
  sessions: row.sessions,
  invitation:
    row.invitation_id === null
      ? null
      : { id: row.invitation_id, label: row.invitation_label ?? '' },
})

const searchFor = ({ text, role, isDisabled }: AccountFilter, order: Order) => {
  const pattern = `%${text?.replaceAll(/[\\%_]/g, String.raw`\$&`) ?? ''}%`
  const conditions = [
    { sql: 'account.id > ? AND account.id < ?', values: [] },
    ...(text === undefined ? [] : [{ sql: TEXT_MATCHES, values: [pattern, pattern, pattern] }]),
    ...(role === undefined ? [] : [{ sql: 'account.role = ?', values: [role] }]),
    ...(isDisabled === undefined
      ? []
      : [{ sql: '(account.disabled_at_ms IS NOT NULL) = ?', values: [Number(isDisabled)] }]),
  ]
  return {
    sql: `SELECT ${COLUMNS}
          FROM account
          WHERE ${conditions.map((one) => one.sql).join(' AND ')}
          ORDER BY account.id ${order === 'oldest' ? 'ASC' : 'DESC'}
          LIMIT ?`,
    values: conditions.flatMap(({ values }): (string | number)[] => values),
  }
}

const TEXT_MATCHES = String.raw`(
  account.username LIKE ? ESCAPE '\' OR
  account.phone LIKE ? ESCAPE '\' OR
  account.email LIKE ? ESCAPE '\'
)`
