import { AppError } from '../../errors.ts'
import type { Account } from '../../domain/account.ts'
import type { Origin, RecordAuditEvent, Recording } from '../../domain/audit-event.ts'
import type { InvitationStore } from '../invitations/store.ts'
import { type NewAccounts, type NewRegistration, nameTaken } from '../core/new-account.ts'
import type { AccountStore } from '../core/store.ts'
import type { Settings } from './settings.ts'
import { hashOneTimeCode } from '../core/one-time-code.ts'

/** Makes a member, or whatever the invitation says. Throws `forbidden`, or `invalid` as for any
 * account. */
export type Register = (
  person: NewRegistration & { readonly invitation?: string },
  from: Origin,
) => Promise<void>

type Dependencies = {
  readonly mode: Settings['registration']
  readonly newAccounts: Pick<NewAccounts, 'check'>
  readonly people: Pick<AccountStore, 'add'>
  readonly invitations: Pick<InvitationStore, 'isOpen' | 'redeem'>
  readonly record: RecordAuditEvent
}

/** The rules of registering by oneself, as the setting of it lets people. */
export const registration = (deps: Dependencies): Register => {
  const { mode: currentMode, newAccounts, people, invitations, record } = deps

  /** The invitation is judged first: without one nobody learns which names are taken. */
  const redeem = async (person: NewRegistration, invitation: string, from: Origin) => {
    const hash = hashOneTimeCode(invitation)
    if (!(await invitations.isOpen(hash))) throw await refused(from, 'invitation_invalid')
    const outcome = await invitations.redeem(
      hash,
      await newAccounts.check(person),
      ({ account, invitationId }, tx) => recordRegistered({ from, account, invitationId }, tx),
    )
    if (outcome === 'name_taken') throw nameTaken()
    if (outcome === 'not_open') throw await refused(from, 'invitation_invalid')
  }

  const refused = async (from: Origin, reason: keyof typeof REFUSALS): Promise<AppError> => {
    await record(from, { action: 'account.register', result: 'failure', detail: { reason } })
    return new AppError('forbidden', REFUSALS[reason], { reason })
  }

  const recordRegistered: Recording<Registered> = (
    { from, account: { publicId: subject, role }, invitationId },
    tx,
  ) => {
    const detail = { role, ...(invitationId ? { invitation: invitationId } : {}) }
    return record(from, { action: 'account.register', result: 'success', subject, detail }, tx)
  }

  return async ({ invitation, ...person }, from) => {
    const mode = await currentMode()
    if (mode === 'closed') throw await refused(from, 'registration_closed')
    if (invitation !== undefined) return redeem(person, invitation, from)
    if (mode === 'invite') throw await refused(from, 'invitation_needed')
    const added = await people.add(await newAccounts.check(person), 'member', (account, tx) =>
      recordRegistered({ from, account }, tx),
    )
    if (!added) throw nameTaken()
  }
}

const REFUSALS = {
  registration_closed: 'Registration is closed',
  invitation_needed: 'Registering needs an invitation',
  invitation_invalid: 'This invitation is not valid',
} as const

type Registered = {
  readonly from: Origin
  readonly account: Account
  readonly invitationId?: string
}
