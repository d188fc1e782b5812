import { FAILURE_REASONS, NO_ACCOUNT, type NewReport } from '../../domain/access.ts'
import { SECOND_MS } from '../../domain/duration.ts'
import type { ClaimsOf, ReportResult } from '../../domain/statement/claims.ts'
import type { Controller } from '../core/controller.ts'
import type { Asker } from './store.ts'

/** Returns what a result says of the operation that it is about; undefined if nothing. */
export const outcomeOf = (result: ReportResult): 'accepted' | 'happened' | 'failed' | undefined => {
  if (result === 'opening') return 'accepted'
  if (result === 'unlocked' || result === 'released') return 'happened'
  return failureOf(result) ? 'failed' : undefined
}

/** Returns true if a result says how the operation ended. */
export const isEnd = (result: ReportResult): boolean => {
  const outcome = outcomeOf(result)
  return outcome === 'happened' || outcome === 'failed'
}

const failureOf = (result: ReportResult) => FAILURE_REASONS.find((reason) => reason === result)

/** Returns the leaf of a report; undefined for one that says neither how an attempt ended nor that the lock opened. */
export const leafOf = (
  { id, lock }: Pick<Controller, 'id' | 'lock'>,
  { claims, statement }: { readonly claims: ClaimsOf<'report'>; readonly statement: Uint8Array },
  asker: Asker | undefined,
): NewReport | undefined => {
  const { counter, result, attempt } = claims
  const said = resultOf(result)
  if (!said) return undefined
  return {
    lock,
    ...said,
    ...(asker ? personOf(asker) : NOBODY),
    occurredAtMs: occurredAtMsOf(claims),
    reporter: id,
    signed: { statement, counter },
    attemptId: asker && attempt,
    entry: `${id} ${counter}`,
  }
}

/** Ignores a time after the year 9999, which RFC 3339 cannot express. */
const occurredAtMsOf = ({ clockUnsure, issuedAtS }: ClaimsOf<'report'>): number | null =>
  clockUnsure || issuedAtS > TIME_S_MAX ? null : issuedAtS * SECOND_MS

const TIME_S_MAX = Date.parse('9999-12-31T23:59:59Z') / SECOND_MS

const resultOf = (result: ReportResult): Pick<NewReport, 'result' | 'reason'> | undefined => {
  if (result === 'released') return { result, reason: null }
  if (result === 'unlocked' || result === 'opened_unasked')
    return { result: 'unlocked', reason: null }
  const reason = failureOf(result)
  return reason && { result: 'failed', reason }
}

/** An erased person no longer has a name. */
const personOf = ({ accountPublicId, username, guest }: Asker) => ({
  accountPublicId: username === undefined ? NO_ACCOUNT : accountPublicId,
  username: username ?? '',
  method: guest ? 'guest' : 'app',
  ...(guest && username !== undefined ? { guest } : {}),
})

const NOBODY = { accountPublicId: NO_ACCOUNT, username: '', method: 'unknown' } as const
