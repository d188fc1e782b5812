import type { LockState, RecordKind } from '../../domain/access.ts'
import type { Actor } from '../../domain/audit-event.ts'
import type { Clock } from '../../domain/clock.ts'
import { visibleText } from '../../domain/text/folded-text.ts'
import { AppError } from '../../errors.ts'
import { requireVersion } from '../../http/request/headers/if-match.ts'
import type { Database, Transaction } from '../../storage/database.ts'
import type { Changes } from '../core/changes.ts'
import { type Lock, locksIn } from './store.ts'

export type Locks = ReturnType<typeof lockService>

type Dependencies = {
  readonly db: Pick<Database, 'all' | 'get' | 'run' | 'transaction'>
  readonly changes: Changes
  readonly clock: Pick<Clock, 'nonDecreasingMs'>
}

export type NewLock = Pick<Lock, 'label' | 'name'>

type LockChange = {
  readonly name?: string | undefined
  readonly state?: LockState | undefined
  /** The version that was read; undefined to change whatever is there. */
  readonly version?: number | undefined
}

/** Locks that a home may have, retired ones included. */
export const LOCKS_MAX = 1000

/** The rules of locks: a label is given once and stays, and a retired lock stays retired. */
export const lockService = ({ db, changes, clock }: Dependencies) => {
  /** Adds a lock. Throws `conflict` if the label is taken, also by a retired lock, or there is no room
   * for another, and `invalid` for a name that nobody can see. */
  const addIn = async (tx: Transaction, by: Actor, { label, name }: NewLock): Promise<Lock> => {
    const locks = locksIn(tx)
    if (await locks.find(label)) throw labelTaken()
    if ((await locks.count()) >= LOCKS_MAX)
      throw new AppError('conflict', `There are ${LOCKS_MAX} locks; no more fit`, {
        reason: 'too_many_locks',
      })
    const lock = await locks.add({ label, name: shownName(name) }, clock.nonDecreasingMs())
    await changes.note(tx, by, {
      action: 'lock.add',
      kind: 'lock.made',
      subject: label,
      about: `lock:${lock.id}`,
      body: { lock: label, name: lock.name },
    })
    return lock
  }

  const changeIn = async (
    tx: Transaction,
    by: Actor,
    label: string,
    { name, state, version }: LockChange,
  ): Promise<Lock> => {
    const lock = await requireLock(tx, label)
    requireVersion(version, lock.version)
    if (lock.state === 'retired') throw lockRetired()
    const changed: Lock = {
      ...lock,
      name: name === undefined ? lock.name : shownName(name),
      state: state ?? lock.state,
      version: lock.version + 1,
    }
    const note = { subject: label, about: `lock:${lock.id}` } as const
    const isRenamed = changed.name !== lock.name
    const isSwitched = changed.state !== lock.state
    if (!isRenamed && !isSwitched) return lock
    await locksIn(tx).update(changed)
    if (isRenamed)
      await changes.note(tx, by, {
        ...note,
        action: 'lock.rename',
        kind: 'lock.renamed',
        body: { lock: label, name: changed.name },
      })
    if (isSwitched)
      await changes.note(tx, by, {
        ...note,
        action: 'lock.state',
        kind: KIND_OF[changed.state],
        detail: { from: lock.state, to: changed.state },
        body: { lock: label },
      })
    return changed
  }

  return {
    /** Returns all locks in the order of their names, retired ones included. */
    all: (): Promise<readonly Lock[]> => locksIn(db).all(),

    /** Throws `not_found`. */
    find: (label: string): Promise<Lock> => requireLock(db, label),

    addIn,

    /** Throws like `addIn`, and `forbidden`. */
    add: (by: Actor, lock: NewLock): Promise<Lock> =>
      db.transaction(async (tx) => {
        await changes.requireRole(tx, by, 'admin')
        return addIn(tx, by, lock)
      }),

    /** Changes the name or the state of a lock; nothing is recorded if both stay. Throws `not_found`,
     * `conflict` for a retired lock, `precondition_failed` if it has another version, `invalid` for a name
     * that nobody can see, and `forbidden`. */
    change: (by: Actor, label: string, change: LockChange): Promise<Lock> =>
      db.transaction(async (tx) => {
        await changes.requireRole(tx, by, 'admin')
        return changeIn(tx, by, label, change)
      }),
  }
}

const KIND_OF = {
  enabled: 'lock.enabled',
  disabled: 'lock.disabled',
  retired: 'lock.retired',
} as const satisfies Readonly<Record<LockState, RecordKind>>

/** Returns a name as it is stored and shown: composed (NFC), without the space around it. */
const shownName = (name: string): string => {
  const shown = name.normalize('NFC').trim()
  if (visibleText(shown).trim() === '')
    throw new AppError('invalid', 'Invalid name: text that people can see', {
      fields: { name: 'text that people can see' },
    })
  return shown
}

/** Returns the lock of a label. Throws `not_found`. */
const requireLock = async (
  queries: Parameters<typeof locksIn>[0],
  label: string,
): Promise<Lock> => {
  const lock = await locksIn(queries).find(label)
  if (!lock) throw new AppError('not_found', 'There is no such lock')
  return lock
}

export const LABEL_TAKEN = 'Another lock has this label, or had it; a label is never given again'
const labelTaken = (): AppError => new AppError('conflict', LABEL_TAKEN, { reason: 'label_taken' })

export const LOCK_RETIRED = 'The lock is retired for good; add another one'
const lockRetired = (): AppError =>
  new AppError('conflict', LOCK_RETIRED, { reason: 'lock_retired' })
