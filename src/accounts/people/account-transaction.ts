import type { Role } from '../../domain/account.ts'
import type { Clock } from '../../domain/clock.ts'
import type { Queries } from '../../storage/database.ts'
import { type AccountState, findAccountState } from '../core/account-state-store.ts'
import { unitColumns } from '../core/unit.ts'
import { endSessions } from '../sessions/store.ts'

export type Contact = {
  readonly phone?: string
  readonly address?: string
  readonly email?: string | null
}

/** Accounts as seen, and changed, by one transaction. */
export const accountTransaction = (tx: Queries, clock: Pick<Clock, 'nonDecreasingMs'>) => ({
  find: (publicId: string): Promise<AccountState | undefined> => findAccountState(tx, publicId),

  /** True if another owner can log in, and has no end date. */
  hasOtherOwner: async (id: number): Promise<boolean> =>
    (await tx.get(
      `SELECT 1 FROM account
       WHERE role = 'owner' AND disabled_at_ms IS NULL AND ends_at_ms IS NULL AND id <> ?
       LIMIT 1`,
      id,
    )) !== undefined,

  /** Returns false if that changes nothing. */
  setContact: async (id: number, { phone, address, email }: Contact): Promise<boolean> => {
    const values = [
      phone ?? null,
      address ?? null,
      Number(email !== undefined),
      email ?? null,
    ] as const
    const changed = await tx.run(
      `UPDATE account
       SET phone = coalesce(?, phone),
           address = coalesce(?, address),
           email = CASE CAST(? AS bigint) WHEN 1 THEN ? ELSE email END
       WHERE id = ?
         AND (
           phone IS DISTINCT FROM coalesce(?, phone)
           OR address IS DISTINCT FROM coalesce(?, address)
           OR email IS DISTINCT FROM CASE CAST(? AS bigint) WHEN 1 THEN ? ELSE email END
         )`,
      ...values,
      id,
      ...values,
    )
    return changed > 0
  },

  /** Null for none. Returns false if that changes nothing. */
  setUnit: async (id: number, unit: string | null): Promise<boolean> => {
    const [shown, key] = unitColumns(unit)
    const changed = await tx.run(
      'UPDATE account SET unit = ?, unit_key = ? WHERE id = ? AND unit IS DISTINCT FROM ?',
      shown,
      key,
      id,
      shown,
    )
    return changed > 0
  },

  setRole: async (id: number, role: Role): Promise<void> => {
    await tx.run('UPDATE account SET role = ? WHERE id = ?', role, id)
  },

  setAdmitted: async (id: number, isAdmitted: boolean): Promise<void> => {
    const atMs = isAdmitted ? clock.nonDecreasingMs() : null
    await tx.run(
      'UPDATE account SET admitted_at_ms = ?, waiting_client = NULL WHERE id = ?',
      atMs,
      id,
    )
  },

  /** Takes the account off the waiting list: disabling a waiting person refuses them. */
  setDisabled: async (id: number, isDisabled: boolean): Promise<void> => {
    const atMs = isDisabled ? clock.nonDecreasingMs() : null
    await tx.run(
      'UPDATE account SET disabled_at_ms = ?, waiting_client = NULL WHERE id = ?',
      atMs,
      id,
    )
  },

  /** The time from which the account is treated as disabled; null for never. */
  setEnd: async (id: number, endsAtMs: number | null): Promise<void> => {
    await tx.run('UPDATE account SET ends_at_ms = ? WHERE id = ?', endsAtMs, id)
  },

  setPassword: async (id: number, passwordHash: string): Promise<void> => {
    await tx.run('UPDATE account SET password_hash = ? WHERE id = ?', passwordHash, id)
  },

  hasSession: async (accountId: number, sessionId: string): Promise<boolean> =>
    (await tx.get(
      'SELECT 1 FROM session WHERE id = ? AND account_id = ? AND expires_at_ms > ?',
      sessionId,
      accountId,
      clock.nonDecreasingMs(),
    )) !== undefined,

  /** Ends all sessions of an account, except `keptId` if given. */
  endSessions: async (accountId: number, keptId?: string): Promise<void> => {
    await endSessions(tx, accountId, keptId)
  },

  /** Deletes an account with all its data, and marks it for erasure elsewhere. A single-use
   * invitation loses its label and unit, which may tell who the person was. */
  remove: async ({ id, publicId }: AccountState): Promise<void> => {
    await tx.run(
      `INSERT INTO erasure (public_id, begun_at_ms) VALUES (?, ?)
       ON CONFLICT (public_id) DO UPDATE SET begun_at_ms = excluded.begun_at_ms`,
      publicId,
      clock.nonDecreasingMs(),
    )
    await tx.run(
      `UPDATE invitation SET label = '', unit = NULL
       WHERE uses_max = 1 AND id = (SELECT invitation_id FROM account WHERE id = ?)`,
      id,
    )
    await tx.run('DELETE FROM access_token WHERE account_public_id = ?', publicId)
    await tx.run('DELETE FROM account WHERE id = ?', id)
  },
})
