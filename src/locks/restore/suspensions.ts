import { isAtLeast } from '../../domain/account.ts'
import type { Actor } from '../../domain/audit-event.ts'
import type { Clock } from '../../domain/clock.ts'
import { AppError } from '../../errors.ts'
import type { Database, Transaction } from '../../storage/database.ts'
import type { Changes } from '../core/changes.ts'
import { personOfText, subjectOfText } from '../grants/holder.ts'
import { type SuspendedGrant, suspensionsIn } from './suspension-store.ts'

export type Suspensions = ReturnType<typeof grantSuspensions>

type Dependencies = {
  readonly db: Pick<Database, 'all' | 'get' | 'run'>
  readonly clock: Pick<Clock, 'nonDecreasingMs'>
  readonly changes: Pick<Changes, 'byAdmin' | 'note'>
}

/** Grants that open nothing until an owner confirms them: from a backup, since they may have been revoked or used up
 * meanwhile, or of guests whose host was erased. */
export const grantSuspensions = ({ db, clock, changes }: Dependencies) => {
  const note = (
    tx: Transaction,
    by: Actor,
    { id, holder }: SuspendedGrant,
    what: { readonly kind: 'grant.suspended' | 'grant.confirmed'; readonly action: Action },
  ): Promise<void> =>
    changes.note(tx, by, {
      ...what,
      subject: subjectOfText(holder),
      about: `grant:${id}`,
      person: personOfText(holder),
      detail: { grant: id },
      body: { grant: id },
    })

  return {
    /** Suspends the passes of guests and the grants with counted uses: all, or `only` these. Returns how many. */
    suspendIn: async (tx: Transaction, by: Actor, only?: ReadonlySet<string>): Promise<number> => {
      const nowMs = clock.nonDecreasingMs()
      const all = await suspensionsIn(tx).doubtful(nowMs)
      const doubtful = all.filter(({ id }) => only?.has(id) ?? true)
      for (const grant of doubtful) {
        await suspensionsIn(tx).suspend(grant.id, nowMs)
        await note(tx, by, grant, { kind: 'grant.suspended', action: 'grant.suspend' })
      }
      return doubtful.length
    },

    /** Lets a suspended grant open again. Does nothing for another one. Throws `forbidden` unless an owner asks. */
    confirm: (by: Actor, id: string): Promise<void> =>
      changes.byAdmin(by, { action: 'grant.confirm', subject: id }, async (tx, role) => {
        if (!isAtLeast(role, 'owner')) throw new AppError('forbidden', OWNERS_CONFIRM)
        const grant = await suspensionsIn(tx).find(id)
        if (!grant) return
        await suspensionsIn(tx).confirm(id)
        await note(tx, by, grant, { kind: 'grant.confirmed', action: 'grant.confirm' })
      }),

    /** Returns the ids of all grants that wait for an owner. */
    ids: (): Promise<readonly string[]> => suspensionsIn(db).ids(clock.nonDecreasingMs()),

    /** Returns how many grants wait for an owner. */
    count: (): Promise<number> => suspensionsIn(db).count(clock.nonDecreasingMs()),
  }
}

type Action = 'grant.suspend' | 'grant.confirm'

const OWNERS_CONFIRM = 'Only an owner may confirm a grant'
