import type { Role } from '../../domain/account.ts'
import type { Queries } from '../../storage/database.ts'
import type { AuthenticatedAccount } from './store.ts'

/** An account as it is now. */
export type AccountState = AuthenticatedAccount & {
  readonly isDisabled: boolean
  /** The time from which it is treated as disabled; null for never. */
  readonly endsAtMs: number | null
}

/** Returns an account as a transaction sees it, or undefined if there is none. */
export const findAccountState = async (
  tx: Pick<Queries, 'get'>,
  publicId: string,
): Promise<AccountState | undefined> => {
  const row = await tx.get<StateRow>(
    `SELECT ${STATE_COLUMNS} FROM account WHERE public_id = ?`,
    publicId,
  )
  return row && stateOf(row)
}

export const STATE_COLUMNS = `
  account.id,
  account.public_id,
  account.username,
  account.role,
  account.admitted_at_ms,
  account.session_epoch,
  account.disabled_at_ms,
  account.ends_at_ms`

export type StateRow = {
  id: number
  public_id: string
  username: string
  role: Role
  admitted_at_ms: number | null
  session_epoch: number
  disabled_at_ms: number | null
  ends_at_ms: number | null
}

export const stateOf = (row: StateRow): AccountState => ({
  id: row.id,
  publicId: row.public_id,
  username: row.username,
  role: row.role,
  admitted: row.admitted_at_ms !== null,
  sessionEpoch: row.session_epoch,
  isDisabled: row.disabled_at_ms !== null,
  endsAtMs: row.ends_at_ms,
})
