import type { Delivery } from '../../domain/access.ts'
import type { Queries } from '../../storage/database.ts'
import { confirmationsOf } from '../attempts/confirmations-store.ts'
import { type Outcome, outcomesOf } from '../attempts/outcomes-store.ts'
import type { UnlockEvent } from '../log/event.ts'

/** An event, with what identifies its token and its attempt. */
export type Told = Pick<
  UnlockEvent,
  'seq' | 'source' | 'result' | 'lock' | 'receivedAtMs' | 'happenedAtMs'
> & {
  readonly tokenId: string | null | undefined
  readonly attemptId: string | null | undefined
}

/** Current facts about an event that are not part of the log. */
export type Context = {
  /** The access token that was used; its name is null if the token is deleted. */
  readonly token: { readonly id: string; readonly name: string | null } | null
  /** The outcome of a permitted attempt, or null if the gateway did not ask the lock. */
  readonly delivery: Delivery | null
  /** How a permitted attempt ended, or null if that is not known. */
  readonly outcome: Outcome | null
  /** Whether the lock confirms a claim; null if it is none, or if the lock does not tell. */
  readonly confirmed: boolean | null
}

/** Returns a function that looks up the context of events. Reads only what events with tokens and permitted attempts
 * need. */
export const contextOf = async (
  db: Pick<Queries, 'all'>,
  events: readonly Told[],
  known: Parameters<typeof confirmationsOf>[2],
): Promise<(event: Told) => Context> => {
  const tokens = events.map(({ tokenId }) => tokenId)
  const permitted = events.flatMap((event) => {
    const attemptId = permittedAttempt(event)
    return attemptId === null ? [] : { attemptId, decidedAtMs: event.receivedAtMs }
  })
  const [names, states, outcomes, confirmed] = await Promise.all([
    pairs(db, TOKEN_NAMES, tokens),
    pairs(db, DELIVERED, events.map(permittedAttempt)),
    outcomesOf(db, permitted, known.nowMs),
    confirmationsOf(db, events, known),
  ])
  return (event) => {
    const { tokenId } = event
    const attemptId = permittedAttempt(event) ?? ''
    return {
      token: tokenId ? { id: tokenId, name: names.get(tokenId) ?? null } : null,
      delivery: (states.get(attemptId) as Delivery | undefined) ?? null,
      outcome: outcomes.get(attemptId) ?? null,
      confirmed: confirmed.get(event.seq) ?? null,
    }
  }
}

const permittedAttempt = ({
  result,
  attemptId,
}: Pick<Told, 'result' | 'attemptId'>): string | null =>
  result === 'permitted' && attemptId ? attemptId : null

const TOKEN_NAMES = `
  SELECT id, name AS value
  FROM access_token
  WHERE id IN (SELECT value FROM json_each(?))`

const DELIVERED = `
  SELECT attempt_id AS id, state AS value
  FROM lock_operation
  WHERE attempt_id IN (SELECT value FROM json_each(?))`

const pairs = async (
  db: Pick<Queries, 'all'>,
  sql: string,
  ids: readonly (string | null | undefined)[],
): Promise<ReadonlyMap<string, string>> => {
  const wanted = [...new Set(ids.filter((id) => typeof id === 'string'))]
  if (wanted.length === 0) return new Map()
  const rows = await db.all<{ id: string; value: string }>(sql, JSON.stringify(wanted))
  return new Map(rows.map(({ id, value }) => [id, value]))
}
