import { SECOND_MS } from '../../domain/duration.ts'
import { QUARTER_MS } from './packed-tallies.ts'

/** How many events are added to the summary at once. Readers also look at the events that are not in it yet,
 * up to twice as many. */
export const STEP_UNLOCKS = 256

/** A condition on `unlock_event`: the event is not in the summary yet. */
export const BESIDE = 'seq >= (SELECT size FROM unlock_summary WHERE id = 1)'

/** An app that gets no answer reports an unlock again, and the existing app does so without a key. An equal
 * claim of the same account that is received within this time is probably the same unlock. Both stay in the
 * log. */
export const REPEAT_MS = 30 * SECOND_MS

/** A condition on `unlock_event`: statistics count the event (`isCounted`). */
const COUNTED = `
  result NOT IN ('permitted', 'failed')
  AND coalesce(reason, '') NOT IN ('too_many_attempts', 'unlocks_lost')`

/** How many earlier unlocks of an account a claim is compared with: of those that happened at the same time,
 * and of those before. */
const EARLIER_MAX = 20

/** Earlier unlocks of the same account. */
const EARLIER = `
  FROM unlock_event AS earlier
  WHERE earlier.account_number = unlock_event.account_number
    AND earlier.seq < unlock_event.seq`

const FROM_30_SECONDS_BEFORE = `earlier.happened_at_ms >= unlock_event.happened_at_ms - ${REPEAT_MS}`

/** Returns a condition: an equal claim, received up to 30 seconds before, is among the newest of these. */
const hasEqual = (when: string): string => `
  EXISTS (
    SELECT 1
    FROM (
      SELECT earlier.*
      ${EARLIER} AND ${when}
      ORDER BY earlier.happened_at_ms DESC, earlier.seq DESC
      LIMIT ${EARLIER_MAX}
    ) AS earlier
    WHERE earlier.source = 'claimed'
      AND earlier.received_at_ms >= unlock_event.received_at_ms - ${REPEAT_MS}
      AND earlier.received_at_ms <= unlock_event.received_at_ms
      AND earlier.method = unlock_event.method
      AND earlier.lock = unlock_event.lock
      AND earlier.result = unlock_event.result
      AND earlier.reason IS NOT DISTINCT FROM unlock_event.reason
      AND earlier.occurred_at_ms IS NOT DISTINCT FROM unlock_event.occurred_at_ms
  )`

/** A condition on `unlock_event`: an equal claim of the account was received up to 30 seconds before. Equal
 * claims also happened within 30 seconds of each other. Most unlocks have no other of their account so close
 * before them, which the index alone shows: with LIMIT 1, because PostgreSQL would turn EXISTS into a join with the
 * whole table. Unlocks that happened at the same time are searched apart, because a wrong clock may give that time to
 * any number of them. */
export const REPEATS = `
  unlock_event.source = 'claimed'
  AND (
    SELECT 1
    ${EARLIER} AND ${FROM_30_SECONDS_BEFORE}
      AND earlier.happened_at_ms <= unlock_event.happened_at_ms
    LIMIT 1
  ) IS NOT NULL
  AND (
    ${hasEqual('earlier.happened_at_ms = unlock_event.happened_at_ms')}
    OR ${hasEqual(`${FROM_30_SECONDS_BEFORE} AND earlier.happened_at_ms < unlock_event.happened_at_ms`)}
  )`

/** The quarter of an hour in which an event happened, which may be before 1970. */
const QUARTER = `
  (happened_at_ms - (happened_at_ms % ${QUARTER_MS} + ${QUARTER_MS}) % ${QUARTER_MS}) / ${QUARTER_MS}`

/** Returns a query for the tallies of the events in a range; `counted` is a further condition. */
export const talliesOf = (range: string, counted: string): string => `
  SELECT
    ${QUARTER} AS quarter,
    coalesce(unlock_account.id, 0) AS account,
    coalesce(method_number, 0) AS method,
    count(*) AS unlocks
  FROM unlock_event
  LEFT JOIN unlock_account ON unlock_account.number = account_number
  WHERE ${range} AND is_repeat = 0 AND ${COUNTED} AND ${counted}
  GROUP BY 1, 2, 3`

/** A query for the tallies of the events that are not in the summary yet. */
export const TALLIES_BESIDE = talliesOf(BESIDE, `NOT (${REPEATS})`)
