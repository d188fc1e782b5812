import { AppError } from '../../errors.ts'
import type { Account, Role } from '../../domain/account.ts'
import type { Origin, RecordAuditEvent, AuditEvent } from '../../domain/audit-event.ts'
import { HOUR_MS } from '../../domain/duration.ts'
import { mayInvite } from './rules.ts'
import type { InvitationStore } from './store.ts'
import { hashOneTimeCode, newOneTimeCode } from '../core/one-time-code.ts'

export type Invitations = ReturnType<typeof invitationService>

type Dependencies = {
  readonly store: InvitationStore
  readonly record: RecordAuditEvent
  readonly linkTo: (fragment: string) => string
}

type Wish = {
  readonly role: Role
  readonly label: string
  readonly hours: number
  readonly usesMax: number
}

/** Who asks: an account, or whoever has the gateway's command line. */
type Asker = Origin & { readonly account?: Account | undefined }

/** What somebody wants to do with an invitation for a role. */
type Wanted = Pick<AuditEvent, 'action' | 'subject'> & { readonly role: Role }

/** An invitation as it is told to whoever made it; afterwards nobody can tell its code. */
export type MadeInvitation = Wish & {
  readonly id: string
  readonly expiresAtMs: number
  readonly code: string
  readonly link: string
}

/** The rules of invitations: who may make, see and end them. */
export const invitationService = ({ store, record, linkTo }: Dependencies) => {
  const allow = async (asker: Asker, { role, ...event }: Wanted): Promise<void> => {
    if (!asker.account || mayInvite(asker.account.role, role)) return
    await record(asker, { ...event, result: 'failure', detail: { role } })
    throw new AppError('forbidden', 'Admins invite members; only an owner invites others')
  }

  return {
    make: async (asker: Asker, wish: Wish): Promise<MadeInvitation> => {
      await allow(asker, { action: 'invitation.create', role: wish.role })
      const code = newOneTimeCode()
      const { hours, ...terms } = wish
      const made = await store.add(
        {
          ...terms,
          codeHash: hashOneTimeCode(code),
          madeBy: asker.account?.publicId,
          lifetimeMs: hours * HOUR_MS,
        },
        (subject, tx) => {
          const detail = { role: wish.role, uses_max: wish.usesMax }
          const event = { action: 'invitation.create', subject, detail } as const
          return record(asker, { ...event, result: 'success' }, tx)
        },
      )
      return { ...wish, ...made, code, link: linkTo(`invitation=${code}`) }
    },

    /** The newest first; `next` is the cursor of the page that follows, if one does. */
    page: async (cursor: string | undefined, limit: number) => {
      const found = await store.page(cursor, limit + 1)
      const page = found.slice(0, limit)
      return { page, next: found.length > limit ? page.at(-1)?.id : undefined }
    },

    /** Accounts that it made stay. Throws `not_found`. */
    revoke: async (asker: Asker, id: string): Promise<void> => {
      const found = await store.find(id)
      if (!found) throw new AppError('not_found', 'No such invitation')
      await allow(asker, { action: 'invitation.revoke', subject: id, role: found.role })
      await store.revoke(id, (subject, tx) =>
        record(asker, { action: 'invitation.revoke', result: 'success', subject }, tx),
      )
    },
  }
}
