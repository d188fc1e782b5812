import { type Role, mayManage } from '../../domain/account.ts'
import type { Actor, AuditEvent, RecordAuditEvent } from '../../domain/audit-event.ts'
import type { AuditIn } from '../../storage/unit-of-work.ts'
import type { Clock } from '../../domain/clock.ts'
import { HOUR_MS } from '../../domain/duration.ts'
import { AppError } from '../../errors.ts'
import type { Database } from '../../storage/database.ts'
import { hashOneTimeCode, newOneTimeCode } from '../core/one-time-code.ts'
import { invitationsIn } from './store.ts'

export type Invitations = ReturnType<typeof invitationService>

type Dependencies = {
  readonly db: Database
  readonly auditIn: AuditIn
  readonly record: RecordAuditEvent
  readonly linkTo: (fragment: string) => string
  readonly clock: Pick<Clock, 'nonDecreasingMs'>
}

type Terms = {
  readonly role: Role
  readonly label: string
  readonly hours: number
  readonly usesMax: number
}

/** An action on an invitation for a role. */
type Request = Pick<AuditEvent, 'action' | 'subject'> & { readonly role: Role }

/** A new invitation, with its code, which cannot be read again. */
export type CreatedInvitation = Terms & {
  readonly id: string
  readonly expiresAtMs: number
  readonly code: string
  readonly link: string
}

/** The rules of invitations: who may create, list and revoke them. */
export const invitationService = (deps: Dependencies) => {
  const { db, auditIn, record, linkTo, clock } = deps

  /** Throws `forbidden` unless `by` may manage accounts of the role: an invitation must not grant
   * more than its creator could. */
  const requireAllowed = async (by: Actor, { role, ...event }: Request): Promise<void> => {
    if (!by.account || mayManage(by.account.role, role)) return
    await record(by, { ...event, result: 'failure', detail: { role } })
    throw new AppError('forbidden', 'Admins can only invite members')
  }

  return {
    create: async (by: Actor, terms: Terms): Promise<CreatedInvitation> => {
      const { role, label, hours, usesMax } = terms
      const action = 'invitation.create'
      await requireAllowed(by, { action, role })
      const code = newOneTimeCode()
      const invitation = {
        codeHash: hashOneTimeCode(code),
        role,
        label,
        madeBy: by.account?.publicId,
        lifetimeMs: hours * HOUR_MS,
        usesMax,
      }
      const added = await db.transaction(async (tx) => {
        const { id, expiresAtMs } = await invitationsIn(tx, clock).add(invitation)
        const detail = { role, uses_max: usesMax }
        await auditIn(tx).record(by, { action, result: 'success', subject: id, detail })
        return { id, expiresAtMs }
      })
      return { ...terms, ...added, code, link: linkTo(`invitation=${code}`) }
    },

    /** Returns a page, newest first; `next` is the cursor of the next page, if any. */
    page: async (cursor: string | undefined, limit: number) => {
      const found = await invitationsIn(db, clock).page(cursor, limit + 1)
      const page = found.slice(0, limit)
      return { page, next: found.length > limit ? page.at(-1)?.id : undefined }
    },

    /** Accounts registered with it stay. Throws `not_found`. */
    revoke: async (by: Actor, id: string): Promise<void> => {
      const found = await invitationsIn(db, clock).find(id)
      if (!found) throw new AppError('not_found', 'No such invitation')
      const event = { action: 'invitation.revoke', subject: id } as const
      await requireAllowed(by, { ...event, role: found.role })
      await db.transaction(async (tx) => {
        await invitationsIn(tx, clock).revoke(id)
        await auditIn(tx).record(by, { ...event, result: 'success' })
      })
    },
  }
}
