import type { Role } from '../../domain/account.ts'
import { takeTurn } from '../../domain/event-loop.ts'
import { containing, foldedText } from '../../domain/text/folded-text.ts'
import type { Order } from '../../http/request/paging.ts'
import type { Queries } from '../../storage/database.ts'
import { type EndClock, hasEnded } from '../core/end-date.ts'

export type AccountDirectory = ReturnType<typeof accountDirectory>

/** An account as the person it belongs to, admins and owners see it: never with its password
 * hash. */
export type AccountDetails = {
  readonly id: number
  readonly publicId: string
  readonly username: string
  readonly role: Role
  readonly admitted: boolean
  readonly phone: string
  readonly address: string
  readonly email: string | null
  /** The flat, room or house that the person belongs to. */
  readonly unit: string | null
  readonly createdAtMs: number
  /** The client that a person on the waiting list registered from. */
  readonly waitingClient: string | null
  readonly isDisabled: boolean
  /** The time from which it is treated as disabled; null for never. */
  readonly endsAtMs: number | null
  readonly hasEnded: boolean
  readonly hasSecondFactor: boolean
  /** Number of active sessions. */
  readonly sessions: number
  /** When the person last logged in, to within a day, or refreshed a session, as far as that is kept. */
  readonly lastSeenMs: number | null
  /** The invitation the account was registered with. */
  readonly invitation: { readonly id: string; readonly label: string } | null
}

/** Conditions; an account must meet all of them. */
export type AccountFilter = {
  /** Part of the name, phone, email or unit, as `containing` compares. */
  readonly text?: string | undefined
  readonly role?: Role | undefined
  readonly isDisabled?: boolean | undefined
  readonly isAdmitted?: boolean | undefined
  /** However it is written: see `foldedText`. */
  readonly unit?: string | undefined
}

/** A unit that accounts belong to, and how many. */
export type UnitCount = { readonly unit: string; readonly accounts: number }

type PageRequest = {
  readonly filter: AccountFilter
  readonly order: Order
  /** Continues after the account with this id. */
  readonly after: number | undefined
  readonly limit: number
  /** Ends the search once aborted. */
  readonly signal?: AbortSignal
}

type Page = {
  readonly accounts: readonly AccountDetails[]
  /** The id to continue after; undefined at the end. */
  readonly next: number | undefined
}

/** How many ids one statement, and one page, looks at. A page may contain fewer accounts than its
 * limit and still be followed by another. */
const STEP_IDS = 1000
const PAGE_IDS_MAX = 20_000

/** Units that are listed. */
const UNITS_MAX = 1000

/** Looks up accounts for the people they belong to, admins and owners. */
export const accountDirectory = (db: Pick<Queries, 'all' | 'get'>, clock: EndClock) => ({
  find: async (publicId: string): Promise<AccountDetails | undefined> => {
    const row = await db.get<AccountRow>(
      `SELECT ${COLUMNS} FROM account WHERE account.public_id = ?`,
      clock.nonDecreasingMs(),
      publicId,
    )
    return row && details(row, clock)
  },

  /** Returns accounts in the order of registration, or in reverse. */
  page: async ({ filter, order, after, limit, signal }: PageRequest): Promise<Page> => {
    const { among, values } = conditionsOf(filter)
    const sorted = `ORDER BY account.id ${order === 'oldest' ? 'ASC' : 'DESC'} LIMIT ?`
    const whole = `SELECT ${COLUMNS} FROM account WHERE ${among} ${sorted}`
    const texts = `SELECT id, username, phone, email, unit FROM account WHERE ${among} ${sorted}`
    const isUp = order === 'oldest'
    const accounts: AccountDetails[] = []
    // The range of ids still to look at, excluding both ends.
    const end = (await newestId(db)) + 1
    let [low, high] = isUp ? [after ?? 0, end] : [0, after ?? end]
    for (let examined = 0; high - low > 1; examined += STEP_IDS) {
      if (examined >= PAGE_IDS_MAX) return { accounts, next: isUp ? low : high }
      if (examined > 0) await takeTurn(signal)
      const edge = isUp ? Math.min(low + STEP_IDS + 1, high) : Math.max(high - STEP_IDS - 1, low)
      const [from, to] = isUp ? [low, edge] : [edge, high]
      const remaining = limit + 1 - accounts.length
      if (filter.text === undefined) {
        const now = clock.nonDecreasingMs()
        const rows = await db.all<AccountRow>(whole, now, from, to, ...values, remaining)
        accounts.push(...rows.map((row) => details(row, clock)))
      } else {
        // SQL cannot compare text as people do, and most accounts of a step do not match.
        const rows = await db.all<AccountText>(texts, from, to, ...values, STEP_IDS)
        for (const { id } of rows.filter(matches(filter.text)).slice(0, remaining)) {
          const row = await db.get<AccountRow>(BY_ID, clock.nonDecreasingMs(), id)
          if (row) accounts.push(details(row, clock))
        }
      }
      if (accounts.length > limit)
        return { accounts: accounts.slice(0, limit), next: accounts[limit - 1]?.id }
      if (isUp) low = edge - 1
      else high = edge + 1
    }
    return { accounts, next: undefined }
  },

  /** Returns the units in the order of their letters. Spellings of one unit count as one. */
  units: (): Promise<readonly UnitCount[]> =>
    db.all<UnitCount>(
      `SELECT min(unit) AS unit, count(*) AS accounts
       FROM account
       WHERE unit_key IS NOT NULL
       GROUP BY unit_key
       ORDER BY unit_key
       LIMIT ?`,
      UNITS_MAX,
    ),
})

