import { BoundedMap } from '../../domain/bounded-map.ts'
import type { Queries } from '../../storage/database.ts'
import { UNLOCK_COLUMNS, type UnlockRow, eventOf } from '../log/event-row.ts'
import type { UnlockEvent } from '../log/event.ts'
import { REPEAT_MS } from '../summary/counted-store.ts'
import { BEGIN, type Interval, SORTING, type UnlockOrder, nextRange } from './order.ts'

/** What makes two claims equal, and when each was received. */
export type Claim = Pick<
  UnlockEvent,
  'seq' | 'source' | 'lock' | 'result' | 'reason' | 'occurredAtMs' | 'receivedAtMs'
> & { readonly account: string | number | null; readonly method: string | null }

export const CLAIM_COLUMNS = `
  seq,
  source,
  lock,
  result,
  reason,
  occurred_at_ms AS "occurredAtMs",
  received_at_ms AS "receivedAtMs",
  account_number AS account,
  method`

/** An event as lists show it: with the sequence number of the claim that it repeats, if it does, and the
 * unit that its account belongs to now. */
export type ListedUnlock = RepeatedUnlock & { readonly unit: string | null }

type RepeatedUnlock = UnlockEvent & { readonly repeatOf: number | null }

/** Distinct claims that are remembered for 30 seconds. */
const CLAIMS_MAX = 10_000

/** Returns a function that takes each claim in the order of receipt, and returns the sequence number of the
 * claim that it repeats, or null. */
export const repeatFinder = () => {
  const newest = new BoundedMap<string, Claim>(CLAIMS_MAX)
  return (claim: Claim): number | null => {
    if (claim.source !== 'claimed' || claim.account === null) return null
    const { account, lock, result, reason, occurredAtMs, method } = claim
    const key = [account, lock, result, reason, occurredAtMs, method].join('\n')
    const earlier = newest.get(key)
    newest.set(key, claim)
    const passedMs = claim.receivedAtMs - (earlier?.receivedAtMs ?? -Infinity)
    return earlier && passedMs >= 0 && passedMs <= REPEAT_MS ? earlier.seq : null
  }
}

/** How many events before the first of a page are searched. A repeat is next to the first report in either
 * order, unless very many events came in between. */
const EVENTS_BEFORE = 100

/** Returns the events of a page with what they repeat. If a filter lists a claim, it lists equal ones
 * too, except at the edges of the page and of a time span. */
export const withRepeats = async (
  db: Pick<Queries, 'all'>,
  events: readonly UnlockEvent[],
  order: UnlockOrder,
): Promise<readonly RepeatedUnlock[]> => {
  if (events.length === 0) return []
  const before = await (SORTING[order].numbers === 1 ? beforeSeq : beforeTime)(db, events)
  const claims = [...before.map(eventOf), ...events].toSorted((one, other) => one.seq - other.seq)
  const repeatOf = repeatFinder()
  const found = new Map(claims.map((event) => [event.seq, repeatOf(claimOf(event))]))
  return events.map((event) => ({ ...event, repeatOf: found.get(event.seq) ?? null }))
}

type Before = (
  db: Pick<Queries, 'all'>,
  events: readonly UnlockEvent[],
) => Promise<readonly UnlockRow[]>

const beforeSeq: Before = (db, events) => {
  const first = Math.min(...events.map(({ seq }) => seq))
  return db.all<UnlockRow>(
    `SELECT ${UNLOCK_COLUMNS} FROM unlock_event WHERE seq >= ? AND seq < ? ORDER BY seq`,
    first - EVENTS_BEFORE,
    first,
  )
}

/** Equal claims happened within 30 seconds too. */
const beforeTime: Before = async (db, events) => {
  const ms = Math.min(...events.map(({ happenedAtMs }) => happenedAtMs))
  const first = events.filter(({ happenedAtMs }) => happenedAtMs === ms)
  const seq = Math.min(...first.map((event) => event.seq))
  const rows: UnlockRow[] = []
  let interval: Interval | undefined = { low: [ms - REPEAT_MS, BEGIN], high: [ms, seq] }
  while (interval && rows.length < EVENTS_BEFORE) {
    const { range, rest } = nextRange(interval, SORTING.newest)
    rows.push(
      ...(await db.all<UnlockRow>(
        `SELECT ${UNLOCK_COLUMNS}
         FROM unlock_event
         WHERE ${range.sql}
         ORDER BY ${SORTING.newest.orderBy}
         LIMIT ?`,
        ...range.values,
        EVENTS_BEFORE - rows.length,
      )),
    )
    interval = rest
  }
  return rows
}

const claimOf = ({ person, ...event }: UnlockEvent): Claim => ({
  ...event,
  account: person?.accountPublicId ?? null,
  method: person?.method ?? null,
})
