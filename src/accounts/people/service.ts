import { type Role, isAtLeast } from '../../domain/account.ts'
import type { AuditAction } from '../../domain/audit-actions.ts'
import type { Actor, AuditEvent, RecordAuditEvent } from '../../domain/audit-event.ts'
import type { AuditIn } from '../../storage/unit-of-work.ts'
import { MINUTE_MS } from '../../domain/duration.ts'
import { AppError } from '../../errors.ts'
import { notAccepted } from '../../http/request/accepted.ts'
import type { Database, Queries } from '../../storage/database.ts'
import type { AccountState } from '../core/account-state-store.ts'
import {
  auditRefusals,
  requireAnotherOwner,
  requireManageable,
  requireOtherAccount,
} from '../core/authorization.ts'
import { type EndClock, hasEnded } from '../core/end-date.ts'
import { hashOneTimeCode, newOneTimeCode } from '../core/one-time-code.ts'
import { accountTransaction } from './account-transaction.ts'
import type { Erasures } from './erasure.ts'
import { RESET_MINUTES, passwordResetsIn } from './reset-store.ts'

export type AccountAdministration = ReturnType<typeof accountAdministration>

type Dependencies = {
  readonly db: Pick<Database, 'transaction'>
  readonly erasures: Pick<Erasures, 'eraseIn' | 'finish'>
  readonly auditIn: AuditIn
  readonly record: RecordAuditEvent
  readonly clock: EndClock
}

type Target = { readonly by: Actor; readonly publicId: string }
type Change = Target & {
  readonly role?: Role | undefined
  readonly disabled?: boolean | undefined
  readonly admitted?: boolean | undefined
  /** Null for none. */
  readonly unit?: string | null | undefined
  /** When the account ends; null for never. */
  readonly endsAtMs?: number | null | undefined
}

type Reset = { readonly code: string; readonly expiresAtMs: number }

/** What admins, owners and the command line can do to other people's accounts. */
export const accountAdministration = (deps: Dependencies) => {
  const { db, erasures, auditIn, record, clock } = deps
  return {
    /** Changes the role, the unit or the end date, disables or enables, lets in or makes wait again. Raising
     * the role lets in. Demoting and disabling end the account's sessions. Throws `invalid` for an end
     * date that has passed, and `conflict` if an admin, an owner or the actor would have to wait, or the
     * actor or the last owner would end. */
    change: (change: Change): Promise<void> => {
      const { by, publicId, role, disabled, admitted, unit, endsAtMs } = change
      const attempt = { action: refusedAction(change), subject: publicId }
      return auditRefusals({ record, by, event: attempt }, () =>
        db.transaction(async (tx) => {
          if (admitted === false || endsAtMs !== undefined) requireOtherAccount(by, publicId)
          if (endsAtMs !== undefined && hasEnded({ endsAtMs }, clock))
            throw notAccepted({ ends_at: IN_FUTURE })
          const account = await requireManageable(tx, change)
          const writing = { tx, clock, account }
          const events = [
            ...(await setRole(writing, role)),
            ...(await setDisabled(writing, disabled)),
            ...(await setAdmitted(writing, { role, admitted })),
            ...(await setUnit(writing, unit)),
            ...(await setEnd(writing, endsAtMs)),
          ]
          for (const event of events)
            await auditIn(tx).record(by, { ...event, result: 'success', subject: publicId })
        }),
      )
    },

    /** Sets an end date that was set before, even if it has passed, as after a restore. Throws `conflict` for
     * the last owner without one. */
    setEndAgain: ({
      by,
      publicId,
      endsAtMs,
    }: Target & { readonly endsAtMs: number }): Promise<void> =>
      db.transaction(async (tx) => {
        const account = await requireManageable(tx, { by, publicId })
        for (const event of await setEnd({ tx, clock, account }, endsAtMs))
          await auditIn(tx).record(by, { ...event, result: 'success', subject: publicId })
      }),

    /** Creates the code with which a person chooses a new password. It is shown once, and voids the
     * previous one. */
    beginReset: ({ by, publicId }: Target): Promise<Reset> => {
      const event = { action: 'password.reset_begin', subject: publicId } as const
      return auditRefusals({ record, by, event }, async () => {
        requireOtherAccount(by, publicId)
        const code = newOneTimeCode()
        const codeHash = hashOneTimeCode(code)
        const expiresAtMs = clock.nonDecreasingMs() + RESET_MINUTES * MINUTE_MS
        await db.transaction(async (tx) => {
          const { id } = await requireManageable(tx, { by, publicId })
          const madeBy = by.account?.publicId
          await passwordResetsIn(tx, clock).save(id, { codeHash, expiresAtMs, madeBy })
          await auditIn(tx).record(by, { ...event, result: 'success' })
        })
        return { code, expiresAtMs }
      })
    },

    erase: ({ by, publicId }: Target): Promise<void> => {
      const event = { action: 'account.erase', subject: publicId } as const
      return auditRefusals({ record, by, event }, async () => {
        requireOtherAccount(by, publicId)
        await db.transaction(async (tx) => {
          const account = await requireManageable(tx, { by, publicId })
          await erasures.eraseIn(tx, by, account)
        })
        await erasures.finish(publicId)
      })
    },
  }
}

