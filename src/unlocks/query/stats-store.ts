import { MINUTE_MS } from '../../domain/duration.ts'
import type { Queries } from '../../storage/database.ts'
import { LOGIN_REFUSAL, NO_ACCOUNT } from '../log/event.ts'
import { nameReads } from '../log/names-store.ts'
import { accountsOfUnit } from '../units/store.ts'
import { BEGIN, type Interval, SORTING, after, nextRange } from './order.ts'
import { CLAIM_COLUMNS, type Claim, REPEAT_MS, repeatFinder } from './repeats-store.ts'

export type UnlockCounts = ReturnType<typeof unlockCounts>

/** Number of events by quarter of an hour, method and account; null once erased. */
export type Tally = {
  /** Quarters of an hour since 1970, UTC: time zones only ever change at a full quarter. */
  readonly quarter: number
  readonly method: string | null
  /** The number of the account: see `accountOf`. Null also for imported events of people without one. */
  readonly account: number | null
  readonly count: number
}

type Span = {
  /** Counts only this account's events. */
  readonly account: string | undefined
  /** Counts only events of accounts that belong to this unit now. */
  readonly unit?: string | undefined
  readonly fromMs: number
  readonly toMs: number
}

export const QUARTER_MS = 15 * MINUTE_MS

/** Events that one statement counts before other work continues. */
const STEP_ROWS = 2000

/** Counts the unlock log, step by step. */
export const unlockCounts = (db: Queries) => ({
  /** Counts the events that happened from `fromMs` up to, not including, `toMs`. A claim that was told
   * again counts once, and a refused login never. */
  tallies: async function* ({ fromMs, toMs, ...of }: Span): AsyncGenerator<readonly Tally[]> {
    const accounts = await accountsCounted(db, of)
    if (!accounts) yield* talliesOf(db, undefined, fromMs, toMs)
    for (const account of accounts ?? []) {
      const number = await nameReads(db).accountNumber(account)
      if (number !== undefined) yield* talliesOf(db, number, fromMs, toMs)
    }
  },

  /** Returns the public id of an account by its number, and the name that it had at its newest event;
   * null if it was erased since. */
  accountOf: async (number: number): Promise<Counted> => {
    const row = await db.get<{ account: string | null; username: string | null }>(
      `SELECT
         (SELECT public_id FROM unlock_account WHERE number = account_number) AS account,
         username
       FROM unlock_event
       WHERE account_number = ?
       ORDER BY happened_at_ms DESC, seq DESC
       LIMIT 1`,
      number,
    )
    return row ?? NOBODY
  },
})

type Counted = { readonly account: string | null; readonly username: string | null }

export const NOBODY: Counted = { account: null, username: null }

/** Returns the accounts whose events are counted, or undefined if all are. */
const accountsCounted = async (
  db: Queries,
  { account, unit }: Pick<Span, 'account' | 'unit'>,
): Promise<readonly string[] | undefined> => {
  if (unit === undefined) return account === undefined ? undefined : [account]
  const accounts = await accountsOfUnit(db, unit)
  return account === undefined ? accounts : accounts.filter((id) => id === account)
}

/** A claim, and when it happened. */
type Told = Claim & { readonly account: number | null; readonly happenedAtMs: number }

async function* talliesOf(
  db: Queries,
  account: number | undefined,
  fromMs: number,
  toMs: number,
): AsyncGenerator<readonly Tally[]> {
  const tallied = talliesFrom(fromMs, await nameReads(db).accountNumber(NO_ACCOUNT))
  const whose = account === undefined ? [] : [account]
  // What was told just before is not counted again.
  let interval: Interval | undefined = { low: [fromMs - REPEAT_MS, BEGIN], high: [toMs, BEGIN] }
  while (interval) {
    const { range, rest } = nextRange(interval, SORTING.oldest)
    const claims: readonly Told[] = await db.all<Told>(
      `SELECT happened_at_ms AS "happenedAtMs", ${CLAIM_COLUMNS}
       FROM unlock_event
       WHERE ${account === undefined ? '' : 'account_number = ? AND'} ${range.sql}
       ORDER BY ${SORTING.oldest.orderBy}
       LIMIT ?`,
      ...whose,
      ...range.values,
      STEP_ROWS,
    )
    yield tallied(claims)
    const last = claims.length < STEP_ROWS ? undefined : claims.at(-1)
    interval = last ? after([last.happenedAtMs, last.seq], interval, SORTING.oldest) : rest
  }
}

/** Returns a function that counts the claims of each step, without those that repeat one, those
 * before `fromMs` and refused logins. */
const talliesFrom = (fromMs: number, noAccount: number | undefined) => {
  const repeatOf = repeatFinder()
  return (claims: readonly Told[]): readonly Tally[] => {
    const tallies = new Map<string, Tally>()
    for (const claim of claims) {
      const isCounted = repeatOf(claim) === null && claim.reason !== LOGIN_REFUSAL
      if (!isCounted || claim.happenedAtMs < fromMs) continue
      const { method } = claim
      const account = claim.account === noAccount ? null : claim.account
      const quarter = Math.floor(claim.happenedAtMs / QUARTER_MS)
      const key = `${quarter}\n${account}\n${method}`
      tallies.set(key, { quarter, method, account, count: (tallies.get(key)?.count ?? 0) + 1 })
    }
    return [...tallies.values()]
  }
}
