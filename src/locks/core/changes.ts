import type { NewRecord, RecordKind } from '../../domain/access.ts'
import { type Role, isAtLeast } from '../../domain/account.ts'
import {
  type Actor,
  type AuditEvent,
  COMMAND_LINE,
  GATEWAY,
  type RecordAuditEvent,
  UPGRADE,
} from '../../domain/audit-event.ts'
import { AppError } from '../../errors.ts'
import type { Database, Transaction } from '../../storage/database.ts'
import type { AuditIn, RecordIn } from '../../storage/unit-of-work.ts'

export type ChangeDependencies = {
  readonly db: Pick<Database, 'transaction'>
  readonly auditIn: AuditIn
  readonly record: RecordAuditEvent
  readonly recordIn: RecordIn
  /** Returns the current role of an account, but at most the role of the request; undefined if the account is
   * disabled or erased. */
  readonly actingRole: (tx: Transaction, by: Actor) => Promise<Role | undefined>
}

type Change = Pick<AuditEvent, 'action' | 'detail'> & {
  readonly kind: RecordKind
  /** As in the audit event: a label, or `home`. */
  readonly subject: string
  /** As in the record. */
  readonly about: Pick<NewRecord, 'subject'>['subject']
  /** The public id of the person that it is about, if any. */
  readonly person?: string | null
  readonly body: NewRecord['body']
}

/** What all changes to locks and the home have in common. */
export const changes = (deps: ChangeDependencies) => ({
  /** Runs `work` in a transaction, with the current role of `by`, who must still be an admin. A refusal leaves
   * an audit event. Throws `forbidden`. */
  byAdmin: runBy('admin', deps),

  /** Does the same for anyone with an account; `work` checks what they may do. */
  byMember: runBy('member', deps),

  /** Adds the audit event and the leaf of a change to its transaction. The defaults of a new home have neither. */
  note: async (tx: Transaction, by: Actor, change: Change): Promise<void> => {
    if (by === NEW_HOME) return
    const { kind, action, subject, about, person = null, detail, body } = change
    await deps.auditIn(tx).record(by, {
      action,
      result: 'success',
      subject,
      ...(detail ? { detail } : {}),
    })
    deps.recordIn(tx).add({
      kind,
      subject: about,
      by: by.account?.publicId ?? null,
      about: person,
      body: { by: nameOf(by), ...body },
    })
  },
})

const runBy =
  (minimum: Role, { db, record, actingRole }: ChangeDependencies) =>
  async <Result>(
    by: Actor,
    event: Pick<AuditEvent, 'action' | 'subject'>,
    work: (tx: Transaction, role: Role) => Promise<Result>,
  ): Promise<Result> => {
    try {
      return await db.transaction(async (tx) => {
        const role = await actingRole(tx, by)
        if (!role || !isAtLeast(role, minimum))
          throw new AppError(
            'forbidden',
            minimum === 'admin' ? 'Only an admin may do this' : 'This account is disabled',
          )
        return work(tx, role)
      })
    } catch (error) {
      if (error instanceof AppError && (error.code === 'forbidden' || error.code === 'conflict')) {
        const detail = { reason: error.reason ?? error.code }
        await record(by, { ...event, result: 'failure', detail })
      }
      throw error
    }
  }

export type Changes = ReturnType<typeof changes>

/** Creates the defaults of a new home. */
export const NEW_HOME: Actor = { ...GATEWAY }

/** Who did something, in the body of a record. */
const nameOf = (by: Actor): string => {
  if (by === COMMAND_LINE) return 'command line'
  if (by === UPGRADE) return 'upgrade'
  return by.account?.publicId ?? 'gateway'
}