type Writing = {
  readonly tx: Queries
  readonly clock: EndClock
  readonly account: AccountState
}

type Changed = readonly Omit<AuditEvent, 'result'>[]

const setRole = async (
  { tx, clock, account }: Writing,
  role: Role | undefined,
): Promise<Changed> => {
  if (role === undefined || role === account.role) return []
  const accounts = accountTransaction(tx, clock)
  if (!isAtLeast(role, account.role)) {
    await requireAnotherOwner(accounts, account)
    await accounts.endSessions(account.id)
  }
  await accounts.setRole(account.id, role)
  // A code that was created for a member must not take over the owner they have become.
  await passwordResetsIn(tx, clock).end(account.id)
  return [{ action: 'account.role', detail: { from: account.role, to: role } }]
}

const setDisabled = async (
  { tx, clock, account }: Writing,
  disabled: boolean | undefined,
): Promise<Changed> => {
  if (disabled === undefined || disabled === account.isDisabled) return []
  const accounts = accountTransaction(tx, clock)
  if (disabled) {
    await requireAnotherOwner(accounts, account)
    await accounts.endSessions(account.id)
    await passwordResetsIn(tx, clock).end(account.id)
  }
  await accounts.setDisabled(account.id, disabled)
  return [{ action: disableAction(disabled) }]
}

/** Every admin and owner is admitted, so a raised role admits too. */
const setAdmitted = async (
  { tx, clock, account }: Writing,
  { role = account.role, admitted }: Pick<Change, 'role' | 'admitted'>,
): Promise<Changed> => {
  if (admitted === false && role !== 'member')
    throw new AppError('conflict', 'Admins and owners are always admitted; change the role first', {
      reason: 'always_admitted',
    })
  const isRaised = !isAtLeast(account.role, role)
  const now = admitted ?? (isRaised || account.admitted)
  if (now === account.admitted) return []
  await accountTransaction(tx, clock).setAdmitted(account.id, now)
  return [{ action: admitAction(now) }]
}

/** The audit event does not name the unit, which is erased with the person. */
const setUnit = async (
  { tx, clock, account }: Writing,
  unit: string | null | undefined,
): Promise<Changed> =>
  unit !== undefined && (await accountTransaction(tx, clock).setUnit(account.id, unit))
    ? [{ action: 'account.unit' }]
    : []

const IN_FUTURE = 'a time in the future; to end access now, disable the account'

/** Sessions that ended with the account stay ended if its end date is moved. */
const setEnd = async (
  { tx, clock, account }: Writing,
  endsAtMs: number | null | undefined,
): Promise<Changed> => {
  if (endsAtMs === undefined || endsAtMs === account.endsAtMs) return []
  const accounts = accountTransaction(tx, clock)
  if (endsAtMs !== null) await requireAnotherOwner(accounts, account)
  if (hasEnded(account, clock)) await accounts.endSessions(account.id)
  await accounts.setEnd(account.id, endsAtMs)
  const until = endsAtMs === null ? 'never' : new Date(endsAtMs).toISOString()
  return [{ action: 'account.end_date', detail: { until } }]
}

/** The action that a refused change is recorded as. */
const refusedAction = ({ role, disabled, admitted, endsAtMs }: Change): AuditAction => {
  if (role !== undefined) return 'account.role'
  if (disabled !== undefined) return disableAction(disabled)
  if (admitted !== undefined) return admitAction(admitted)
  if (endsAtMs !== undefined) return 'account.end_date'
  return 'account.unit'
}

const disableAction = (disabled: boolean | undefined) =>
  disabled === true ? 'account.disable' : 'account.enable'

const admitAction = (admitted: boolean) =>
  admitted ? 'account.admit' : 'account.admission_withdraw'
