import { AppError } from '../errors.ts'
import type { Account, Origin, RecordSecurityEvent, Recording } from '../http/access.ts'
import type { InvitationStore } from './invitation-store.ts'
import { type Accounts, type Registration, nameTaken } from './service.ts'
import type { AccountStore } from './store.ts'
import type { Settings } from './settings.ts'
import { codeHash } from './typed-code.ts'

/** Makes a member, or whatever the invitation says. Throws `forbidden`, or `invalid` as for any
 * account. */
export type Register = (
  person: Registration & { readonly invitation?: string },
  from: Origin,
) => Promise<void>

type Dependencies = {
  readonly mode: Settings['registration']
  readonly accounts: Pick<Accounts, 'checkPerson'>
  readonly people: Pick<AccountStore, 'add'>
  readonly invitations: Pick<InvitationStore, 'isOpen' | 'redeem'>
  readonly record: RecordSecurityEvent
}

/** The rules of registering by oneself, as the setting of it lets people. */
export const registration = (deps: Dependencies): Register => {
  const { mode: currentMode, accounts, people, invitations, record } = deps

  /** The invitation is judged first: without one nobody learns which names are taken. */
  const redeem = async (person: Registration, invitation: string, from: Origin) => {
    const hash = codeHash(invitation)
    if (!(await invitations.isOpen(hash))) throw await refused(from)
    const outcome = await invitations.redeem(
      hash,
      await accounts.checkPerson(person),
      ({ account, invitationId }, tx) => recordRegistered({ from, account, invitationId }, tx),
    )
    if (outcome === 'name_taken') throw nameTaken()
    if (outcome === 'not_open') throw await refused(from)
  }

  const refused = async (from: Origin): Promise<AppError> => {
    const reason = 'invitation_invalid'
    await record(from, { action: 'account.register', result: 'failure', detail: { reason } })
    return new AppError('forbidden', 'This invitation is not valid', { reason })
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
    if (mode === 'closed')
      throw new AppError('forbidden', 'Registration is closed', { reason: 'registration_closed' })
    if (invitation !== undefined) return redeem(person, invitation, from)
    if (mode === 'invite')
      throw new AppError('forbidden', 'Registering needs an invitation', {
        reason: 'invitation_needed',
      })
    const added = await people.add(await accounts.checkPerson(person), 'member', (account, tx) =>
      recordRegistered({ from, account }, tx),
    )
    if (!added) throw nameTaken()
  }
}

type Registered = {
  readonly from: Origin
  readonly account: Account
  readonly invitationId?: string
}
