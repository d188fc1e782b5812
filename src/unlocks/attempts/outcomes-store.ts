import { type Delivery, attemptResult } from '../../domain/access.ts'
import { SECOND_MS } from '../../domain/duration.ts'
import type { Queries } from '../../storage/database.ts'
import { ATTESTED, REPORTED, type Result, type UnlockEvent } from '../log/event.ts'

/** How a permitted attempt ended at its lock: the strongest of what was heard of it. */
export type Outcome = {
  /** `unheard`: the lock was asked and has said nothing for 30 seconds. */
  readonly result: Exclude<Result, 'permitted'> | 'unheard'
  readonly reason: UnlockEvent['reason']
  /** Who says so; null if no entry of the log does. */
  readonly source: typeof ATTESTED | typeof REPORTED | null
}

/** A permitted attempt, and when its decision was recorded. */
type Permitted = { readonly attemptId: string; readonly decidedAtMs: number }

/** How long a lock may take to say how an attempt ended. */
const SILENCE_MS = 30 * SECOND_MS

/** Returns how attempts ended, by id, as far as that is known. */
export const outcomesOf = async (
  db: Pick<Queries, 'all'>,
  attempts: readonly Permitted[],
  nowMs: number,
): Promise<ReadonlyMap<string, Outcome>> => {
  const outcomes = new Map<string, Outcome>()
  if (attempts.length === 0) return outcomes
  const ids = JSON.stringify(attempts.map(({ attemptId }) => attemptId))
  for (const { id, state, detail } of await db.all<State>(STATES, ids)) {
    const decidedAtMs = attempts.find(({ attemptId }) => attemptId === id)?.decidedAtMs ?? nowMs
    const isSilent = state === 'asked' && nowMs - decidedAtMs >= SILENCE_MS
    const { result, failure: reason } = attemptResult(isSilent ? 'unknown' : state, detail)
    if (result) outcomes.set(id, { result, reason, source: null })
  }
  for (const { id, ...outcome } of await db.all<Heard>(HEARD, ids)) outcomes.set(id, outcome)
  return outcomes
}

/** What is known without an entry in the log: of a driver whose lock failed, or opened when the log had no room. */
type State = { readonly id: string; readonly state: Delivery; readonly detail: string | null }

const STATES = `
  SELECT attempt_id AS id, state, detail
  FROM lock_operation
  WHERE attempt_id IN (SELECT value FROM json_each(?))`

type Heard = { readonly id: string } & Outcome

/** Of what each attempt led to, the strongest comes last. */
const HEARD = `
  SELECT unlock_report.attempt_id AS id, result, reason, source
  FROM unlock_report
  JOIN unlock_event ON unlock_event.seq = unlock_report.seq
  WHERE unlock_report.attempt_id IN (SELECT value FROM json_each(?))
  ORDER BY
    CASE source WHEN '${ATTESTED}' THEN 1 ELSE 0 END,
    CASE result WHEN 'unlocked' THEN 3 WHEN 'released' THEN 2 WHEN 'failed' THEN 1 ELSE 0 END,
    unlock_event.seq DESC`
