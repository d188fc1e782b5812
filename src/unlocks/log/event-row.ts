import {
  ATTESTED,
  DECIDED,
  type NewUnlockEvent,
  type PersonalText,
  REPORTED,
  type UnlockEvent,
  isByLock,
} from './event.ts'

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
  reporter: string | null
  token_id: string | null
  pass_id: string | null
  guest_device_id: string | null
  guest_counter: number | null
  reporter_counter: number | null
  statement_hash: Uint8Array | null
  statement: Uint8Array | null
  same_as: number | null
  leaf_hash: Uint8Array
}

/** Returns a column of a table that has a row for some events. */
const columnOf = (table: string, column: string): string =>
  `(SELECT ${column} FROM ${table} WHERE ${table}.seq = unlock_event.seq)`

const BY_LOCK = `source IN ('${REPORTED}', '${ATTESTED}')`
const OF_ATTEMPTS = `source IN ('${DECIDED}', '${REPORTED}', '${ATTESTED}')`
const SIGNED = `source IN ('${DECIDED}', '${ATTESTED}')`

/** The columns of an `UnlockRow` that only some events have, from tables of their own, except those that only proofs
 * need. */
export const SIDE_COLUMNS = `
  CASE
    WHEN source = '${DECIDED}' THEN ${columnOf('unlock_decision', 'attempt_id')}
    WHEN ${BY_LOCK} THEN ${columnOf('unlock_report', 'attempt_id')}
  END AS attempt_id,
  CASE source WHEN '${DECIDED}' THEN ${columnOf('unlock_decision', 'grant_id')} END AS grant_id,
  CASE WHEN ${BY_LOCK} THEN ${columnOf('unlock_report', 'reporter')} END AS reporter,
  CASE WHEN source IN ('claimed', '${DECIDED}') THEN ${columnOf('unlock_token', 'token_id')} END
    AS token_id,
  CASE WHEN ${OF_ATTEMPTS} THEN ${columnOf('unlock_guest', 'pass_id')} END AS pass_id,
  CASE
    WHEN is_repeat = 0 THEN NULL
    WHEN ${BY_LOCK} THEN coalesce(
      ${columnOf('unlock_report', 'claim_seq')},
      (
        SELECT min(earliest.seq)
        FROM unlock_report AS report
        JOIN unlock_report AS earliest ON earliest.attempt_id = report.attempt_id
        JOIN unlock_event AS opening ON opening.seq = earliest.seq
        WHERE report.seq = unlock_event.seq AND opening.result IN ('unlocked', 'released')
      )
    )
    ELSE (
      SELECT report.seq
      FROM unlock_report AS report
      WHERE report.claim_seq = unlock_event.seq AND report.seq < unlock_event.seq
    )
  END AS same_as`

/** The columns of an `UnlockRow`. */
export const UNLOCK_COLUMNS = `
  unlock_event.*,
  ${SIDE_COLUMNS},
  CASE WHEN ${OF_ATTEMPTS} THEN ${columnOf('unlock_guest', 'device_id')} END AS guest_device_id,
  CASE WHEN ${OF_ATTEMPTS} THEN ${columnOf('unlock_guest', 'counter')} END AS guest_counter,
  CASE source WHEN '${ATTESTED}' THEN ${columnOf('unlock_statement', 'reporter_counter')} END
    AS reporter_counter,
  CASE WHEN ${SIGNED} THEN ${columnOf('unlock_statement', 'hash')} END AS statement_hash,
  CASE WHEN ${SIGNED} THEN ${columnOf('unlock_statement', 'statement')} END AS statement,
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
  ...signedOf(row),
  ...sameAs(row),
})

const signedOf = ({ reporter_counter: counter, statement_hash: hash, statement }: UnlockRow) => ({
  ...(counter === null ? {} : { reporterCounter: counter }),
  ...(hash === null ? {} : { statementHash: hash }),
  ...(statement === null ? {} : { statement }),
})

/** Returns the attempt of a decision, or that of a report and its reporter. Without their row, which only a
 * manual edit can remove, they match no leaf. */
export const attemptOf = ({
  source,
  attempt_id: attemptId,
  reporter,
}: Pick<UnlockRow, 'source' | 'attempt_id' | 'reporter'>): Pick<
  UnlockEvent,
  'attemptId' | 'reporter'
> => {
  if (source === DECIDED) return { attemptId: attemptId ?? '' }
  return isByLock({ source }) ? { attemptId, reporter: reporter ?? '' } : {}
}

const sameAs = ({ same_as: seq }: Pick<UnlockRow, 'same_as'>) =>
  seq === null ? {} : { sameAs: seq }

/** Returns the grant of a decision and the token of an event. A report has no grant. */
export const grantOf = ({
  source,
  grant_id: grantId,
  token_id: tokenId,
}: Pick<UnlockRow, 'source' | 'grant_id' | 'token_id'>): Pick<
  PersonalText,
  'grantId' | 'tokenId'
> => ({
  ...(source === DECIDED || isByLock({ source }) ? { grantId } : {}),
  ...(tokenId === null ? {} : { tokenId }),
})

const personOf = (row: UnlockRow) => {
  const { account_number: number, username, method, salt } = row
  const isErased = number === null && username === null && method === null && salt === null
  if (isErased) return undefined
  return {
    // Erased in part, which only a hand in the file does: kept, so that it fits no commitment.
    accountPublicId: row.account_public_id ?? '',
    username: username ?? '',
    method: method ?? '',
    salt: salt ?? new Uint8Array(),
    ...grantOf(row),
    ...guestOf(row),
  }
}

const guestOf = ({
  pass_id: passId,
  guest_device_id: deviceId,
  guest_counter: counter,
}: UnlockRow): Pick<PersonalText, 'guest'> =>
  passId === null ? {} : { guest: { passId, deviceId, counter } }
