import { DECIDED, type NewUnlockEvent, type UnlockEvent } from './event.ts'

/** A row of the table `unlock_event`, with the account that its number stands for. */
export type UnlockRow = {
  seq: number
  id: string
  account_number: number | null
  account_public_id: string | null
  method_number: number | null
  username: string | null
  method: string | null
  salt: Uint8Array | null
  person_hash: Uint8Array
  lock: string
  result: NewUnlockEvent['result']
  reason: NewUnlockEvent['reason']
  source: NewUnlockEvent['source']
  occurred_at_ms: number | null
  received_at_ms: number
  happened_at_ms: number
  is_late: number
  is_time_uncertain: number
  attempt_id: string | null
  grant_id: string | null
  leaf_hash: Uint8Array
}

/** The columns of an `UnlockRow` that only decisions have. */
export const DECISION_COLUMNS = ['attempt_id', 'grant_id'].map(
  (column) => `
  CASE source
    WHEN '${DECIDED}' THEN (
      SELECT ${column}
      FROM unlock_decision
      WHERE unlock_decision.seq = unlock_event.seq
    )
  END AS ${column}`,
)

/** The columns of an `UnlockRow`. */
export const UNLOCK_COLUMNS = `
  unlock_event.*,
  ${DECISION_COLUMNS.join(',')},
  (
    SELECT public_id
    FROM unlock_account
    WHERE unlock_account.number = account_number
  ) AS account_public_id`

/** Returns the event stored in a row. */
export const eventOf = (row: UnlockRow): UnlockEvent => ({
  seq: row.seq,
  id: row.id,
  person: personOf(row),
  personHash: row.person_hash,
  lock: row.lock,
  result: row.result,
  reason: row.reason,
  source: row.source,
  occurredAtMs: row.occurred_at_ms,
  receivedAtMs: row.received_at_ms,
  happenedAtMs: row.happened_at_ms,
  isLate: row.is_late !== 0,
  isTimeUncertain: row.is_time_uncertain !== 0,
  leafHash: row.leaf_hash,
  ...attemptOf(row),
})

/** Returns the attempt of a decision. Without its row, which only a manual edit can remove, it matches no leaf. */
export const attemptOf = ({ source, attempt_id: id }: Pick<UnlockRow, 'source' | 'attempt_id'>) =>
  source === DECIDED ? { attemptId: id ?? '' } : {}

/** Returns the grant of a decision. */
export const grantOf = ({ source, grant_id: grantId }: Pick<UnlockRow, 'source' | 'grant_id'>) =>
  source === DECIDED ? { grantId } : {}

const personOf = ({
  account_number: number,
  account_public_id: accountPublicId,
  username,
  method,
  salt,
  source,
  grant_id: grantId,
}: UnlockRow) =>
  number === null && username === null && method === null && salt === null
    ? undefined
    : {
        // Erased in part, which only a hand in the file does: kept, so that it fits no commitment.
        accountPublicId: accountPublicId ?? '',
        username: username ?? '',
        method: method ?? '',
        salt: salt ?? new Uint8Array(),
        ...grantOf({ source, grant_id: grantId }),
      }
