import { type Account, type Role, isNewcomer, lowerRole } from '../../domain/account.ts'
import { type Actor, GATEWAY } from '../../domain/audit-event.ts'
import type { Clock } from '../../domain/clock.ts'
import { MINUTE_MS } from '../../domain/duration.ts'
import { AppError } from '../../errors.ts'
import type { Database, Transaction } from '../../storage/database.ts'
import type { DeriveUuid } from '../../storage/derived-uuid.ts'
import type { AuditIn } from '../../storage/unit-of-work.ts'
import type { Changes } from '../core/changes.ts'
import type { AttemptService } from '../decisions/service.ts'
import { lockRetired, requireLock } from '../registry/service.ts'
import { operatorsIn } from './store.ts'

export type Operators = ReturnType<typeof operatorService>

type Dependencies = {
  readonly db: Database
  readonly clock: Pick<Clock, 'wallMs'>
  readonly changes: Pick<Changes, 'byAdmin'>
  readonly auditIn: AuditIn
  readonly findAccount: (
    tx: Pick<Transaction, 'get'>,
    publicId: string,
  ) => Promise<(Account & AccountNow) | undefined>
  readonly decide: AttemptService['decide']
  readonly deriveUuid: DeriveUuid
}

/** Whether an account may be used. */
type AccountNow = { readonly isDisabled: boolean; readonly endsAtMs: number | null }

type Given = {
  readonly label: string
  readonly command: 'lock' | 'unlock' | 'open'
  readonly givenAtMs: number
}

/** The outcome of a command. */
type Operated = 'permitted' | 'denied' | 'no operator' | 'not after the last' | 'cannot be locked'

/** The clocks of two machines may differ by less than this. */
const CLOCKS_MS_MAX = MINUTE_MS

/** Lets commands from the broker open locks: off until an owner names a member as the operator of a lock, whose grants
 * then apply. */
export const operatorService = (deps: Dependencies) => {
  const { db, clock, changes, auditIn, findAccount, decide, deriveUuid } = deps

  const byOwner = <Result>(
    by: Actor,
    label: string,
    work: (tx: Transaction) => Promise<Result>,
  ): Promise<Result> =>
    changes.byAdmin(by, { action: 'lock.operator', subject: label }, (tx, role: Role) => {
      if (role !== 'owner') throw new AppError('forbidden', OWNERS_ONLY, { reason: 'owner_needed' })
      return work(tx)
    })

  return {
    /** Returns the public id of the operator of a lock, or undefined. Throws `not_found` for an unknown lock. */
    find: async (label: string): Promise<string | undefined> => {
      await requireLock(db, label)
      return operatorsIn(db).find(label)
    },

    /** Returns the labels of the locks that have an operator. */
    labels: (): Promise<readonly string[]> => operatorsIn(db).labels(),

    /** Sets the operator of a lock. Throws `not_found`, `forbidden`, and `conflict` for a
     * retired lock or an account that is no member. */
    set: (by: Actor, label: string, publicId: string): Promise<void> =>
      byOwner(by, label, async (tx) => {
        const lock = await requireLock(tx, label)
        if (lock.state === 'retired') throw lockRetired()
        const account = await findAccount(tx, publicId)
        if (!account) throw new AppError('not_found', NO_SUCH_ACCOUNT)
        if (account.role !== 'member' || isNewcomer(account))
          throw new AppError('conflict', MEMBERS_ONLY, { reason: 'member_needed' })
        await operatorsIn(tx).set(lock.id, publicId)
        const event = { action: 'lock.operator', result: 'success', subject: label } as const
        await auditIn(tx).record(by, { ...event, detail: { operator: publicId } })
      }),

    /** Removes the operator of a lock; records nothing if there was none. Throws `not_found` and
     * `forbidden`. */
    remove: (by: Actor, label: string): Promise<void> =>
      byOwner(by, label, async (tx) => {
        const { id } = await requireLock(tx, label)
        if (!(await operatorsIn(tx).remove(id))) return
        const event = { action: 'lock.operator', result: 'success', subject: label } as const
        await auditIn(tx).record(by, { ...event, detail: { operator: 'none' } })
      }),

    /** Decides on a command from the broker as an attempt of the lock’s operator, with the rights of a member at most.
     * The id of the attempt is derived from the lock and the time of the command. Throws what a decision throws. */
    operate: async ({ label, command, givenAtMs }: Given): Promise<Operated> => {
      const publicId = await operatorsIn(db).find(label)
      const account = publicId === undefined ? undefined : await findAccount(db, publicId)
      if (!account || account.isDisabled) return 'no operator'
      if (command === 'lock') return 'cannot be locked'
      const latestMs = clock.wallMs() + CLOCKS_MS_MAX
      const isNext = await db.transaction((tx) => operatorsIn(tx).note(label, givenAtMs, latestMs))
      if (!isNext) return 'not after the last'
      const operator = { ...account, role: lowerRole(account.role, 'member') }
      const { decision } = await decide({
        account: operator,
        caller: { ...BROKER, account: operator, sessionId: `mqtt ${label}` },
        label,
        id: deriveUuid(`mqtt ${label} ${givenAtMs}`),
      })
      return decision
    },
  }
}

/** It is unknown where a message to the broker came from. */
const BROKER = { ...GATEWAY, address: 'mqtt', isAddressHidden: true } as const

const OWNERS_ONLY = 'Only an owner may do this'
export const NO_SUCH_ACCOUNT = 'No such account'
export const MEMBERS_ONLY =
  'The operator must be a member who has been let in: anyone who can publish to the broker can open what this account may open'