const newestId = async (db: Pick<Queries, 'get'>): Promise<number> => {
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
  account.unit,
  account.created_at_ms,
  account.admitted_at_ms,
  account.waiting_client,
  account.disabled_at_ms,
  account.ends_at_ms,
  account.invitation_id,
  (SELECT label FROM invitation WHERE invitation.id = account.invitation_id) AS invitation_label,
  EXISTS (
    SELECT 1 FROM second_factor
    WHERE second_factor.account_id = account.id AND confirmed_at_ms IS NOT NULL
  ) AS has_second_factor,
  (
    SELECT count(*) FROM session
    WHERE session.account_id = account.id AND expires_at_ms > ?
  ) AS sessions,
  (
    SELECT max(at_ms)
    FROM (
      SELECT max(used_at_ms) AS at_ms FROM session WHERE session.account_id = account.id
      UNION ALL
      SELECT max(logged_in_at_ms) FROM known_client WHERE known_client.account_id = account.id
    ) AS seen
  ) AS last_seen_ms`

type AccountRow = {
  id: number
  public_id: string
  username: string
  role: Role
  phone: string
  address: string
  email: string | null
  unit: string | null
  created_at_ms: number
  admitted_at_ms: number | null
  waiting_client: string | null
  disabled_at_ms: number | null
  ends_at_ms: number | null
  invitation_id: string | null
  invitation_label: string | null
  has_second_factor: number
  sessions: number
  last_seen_ms: number | null
}

const details = (row: AccountRow, clock: EndClock): AccountDetails => {
  const isEnded = hasEnded({ endsAtMs: row.ends_at_ms }, clock)
  return {
    id: row.id,
    publicId: row.public_id,
    username: row.username,
    role: row.role,
    admitted: row.admitted_at_ms !== null,
    phone: row.phone,
    address: row.address,
    email: row.email,
    unit: row.unit,
    createdAtMs: row.created_at_ms,
    waitingClient: row.waiting_client,
    isDisabled: row.disabled_at_ms !== null,
    endsAtMs: row.ends_at_ms,
    hasEnded: isEnded,
    hasSecondFactor: row.has_second_factor !== 0,
    sessions: isEnded ? 0 : row.sessions,
    lastSeenMs: row.last_seen_ms,
    invitation:
      row.invitation_id === null
        ? null
        : { id: row.invitation_id, label: row.invitation_label ?? '' },
  }
}

const BY_ID = `SELECT ${COLUMNS} FROM account WHERE account.id = ?`

type AccountText = Pick<AccountRow, 'id' | 'username' | 'phone' | 'email' | 'unit'>

const matches = (text: string) => {
  const isPart = containing(text)
  return ({ username, phone, email, unit }: AccountText): boolean =>
    isPart(username) || isPart(phone) || isPart(email) || isPart(unit)
}

/** Returns the conditions that SQL compares. */
const conditionsOf = ({ role, isDisabled, isAdmitted, unit }: AccountFilter) => {
  const conditions = [
    { sql: 'account.id > ? AND account.id < ?', values: [] },
    ...(role === undefined ? [] : [{ sql: 'account.role = ?', values: [role] }]),
    ...(isDisabled === undefined
      ? []
      : [{ sql: `account.disabled_at_ms IS ${isDisabled ? 'NOT NULL' : 'NULL'}`, values: [] }]),
    ...(isAdmitted === undefined
      ? []
      : [{ sql: `account.admitted_at_ms IS ${isAdmitted ? 'NOT NULL' : 'NULL'}`, values: [] }]),
    ...(unit === undefined ? [] : [{ sql: 'account.unit_key = ?', values: [foldedText(unit)] }]),
  ]
  return {
    among: conditions.map((condition) => condition.sql).join(' AND '),
    values: conditions.flatMap(({ values }): (string | number)[] => values),
  }
}
