import type { Role } from '../domain/account.ts'
import type { Queries } from '../storage/database.ts'
import { ACTION_SQL } from './action-names.ts'

/** Failed logins that led to a lockout: at the name of an account, or at names of all kinds; from one
 * address, or from many. */
export type PasswordGuesses = {
  readonly account:
    | { readonly publicId: string; readonly username: string; readonly role: Role }
    | undefined
  readonly addresses: readonly string[]
  readonly times: number
  /** When the newest of these lockouts began. */
  readonly lockedAtMs: number
}

type Row = {
  action: string
  subject: string | null
  username: string | null
  role: Role | null
  address: string | null
  detail: string
  events: number
  /** When the newest of these events happened. */
  lastMs: number
}

/** How many of the newest audit events are searched. */
const ROWS_MAX = 20_000

/** Guesses at one name from more addresses than this are counted together. */
const ADDRESSES_APART_MAX = 3

/** Returns a function that returns the guesses since a time, most first. Failed logins without a lockout
 * are left out: those are typing errors. */
export const guessedPasswords =
  (db: Pick<Queries, 'all'>) =>
  async (sinceMs: number): Promise<readonly PasswordGuesses[]> => {
    const rows = await db.all<Row>(
      `SELECT
         newest.action,
         newest.subject,
         account.username,
         account.role,
         newest.address,
         newest.detail,
         count(*) AS events,
         max(newest.at_ms) AS "lastMs"
       FROM (
         SELECT ${ACTION_SQL} AS action, at_ms, result, subject, address, detail
         FROM audit_event
         ORDER BY seq DESC
         LIMIT ?
       ) AS newest
       LEFT JOIN account ON account.public_id = newest.subject
       WHERE newest.result = 'failure'
         AND newest.at_ms >= ?
         AND newest.action IN ('login', 'login.lockout_started')
       GROUP BY 1, 2, 3, 4, 5, 6`,
      ROWS_MAX,
      sinceMs,
    )
    return guessesIn(rows.map((row) => ({ ...row, detail: JSON.parse(row.detail) as Detail })))
  }

type Detail = Readonly<Record<string, string | number | boolean>>

type Failure = Omit<Row, 'detail'> & { readonly detail: Detail }

/** What is counted together: the failures at one account's name, or those of clients at any name. */
type Target = {
  readonly subject: string | null
  readonly lockouts: Failure[]
}

/** Why a login is refused after the right password: it was no guess. */
const AFTER_PASSWORD = new Set<unknown>(['otp_required', 'access_ended'])

const guessesIn = (failures: readonly Failure[]): readonly PasswordGuesses[] => {
  const logins = failures.filter(
    ({ action, detail }) => action === 'login' && !AFTER_PASSWORD.has(detail['reason']),
  )
  const targets = new Map<string | null, Target>()
  for (const lockout of failures.filter(({ action }) => action === 'login.lockout_started')) {
    const subject = lockout.detail['kind'] === 'client' ? null : lockout.subject
    const target = targets.get(subject) ?? { subject, lockouts: [] }
    targets.set(subject, target)
    target.lockouts.push(lockout)
  }
  return [...targets.values()]
    .flatMap((target) => guessesAt(target, logins))
    .toSorted((left, right) => right.times - left.times)
}

const guessesAt = (
  { subject, lockouts }: Target,
  logins: readonly Failure[],
): readonly PasswordGuesses[] => {
  const account = subject === null ? undefined : accountOf(lockouts, subject)
  // The account has been erased.
  if (subject !== null && !account) return []
  const locked = new Set(lockouts.map(({ address }) => address))
  const isByMany = lockouts.some(({ detail }) => detail['kind'] === 'name')
  const counted = logins.filter(
    (login) =>
      (subject === null || login.subject === subject) && (isByMany || locked.has(login.address)),
  )
  const byAddress = Map.groupBy([...counted, ...lockouts], ({ address }) => address)
  const guesses = [...byAddress].map(([address, failures]) => ({
    account,
    addresses: address === null ? [] : [address],
    times: timesIn(failures),
    lockedAtMs: newestIn(lockouts.filter((lockout) => isByMany || lockout.address === address)),
  }))
  if (guesses.length <= ADDRESSES_APART_MAX) return guesses
  const times = guesses.reduce((sum, guess) => sum + guess.times, 0)
  const addresses = guesses.flatMap((guess) => guess.addresses)
  return [{ account, addresses, times, lockedAtMs: newestIn(lockouts) }]
}

const newestIn = (lockouts: readonly Failure[]): number =>
  Math.max(...lockouts.map(({ lastMs }) => lastMs))

/** How often a login failed. The tables record no failed login of their own, but the lockout says how
 * many there were. */
const timesIn = (failures: readonly Failure[]): number => {
  const isLogin = ({ action }: Failure) => action === 'login'
  const times = failures
    .filter(isLogin)
    .reduce((sum, { events, detail }) => sum + events * (Number(detail['repeats']) || 1), 0)
  // That of a name counts the failures from all addresses.
  const lockouts = failures.filter(
    (failure) => !isLogin(failure) && failure.detail['kind'] !== 'name',
  )
  return Math.max(times, ...lockouts.map(({ detail }) => Number(detail['failures'] ?? 0)))
}

const accountOf = (lockouts: readonly Failure[], publicId: string) => {
  const { username, role } = lockouts[0] ?? {}
  return username && role ? { publicId, username, role } : undefined
}
