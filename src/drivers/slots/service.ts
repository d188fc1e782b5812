import type { Actor } from '../../domain/audit-event.ts'
import type { Clock } from '../../domain/clock.ts'
import { AppError } from '../../errors.ts'
import { notAccepted } from '../../http/request/accepted.ts'
import type { Database, Queries, Transaction } from '../../storage/database.ts'
import type { AuditIn } from '../../storage/unit-of-work.ts'
import { type FindLock, NO_SUCH_LOCK } from '../setup/service.ts'
import { slotJson } from './schema.ts'
import { type Slot, slotsIn } from './store.ts'

export type Slots = ReturnType<typeof slotService>

type Dependencies = {
  readonly db: Pick<Database, 'all' | 'get' | 'run' | 'transaction'>
  readonly auditIn: AuditIn
  readonly findLock: FindLock
  /** Returns the name of an account, or undefined if there is none. */
  readonly nameOf: (publicId: string) => Promise<string | undefined>
  readonly clock: Pick<Clock, 'wallMs'>
}

type NewSlot = {
  readonly slot: string
  readonly accountPublicId: string
  /** Now if undefined. */
  readonly validFromMs: number | undefined
  readonly validToMs: number | null
}

/** The most slots that a lock may have, including those that have ended. */
const SLOTS_MAX = 1000

/** Manages slots: who a lock's codes, fingers, cards and phones belong to. A change applies to later events only; earlier
 * ones keep their person. */
export const slotService = ({ db, auditIn, findLock, nameOf, clock }: Dependencies) => {
  const requireLock = async (
    queries: Pick<Queries, 'all' | 'get' | 'run'>,
    label: string,
  ): Promise<string> => {
    const lock = await findLock(queries, label)
    if (!lock) throw new AppError('not_found', NO_SUCH_LOCK)
    return lock.id
  }

  return {
    /** Returns the slots of a lock, including those that have ended. Throws `not_found`. */
    all: async (label: string): Promise<readonly Slot[]> =>
      slotsIn(db).of(await requireLock(db, label)),

    /** Assigns a slot to an account from a time on. Throws `not_found` for the lock and for the account, `invalid` for an
     * end before the start, and `conflict` if the lock has too many slots. */
    put: async (by: Actor, label: string, given: NewSlot): Promise<Slot> => {
      const { slot: name, accountPublicId, validToMs } = given
      const validFromMs = given.validFromMs ?? clock.wallMs()
      if (validToMs !== null && validToMs <= validFromMs)
        throw notAccepted({ valid_to: 'a time after valid_from' })
      if ((await nameOf(accountPublicId)) === undefined)
        throw new AppError('not_found', NO_SUCH_ACCOUNT)
      const slot: Slot = { slot: name, accountPublicId, validFromMs, validToMs }
      await db.transaction(async (tx) => {
        const lockId = await requireLock(tx, label)
        const slots = slotsIn(tx)
        if ((await slots.of(lockId)).length >= SLOTS_MAX)
          throw new AppError('conflict', TOO_MANY_SLOTS, { reason: 'too_many_slots' })
        await slots.endFrom(lockId, name, validFromMs)
        await slots.add(lockId, slot)
        await auditIn(tx).record(by, {
          action: 'lock.slot',
          result: 'success',
          subject: accountPublicId,
          detail: { lock: label, slot: name },
        })
      })
      return slot
    },

    /** Ends the assignment of a slot now. Throws `not_found`. */
    remove: async (by: Actor, label: string, slot: string): Promise<void> => {
      await db.transaction(async (tx) => {
        const lockId = await requireLock(tx, label)
        if ((await slotsIn(tx).endFrom(lockId, slot, clock.wallMs())) === 0)
          throw new AppError('not_found', NO_SUCH_SLOT)
        await auditIn(tx).record(by, {
          action: 'lock.slot',
          result: 'success',
          detail: { lock: label, slot, ended: true },
        })
      })
    },

    /** Yields the slots of an account, for its export. */
    ofAccount: async function* (publicId: string) {
      const found = await slotsIn(db).ofAccount(publicId)
      if (found.length > 0) yield found.map(({ lock, ...slot }) => ({ lock, ...slotJson(slot) }))
    },

    /** Deletes the slots of an account, in the transaction that erases it. */
    eraseIn: (tx: Transaction, publicId: string): Promise<void> => slotsIn(tx).eraseOf(publicId),
  }
}

export const NO_SUCH_ACCOUNT = 'No such account'
export const NO_SUCH_SLOT = 'The slot is not assigned to anyone'
export const TOO_MANY_SLOTS = `A lock has at most ${SLOTS_MAX} slots, including those that have ended`
