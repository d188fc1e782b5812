import { AppError } from '../errors.ts'
import type { Account, Origin, RecordSecurityEvent } from '../http/access.ts'
import type { InvitationStore } from './invitation-store.ts'
import { type Accounts, type Registration, nameTaken } from './service.ts'
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
  readonly accounts: Pick<Accounts, 'add' | 'checkPerson'>
  readonly invitations: Pick<InvitationStore, 'isOpen' | 'redeem'>
  readonly record: RecordSecurityEvent
}

/** The rules of registering by oneself, as the setting of it lets people. */
export const registration = (deps: Dependencies): Register => {
  const { mode: currentMode, accounts, invitations, record } = deps

  /** The invitation is judged first: without one nobody learns which names are taken. */
  const redeem = async (person: Registration, invitation: string, from: Origin) => {
    const hash = codeHash(invitation)
    if (!(await invitations.isOpen(hash))) throw await refused(from)
    const redeemed = await invitations.redeem(hash, await accounts.checkPerson(person))
    if (redeemed === 'name_taken') throw nameTaken()
    if (redeemed === 'not_open') throw await refused(from)
    return redeemed
  }

  const refused = async (from: Origin): Promise<AppError> => {
    const reason = 'invitation_invalid'
    await record(from, { action: 'account.register', result: 'failure', detail: { reason } })
    return new AppError('forbidden', 'This invitation is not valid', { reason })
  }

  const registered = (from: Origin, { publicId, role }: Account, invitation?: string) =>
    record(from, {
      action: 'account.register',
      result: 'success',
      subject: publicId,
      detail: { role, ...(invitation === undefined ? {} : { invitation }) },
    })

  return async ({ invitation, ...person }, from) => {
    const mode = await currentMode()
    if (mode === 'closed')
      throw new AppError('forbidden', 'Registration is closed', { reason: 'registration_closed' })
    if (invitation !== undefined) {
      const redeemed = await redeem(person, invitation, from)
      return registered(from, redeemed.account, redeemed.invitation.id)
    }
    if (mode === 'invite')
      throw new AppError('forbidden', 'Registering needs an invitation', {
        reason: 'invitation_needed',
      })
    return registered(from, await accounts.add(person, 'member'))
  }
}
