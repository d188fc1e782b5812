import type { LockState, RecordKind } from '../../domain/access.ts'
import type { Actor } from '../../domain/audit-event.ts'
import type { Clock } from '../../domain/clock.ts'
import { AppError } from '../../errors.ts'
import { requireVersion } from '../../http/request/headers/if-match.ts'
import type { Database, Transaction } from '../../storage/database.ts'
import type { Changes } from '../core/changes.ts'
import { shownName } from '../core/name.ts'
import { type Lock, locksIn } from './store.ts'

export type Locks = ReturnType<typeof lockService>

type Dependencies = {
  readonly db: Pick<Database, 'all' | 'get' | 'run'>
  readonly changes: Changes
  readonly clock: Pick<Clock, 'nonDecreasingMs'>
  /** Lets members, admins and owners open a lock at any time, in the transaction that adds it. */
  readonly openToMembers: (tx: Transaction, by: Actor, lock: Lock) => Promise<unknown>
}

export type NewLock = Pick<Lock, 'label' | 'name'>

type LockChange = {
  readonly name?: string | undefined
  readonly state?: LockState | undefined
  /** The version that was read; undefined to change whatever is there. */
  readonly version?: number | undefined
}

/** How many locks a home may have, including retired ones. */
const LOCKS_MAX = 1000

/** The rules of locks: a label never changes and is never reused, and a retired lock stays retired. */
export const lockService = ({ db, changes, clock, openToMembers }: Dependencies) => {
  /** Adds a lock. Throws `conflict` if the label is taken, also by a retired lock, or there is no room for
   * another, and `invalid` for an invisible name. */
  const addIn = async (tx: Transaction, by: Actor, { label, name }: NewLock): Promise<Lock> => {
    const locks = locksIn(tx)
    if (await locks.find(label)) throw labelTaken()
    if ((await locks.count()) >= LOCKS_MAX)
      throw new AppError('conflict', TOO_MANY_LOCKS, { reason: 'too_many_locks' })
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

    /** Adds a lock, which nobody may open yet unless it is open to members. Throws like `addIn`, and
     * `forbidden`. */
    add: (by: Actor, lock: NewLock, openTo: 'nobody' | 'members' = 'nobody'): Promise<Lock> =>
      changes.byAdmin(by, { action: 'lock.add', subject: lock.label }, async (tx) => {
        const added = await addIn(tx, by, lock)
        if (openTo === 'members') await openToMembers(tx, by, added)
        return added
      }),

    /** Changes the name or the state of a lock. Records nothing if neither changes. Throws `not_found`,
     * `conflict` for a retired lock, `precondition_failed` if it has another version, `invalid` for an
     * invisible name, and `forbidden`. */
    change: (by: Actor, label: string, change: LockChange): Promise<Lock> =>
      changes.byAdmin(by, { action: actionOf(change), subject: label }, (tx) =>
        changeIn(tx, by, label, change),
      ),
  }
}

/** The action of a change in the audit event of its refusal. */
const actionOf = ({ state }: LockChange) => (state === undefined ? 'lock.rename' : 'lock.state')

const KIND_OF = {
  enabled: 'lock.enabled',
  disabled: 'lock.disabled',
  retired: 'lock.retired',
} as const satisfies Readonly<Record<LockState, RecordKind>>

/** Returns the lock of a label. Throws `not_found`. */
export const requireLock = async (
  queries: Parameters<typeof locksIn>[0],
  label: string,
): Promise<Lock> => {
  const lock = await locksIn(queries).find(label)
  if (!lock) throw noSuchLock()
  return lock
}

export const NO_SUCH_LOCK = 'There is no such lock'
const noSuchLock = (): AppError => new AppError('not_found', NO_SUCH_LOCK)

export const LABEL_TAKEN = 'Another lock has or had this label; labels are never reused'
const labelTaken = (): AppError => new AppError('conflict', LABEL_TAKEN, { reason: 'label_taken' })

export const TOO_MANY_LOCKS = `There are already ${LOCKS_MAX} locks, including retired ones; no more can be added`

export const LOCK_RETIRED = 'The lock is retired for good; add another one'
export const lockRetired = (): AppError =>
  new AppError('conflict', LOCK_RETIRED, { reason: 'lock_retired' })
