import type { NewRecord, RecordKind } from '../../domain/access.ts'
import { type Role, isAtLeast } from '../../domain/account.ts'
import { type Actor, type AuditEvent, COMMAND_LINE } from '../../domain/audit-event.ts'
import { AppError } from '../../errors.ts'
import type { Transaction } from '../../storage/database.ts'
import type { AuditIn, RecordIn } from '../../storage/unit-of-work.ts'

export type ChangeDependencies = {
  readonly auditIn: AuditIn
  readonly recordIn: RecordIn
  /** Returns the role that someone has now, at most that of the request; undefined if the account is
   * disabled or erased. */
  readonly actingRole: (tx: Transaction, by: Actor) => Promise<Role | undefined>
}

type Change = Pick<AuditEvent, 'action' | 'detail'> & {
  readonly kind: RecordKind
  /** As in the audit event: a label, or `home`. */
  readonly subject: string
  /** As in the record. */
  readonly about: Pick<NewRecord, 'subject'>['subject']
  readonly body: NewRecord['body']
}

/** What all changes of locks and of the home have in common. */
export const changes = ({ auditIn, recordIn, actingRole }: ChangeDependencies) => ({
  /** Throws `forbidden` if the role of `by` is lower by now. */
  requireRole: async (tx: Transaction, by: Actor, role: Role): Promise<Role> => {
    const current = await actingRole(tx, by)
    if (!current || !isAtLeast(current, role))
      throw new AppError('forbidden', `Only an ${role} may do this`)
    return current
  },

  /** Adds the audit event and the leaf of a change to its transaction. */
  note: async (tx: Transaction, by: Actor, change: Change): Promise<void> => {
    const { kind, action, subject, about, detail, body } = change
    await auditIn(tx).record(by, {
      action,
      result: 'success',
      subject,
      ...(detail ? { detail } : {}),
    })
    recordIn(tx).add({
      kind,
      subject: about,
      by: by.account?.publicId ?? null,
      about: null,
      body: { by: nameOf(by), ...body },
    })
  },
})

export type Changes = ReturnType<typeof changes>

/** Who did something, in the body of a record. */
const nameOf = (by: Actor): string =>
  by.account?.publicId ?? (by === COMMAND_LINE ? 'command line' : 'gateway')
