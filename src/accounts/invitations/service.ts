import { type Role, mayManage } from '../../domain/account.ts'
import type { Actor, RecordAuditEvent } from '../../domain/audit-event.ts'
import type { AuditIn } from '../../storage/unit-of-work.ts'
import type { Clock } from '../../domain/clock.ts'
import { HOUR_MS } from '../../domain/duration.ts'
import { AppError } from '../../errors.ts'
import type { Database, Queries } from '../../storage/database.ts'
import { actingRole, auditRefusals } from '../core/authorization.ts'
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

  return {
    create: async (by: Actor, terms: Terms): Promise<CreatedInvitation> => {
      const { role, label, hours, usesMax } = terms
      const action = 'invitation.create'
      const code = newOneTimeCode()
      const invitation = {
        codeHash: hashOneTimeCode(code),
        role,
        label,
        madeBy: by.account?.publicId,
        lifetimeMs: hours * HOUR_MS,
        usesMax,
      }
      const added = await auditRefusals({ record, by, event: { action } }, () =>
        db.transaction(async (tx) => {
          await requireGrantable(tx, by, role)
          const { id, expiresAtMs } = await invitationsIn(tx, clock).add(invitation)
          const detail = { role, uses_max: usesMax }
          await auditIn(tx).record(by, { action, result: 'success', subject: id, detail })
          return { id, expiresAtMs }
        }),
      )
      return { ...terms, ...added, code, link: linkTo(`invitation=${code}`) }
    },

    /** Returns a page, newest first; `next` is the cursor of the next page, if any. */
    page: async (cursor: string | undefined, limit: number) => {
      const found = await invitationsIn(db, clock).page(cursor, limit + 1)
      const page = found.slice(0, limit)
      return { page, next: found.length > limit ? page.at(-1)?.id : undefined }
    },

    /** Accounts registered with it stay. Throws `not_found`. */
    revoke: (by: Actor, id: string): Promise<void> => {
      const event = { action: 'invitation.revoke', subject: id } as const
      return auditRefusals({ record, by, event }, () =>
        db.transaction(async (tx) => {
          const invitations = invitationsIn(tx, clock)
          const found = await invitations.find(id)
          if (!found) throw new AppError('not_found', 'No such invitation')
          await requireGrantable(tx, by, found.role)
          await invitations.revoke(id)
          await auditIn(tx).record(by, { ...event, result: 'success' })
        }),
      )
    },
  }
}

/** Throws `forbidden` unless `by` may manage accounts of the role: an invitation must not grant more
 * than its creator could. */
const requireGrantable = async (tx: Queries, by: Actor, role: Role): Promise<void> => {
  const actorRole = await actingRole(tx, by)
  if (!actorRole || !mayManage(actorRole, role))
    throw new AppError('forbidden', 'Admins can only invite members')
}
