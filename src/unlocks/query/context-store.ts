import type { Delivery } from '../../domain/access.ts'
import type { Queries } from '../../storage/database.ts'

/** Identifies the token of an event, and its attempt. */
type Told = {
  readonly result: string
  readonly tokenId: string | null | undefined
  readonly attemptId: string | null | undefined
}

/** Current facts about an event that are not part of the log. */
export type Context = {
  /** The access token that was used; its name is null if the token is deleted. */
  readonly token: { readonly id: string; readonly name: string | null } | null
  /** The outcome of a permitted attempt, or null if the gateway did not ask the lock. */
  readonly delivery: Delivery | null
}

/** Returns a function that looks up the context of events. Reads only what events with tokens and permitted attempts
 * need. */
export const contextOf = async (
  db: Pick<Queries, 'all'>,
  events: readonly Told[],
): Promise<(event: Told) => Context> => {
  const names = await pairs(
    db,
    TOKEN_NAMES,
    events.map(({ tokenId }) => tokenId),
  )
  const states = await pairs(db, DELIVERED, events.map(permittedAttempt))
  return (event) => {
    const { tokenId } = event
    return {
      token: tokenId ? { id: tokenId, name: names.get(tokenId) ?? null } : null,
      delivery: (states.get(permittedAttempt(event) ?? '') as Delivery | undefined) ?? null,
    }
  }
}

const permittedAttempt = ({ result, attemptId }: Told): string | null =>
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
