import type { Account } from '../../domain/account.ts'
import type { AuditEvent, Origin, RecordAuditEvent } from '../../domain/audit-event.ts'
import type { AuditIn } from '../../storage/unit-of-work.ts'
import { AppError } from '../../errors.ts'
import { clientKey } from '../../http/request/client-address.ts'
import type { Database, Transaction } from '../../storage/database.ts'
import type { EndClock } from '../core/end-date.ts'
import { type NewAccounts, type NewRegistration, nameTaken } from '../core/new-account.ts'
import { hashOneTimeCode } from '../core/one-time-code.ts'
import { insertAccount } from '../core/store.ts'
import { invitationsIn } from '../invitations/store.ts'
import type { Erasures } from '../people/erasure.ts'
import type { Settings } from './settings.ts'
import type { WaitingList } from './waiting-list.ts'

/** Creates a member who waits to be let in, or an account with the role of the invitation. Throws `forbidden`, or `invalid`
 * as for any account. */
export type Register = (
  person: NewRegistration & { readonly invitation?: string },
  from: Origin,
) => Promise<void>

type Dependencies = {
  readonly registrationMode: Settings['registration']
  readonly db: Database
  readonly newAccounts: Pick<NewAccounts, 'check'>
  readonly waitingList: Pick<WaitingList, 'requireRoom' | 'makeRoomIn'>
  readonly erasures: Pick<Erasures, 'tryToFinish'>
  readonly auditIn: AuditIn
  readonly record: RecordAuditEvent
  readonly clock: EndClock
  /** Announces that somebody is waiting to be let in, in the transaction that registers them. */
  readonly announceWaitingIn: (tx: Transaction) => Promise<void>
}

/** The rules of registering: whether it is open, needs an invitation, or is closed. */
export const registration = (deps: Dependencies): Register => {
  const { registrationMode, db, newAccounts, waitingList, erasures, auditIn, record, clock } = deps

  const refused = async (from: Origin, reason: keyof typeof REFUSALS): Promise<AppError> => {
    await record(from, { action: 'account.register', result: 'failure', detail: { reason } })
    return new AppError('forbidden', REFUSALS[reason], { reason })
  }

  /** Runs `work`, and records an audit event if the waiting list has no room. */
  const auditFull = async <Result>(from: Origin, work: () => Promise<Result>): Promise<Result> => {
    try {
      return await work()
    } catch (error) {
      if (error instanceof AppError && error.reason === 'waiting_list_full')
        await record(from, {
          action: 'account.register',
          result: 'failure',
          detail: { reason: error.reason },
        })
      throw error
    }
  }

  const registerMember = (person: NewRegistration, from: Origin): Promise<void> =>
    auditFull(from, async () => {
      const waitingClient = clientKey(from.address)
      // Before the password is hashed, and again with nobody in between.
      await waitingList.requireRoom(waitingClient)
      const newAccount = await newAccounts.check(person, from)
      const member = { ...newAccount, role: 'member', admitted: false, waitingClient } as const
      const erased = await db.transaction(async (tx) => {
        const leavers = await waitingList.makeRoomIn(tx, waitingClient)
        const account = await insertAccount(tx, member, clock.nonDecreasingMs())
        if (!account) throw nameTaken()
        await auditIn(tx).record(from, registered(account))
        const { publicId: subject } = account
        await auditIn(tx).record(from, { action: 'account.waiting', result: 'success', subject })
        await deps.announceWaitingIn(tx)
        return leavers
      })
      await erasures.tryToFinish(erased)
    })

  /** Checks the invitation first, so that nobody learns without one which names are taken. */
  const redeem = async (person: NewRegistration, invitation: string, from: Origin) => {
    const codeHash = hashOneTimeCode(invitation)
    if (!(await invitationsIn(db, clock).findOpen(codeHash)))
      throw await refused(from, 'invitation_invalid')
    const newAccount = await newAccounts.check(person, from)
    const isRedeemed = await db.transaction(async (tx) => {
      const invitations = invitationsIn(tx, clock)
      const open = await invitations.findOpen(codeHash)
      if (!open) return false
      const { role, unit, id: invitationId } = open
      const invited = { ...newAccount, role, unit, admitted: true, invitationId }
      const account = await insertAccount(tx, invited, clock.nonDecreasingMs())
      if (!account) throw nameTaken()
      await invitations.countUse(open.id)
      await auditIn(tx).record(from, registered(account, open.id))
      return true
    })
    if (!isRedeemed) throw await refused(from, 'invitation_invalid')
  }

  return async ({ invitation, ...person }, from) => {
    const mode = await registrationMode()
    if (mode === 'closed') throw await refused(from, 'registration_closed')
    if (invitation !== undefined) return redeem(person, invitation, from)
    if (mode === 'invite') throw await refused(from, 'invitation_needed')
    return registerMember(person, from)
  }
}

const registered = ({ publicId: subject, role }: Account, invitationId?: string): AuditEvent => ({
  action: 'account.register',
  result: 'success',
  subject,
  detail: { role, ...(invitationId ? { invitation: invitationId } : {}) },
})

const REFUSALS = {
  registration_closed: 'Registration is closed',
  invitation_needed: 'Registering needs an invitation',
  invitation_invalid: 'This invitation is not valid',
} as const
