import { type Role, hasRole } from '../../domain/account.ts'
import type { RecordAuditEvent, AuditEvent } from '../../domain/audit-event.ts'
import {
  type Actor,
  auditRefusals,
  requireManageable,
  requireAnotherOwner,
  requireOtherAccount,
} from './authorization.ts'
import {
  type AccountTransactions,
  type AccountTransaction,
  RESET_MINUTES,
  type AccountState,
} from './account-transaction.ts'
import type { Erasures } from './erasure.ts'
import { hashOneTimeCode, newOneTimeCode } from '../core/one-time-code.ts'

export type AccountAdministration = ReturnType<typeof accountAdministration>

type Dependencies = {
  readonly store: Pick<AccountTransactions, 'transaction'>
  readonly erasures: Pick<Erasures, 'erase'>
  readonly record: RecordAuditEvent
  readonly now: () => number
}

type Act = { readonly by: Actor; readonly publicId: string }
type Change = Act & {
  readonly role?: Role | undefined
  readonly disabled?: boolean | undefined
}

/** What admins and owners, and whoever commands the gateway, do to other people's accounts. */
export const accountAdministration = ({ store, erasures, record, now }: Dependencies) => ({
  /** Gives a role, disables or enables. A lower role and disabling end the person's sessions. */
  change: (change: Change): Promise<void> => {
    const { by, publicId, role, disabled } = change
    const action = role === undefined ? disabling(disabled) : 'account.role'
    return auditRefusals({ record, by, event: { action, subject: publicId } }, async () => {
      await store.transaction(async (changes, tx) => {
        const person = await requireManageable(changes, change)
        const events = [
          ...(await giveRole(changes, person, role)),
          ...(await disable(changes, person, disabled)),
        ]
        for (const event of events)
          await record(by, { ...event, result: 'success', subject: publicId }, tx)
      })
    })
  },

  /** Makes the code with which a person chooses a new password; it is told once, and voids the one
   * before. */
  beginReset: ({ by, publicId }: Act): Promise<Reset> => {
    const event = { action: 'password.reset_begin', subject: publicId }
    return auditRefusals({ record, by, event }, async () => {
      requireOtherAccount(by, publicId)
      const code = newOneTimeCode()
      const expiresAtMs = now() + RESET_MINUTES * 60_000
      await store.transaction(async (changes, tx) => {
        const person = await requireManageable(changes, { by, publicId })
        const madeBy = by.account?.publicId
        await changes.saveReset(person.id, { codeHash: hashOneTimeCode(code), expiresAtMs, madeBy })
        await record(by, { ...event, result: 'success' }, tx)
      })
      return { code, expiresAtMs }
    })
  },

  erase: ({ by, publicId }: Act): Promise<void> =>
    auditRefusals({ record, by, event: { action: 'account.erase', subject: publicId } }, () => {
      requireOtherAccount(by, publicId)
      return erasures.erase(by, (changes) => requireManageable(changes, { by, publicId }))
    }),
})

type Reset = { readonly code: string; readonly expiresAtMs: number }

type Changed = readonly Omit<AuditEvent, 'result'>[]

const giveRole = async (
  changes: AccountTransaction,
  person: AccountState,
  role: Role | undefined,
): Promise<Changed> => {
  if (role === undefined || role === person.role) return []
  if (!hasRole({ role }, person.role)) {
    await requireAnotherOwner(changes, person)
    await changes.endSessions(person.id)
  }
  await changes.setRole(person.id, role)
  // Whoever made a code for a member must not take over the owner that they have become.
  await changes.endReset(person.id)
  return [{ action: 'account.role', detail: { from: person.role, to: role } }]
}

const disable = async (
  changes: AccountTransaction,
  person: AccountState,
  disabled: boolean | undefined,
): Promise<Changed> => {
  if (disabled === undefined || disabled === person.isDisabled) return []
  if (disabled) {
    await requireAnotherOwner(changes, person)
    await changes.endSessions(person.id)
    await changes.endReset(person.id)
  }
  await changes.setDisabled(person.id, disabled)
  return [{ action: disabling(disabled) }]
}

const disabling = (disabled: boolean | undefined) =>
  disabled === true ? 'account.disable' : 'account.enable'
