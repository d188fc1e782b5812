import { type Role, mayManage } from '../../domain/account.ts'
import { MINUTE_MS } from '../../domain/duration.ts'
import type { Queries } from '../../storage/database.ts'
import {
  type AccountState,
  STATE_COLUMNS,
  type StateRow,
  stateOf,
} from '../core/account-state-store.ts'
import { type EndClock, isOpen } from '../core/end-date.ts'

/** How long a code for choosing a new password is valid. */
export const RESET_MINUTES = 30

/** What a person enters to choose a new password. */
export type ResetClaim = { readonly usernameKey: string; readonly codeHash: Buffer }

export type NewReset = {
  readonly codeHash: Buffer
  readonly expiresAtMs: number
  /** Public id of the account that created the code; undefined for the command line. */
  readonly madeBy: string | undefined
}

type ResetRow = StateRow & {
  made_by: string | null
  maker_role: Role | null
}

/** Codes for choosing a new password, one per account, as one transaction or reader sees them. */
export const passwordResetsIn = (queries: Pick<Queries, 'get' | 'run'>, clock: EndClock) => ({
  /** Returns the enabled account that a code is valid for. A code is void once the account that
   * created it could not create it again, because it was disabled, erased or demoted, or has ended. */
  find: async ({ usernameKey, codeHash }: ResetClaim): Promise<AccountState | undefined> => {
    const nowMs = clock.nonDecreasingMs()
    const row = await queries.get<ResetRow>(
      `SELECT
         ${STATE_COLUMNS},
         reset.made_by,
         maker.role AS maker_role
       FROM account
       JOIN password_reset AS reset ON reset.account_id = account.id
       LEFT JOIN account AS maker
         ON maker.public_id = reset.made_by AND ${isOpen('maker')}
       WHERE account.username_key = ?
         AND ${isOpen()}
         AND reset.code_hash = ?
         AND reset.expires_at_ms > ?
         AND reset.expires_at_ms <= ?`,
      clock.certainMs(),
      usernameKey,
      clock.certainMs(),
      codeHash,
      nowMs,
      // A gateway that starts with its clock behind must not revive an old code.
      nowMs + RESET_MINUTES * MINUTE_MS,
    )
    return row && isMakerAble(row) ? stateOf(row) : undefined
  },

  /** Stores a code in place of the previous one. */
  save: async (accountId: number, { codeHash, expiresAtMs, madeBy }: NewReset): Promise<void> => {
    await queries.run(
      `INSERT INTO password_reset (account_id, code_hash, expires_at_ms, made_by)
       VALUES (?, ?, ?, ?)
       ON CONFLICT (account_id) DO UPDATE SET
         code_hash = excluded.code_hash,
         expires_at_ms = excluded.expires_at_ms,
         made_by = excluded.made_by`,
      accountId,
      codeHash,
      expiresAtMs,
      madeBy ?? null,
    )
  },

  end: async (accountId: number): Promise<void> => {
    await queries.run('DELETE FROM password_reset WHERE account_id = ?', accountId)
  },
})

const isMakerAble = ({ made_by: madeBy, maker_role: makerRole, role }: ResetRow): boolean =>
  madeBy === null || (makerRole !== null && mayManage(makerRole, role))
