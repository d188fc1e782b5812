import type { Queries } from '../../storage/database.ts'
import type { UnlockEvent } from '../log/event.ts'
import type { Context } from './context-store.ts'
import { REPEAT_MS } from '../summary/counted-store.ts'
import {
  BEGIN,
  type Interval,
  type Place,
  type Range,
  SORTING,
  type UnlockOrder,
  nextRange,
} from '../search/order.ts'

/** What makes two claims equal, and when each was received. */
export type Claim = Pick<
  UnlockEvent,
  'seq' | 'source' | 'lock' | 'result' | 'reason' | 'occurredAtMs' | 'receivedAtMs'
> & { readonly account: string | number | null; readonly method: string | null }

const claimColumns = (account: string): string => `
  seq,
  source,
  lock,
  result,
  reason,
  occurred_at_ms AS "occurredAtMs",
  received_at_ms AS "receivedAtMs",
  ${account} AS account,
  method`

/** The columns of a claim, with the number of its account. */
export const CLAIM_COLUMNS = claimColumns('account_number')

/** The columns of a claim, with the public id of its account, as events have it. */
const LISTED_CLAIM_COLUMNS = claimColumns(
  '(SELECT public_id FROM unlock_account WHERE unlock_account.number = account_number)',
)

/** An event as lists show it: with the sequence number of the event that it repeats, if it does, and what is
 * known now of its account, its token and its attempt. */
export type ListedUnlock = UnlockEvent &
  Context & { readonly repeatOf: number | null; readonly unit: string | null }

/** How many distinct claims are remembered at least; at most, it is twice as many. */
const CLAIMS_REMEMBERED = 5000

/** How many of these may have one time or, without one, be of one account: each claim is compared with all of
 * them. */
const ALIKE_MAX = 64

/** Returns a function that takes each claim in the order of receipt, and returns the sequence number of the
 * claim that it repeats, or null. */
export const repeatFinder = () => {
  // Two maps, because removing the oldest claims from one takes longer.
  let [newest, older, size]: [Claims, Claims, number] = [new Map(), new Map(), 0]
  return (claim: Claim): number | null => {
    if (claim.source !== 'claimed' || claim.account === null) return null
    // Few claims share a time or, without one, an account. A text of all that must be equal takes longer.
    const key = claim.occurredAtMs ?? claim.account
    const isEqual = (other: Claim) => areEqual(claim, other)
    const alike = newest.get(key)
    const at = alike?.findIndex(isEqual) ?? -1
    const earlier = alike?.[at] ?? older.get(key)?.find(isEqual)
    if (alike) {
      if (at !== -1) alike.splice(at, 1)
      else if (alike.length === ALIKE_MAX) alike.shift()
      alike.push(claim)
    } else newest.set(key, [claim])
    if (at === -1) size += 1
    if (size === CLAIMS_REMEMBERED) [older, newest, size] = [newest, new Map(), 0]
    const passedMs = claim.receivedAtMs - (earlier?.receivedAtMs ?? -Infinity)
    const isRepeat = earlier && earlier.seq < claim.seq && passedMs >= 0 && passedMs <= REPEAT_MS
    return isRepeat ? earlier.seq : null
  }
}

type Claims = Map<number | string, Claim[]>

const areEqual = (one: Claim, other: Claim): boolean =>
  one.account === other.account &&
  one.occurredAtMs === other.occurredAtMs &&
  one.lock === other.lock &&
  one.method === other.method &&
  one.result === other.result &&
  one.reason === other.reason

/** How many events before the first of a page are searched. A repeat is next to the first report in either
 * order, unless very many events came in between. */
const EVENTS_BEFORE = 100

/** How many events that follow a page with the newest first are enough to search: they happened before it. */
export const FOLLOWING = 20

/** A page of events in an order; if that is the newest first, with some of those that follow. */
export type Page = {
  readonly events: readonly UnlockEvent[]
  readonly order: UnlockOrder
  readonly following?: readonly UnlockEvent[]
}

/** Returns for each event of a page the sequence number of the event that it repeats, or null. If a filter lists a claim,
 * it lists equal ones too, except at the edges of the page and of a time span. */
export const repeatsOf = async (
  db: Pick<Queries, 'all'>,
  page: Page,
): Promise<readonly (number | null)[]> => {
  const { events } = page
  if (events.length === 0) return []
  const before = await claimsBeforePage(db, page)
  const claims = [...before, ...events.map(claimOf)].toSorted((one, other) => one.seq - other.seq)
  const repeatOf = repeatFinder()
  const found = new Map(claims.map((claim) => [claim.seq, repeatOf(claim)]))
  return events.map(({ seq, sameAs }) => sameAs ?? found.get(seq) ?? null)
}

const claimsBeforePage = async (
  db: Pick<Queries, 'all'>,
  { events, order, following = [] }: Page,
): Promise<readonly Claim[]> => {
  if (following.length >= FOLLOWING) return following.map(claimOf)
  if (SORTING[order].numbers === 1) return beforeSeq(db, events)
  return beforeTime(db, firstHappened(events), LISTED_CLAIM_COLUMNS)
}

/** Returns the events that happened in the 30 seconds before a place. Events after it may repeat them. */
export const claimsBefore = (db: Pick<Queries, 'all'>, first: Place): Promise<readonly Claim[]> =>
  beforeTime(db, first, CLAIM_COLUMNS)

const beforeSeq = (
  db: Pick<Queries, 'all'>,
  events: readonly UnlockEvent[],
): Promise<readonly Claim[]> => {
  const first = Math.min(...events.map(({ seq }) => seq))
  return db.all<Claim>(
    `SELECT ${LISTED_CLAIM_COLUMNS} FROM unlock_event WHERE seq >= ? AND seq < ? ORDER BY seq`,
    first - EVENTS_BEFORE,
    first,
  )
}

/** Returns the place of the event that happened first. */
const firstHappened = (events: readonly UnlockEvent[]): Place => {
  const ms = Math.min(...events.map(({ happenedAtMs }) => happenedAtMs))
  const first = events.filter(({ happenedAtMs }) => happenedAtMs === ms)
  return [ms, Math.min(...first.map((event) => event.seq))]
}

/** Looks 30 seconds back: equal claims also happened within that time. */
const beforeTime = async (
  db: Pick<Queries, 'all'>,
  [ms = 0, seq = 0]: Place,
  columns: string,
): Promise<readonly Claim[]> => {
  const ranges: Range[] = []
  let interval: Interval | undefined = { low: [ms - REPEAT_MS, BEGIN], high: [ms, seq] }
  while (interval) {
    const { range, rest } = nextRange(interval, SORTING.newest)
    ranges.push(range)
    interval = rest
  }
  // Queried together, to wait for a server only once.
  const found = await Promise.all(
    ranges.map((range) =>
      db.all<Claim>(
        `SELECT ${columns}
         FROM unlock_event
         WHERE ${range.sql}
         ORDER BY ${SORTING.newest.orderBy}
         LIMIT ?`,
        ...range.values,
        EVENTS_BEFORE,
      ),
    ),
  )
  return found.flat().slice(0, EVENTS_BEFORE)
}

// Copying events member by member costs more than reading them.
const claimOf = (event: UnlockEvent): Claim => ({
  seq: event.seq,
  source: event.source,
  lock: event.lock,
  result: event.result,
  reason: event.reason,
  occurredAtMs: event.occurredAtMs,
  receivedAtMs: event.receivedAtMs,
  account: event.person?.accountPublicId ?? null,
  method: event.person?.method ?? null,
})
