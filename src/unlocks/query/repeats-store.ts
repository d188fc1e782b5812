import { BoundedMap } from '../../domain/bounded-map.ts'
import { SECOND_MS } from '../../domain/duration.ts'
import type { Queries } from '../../storage/database.ts'
import type { UnlockEvent } from '../log/event.ts'

/** An app that gets no answer reports an unlock again, and the existing one does so under no key: an
 * equal claim of the same account, received within this time, probably is the same unlock. Both stay in
 * the log. */
export const REPEAT_MS = 30 * SECOND_MS

/** What makes two claims equal, and when each was received. */
export type Claim = Pick<
  UnlockEvent,
  'seq' | 'source' | 'lock' | 'result' | 'reason' | 'occurredAtMs' | 'receivedAtMs'
> & { readonly account: string | null; readonly method: string | null }

export const CLAIM_COLUMNS = `
  seq,
  source,
  lock,
  result,
  reason,
  occurred_at_ms AS "occurredAtMs",
  received_at_ms AS "receivedAtMs",
  account_public_id AS account,
  method`

/** An event as lists show it: with the sequence number of the claim that it repeats, if it does, and the
 * unit that its account belongs to now. */
export type ListedUnlock = RepeatedUnlock & { readonly unit: string | null }

type RepeatedUnlock = UnlockEvent & { readonly repeatOf: number | null }

/** Distinct claims that are remembered for 30 seconds. */
const CLAIMS_MAX = 10_000

/** Returns a function that returns the number of the claim which another repeats, or null. It must be
 * called for each claim in the order of receipt. */
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

/** How many events before the first of a page are looked at: what was told again is next to what was
 * told first, unless very much happened in between. */
const EVENTS_BEFORE = 100

/** Returns the events of a page with what they repeat. If a filter lists a claim, it lists equal ones
 * too, except at the edges of the page and of a time span. */
export const withRepeats = async (
  db: Pick<Queries, 'all'>,
  events: readonly UnlockEvent[],
): Promise<readonly RepeatedUnlock[]> => {
  if (events.length === 0) return []
  const first = Math.min(...events.map(({ seq }) => seq))
  const before = await db.all<Claim>(
    `SELECT ${CLAIM_COLUMNS} FROM unlock_event WHERE seq >= ? AND seq < ? ORDER BY seq`,
    first - EVENTS_BEFORE,
    first,
  )
  const repeatOf = repeatFinder()
  for (const claim of before) repeatOf(claim)
  const inOrder = events.toSorted((one, other) => one.seq - other.seq)
  const found = new Map(inOrder.map((event) => [event.seq, repeatOf(claimOf(event))]))
  return events.map((event) => ({ ...event, repeatOf: found.get(event.seq) ?? null }))
}

const claimOf = ({ person, ...event }: UnlockEvent): Claim => ({
  ...event,
  account: person?.accountPublicId ?? null,
  method: person?.method ?? null,
})
