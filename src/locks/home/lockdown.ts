import type { Actor } from '../../domain/audit-event.ts'
import type { Clock } from '../../domain/clock.ts'
import { MINUTE_MS } from '../../domain/duration.ts'
import type { Role } from '../../domain/account.ts'
import { AppError } from '../../errors.ts'
import { notAccepted } from '../../http/request/accepted.ts'
import type { Database, Transaction } from '../../storage/database.ts'
import type { Changes } from '../core/changes.ts'
import { lockRetired, requireLock } from '../registry/service.ts'
import { locksIn } from '../registry/store.ts'
import { type Lockdown, lockdownsIn } from './lockdown-store.ts'

export type Lockdowns = ReturnType<typeof lockdownService>

type Dependencies = {
  readonly db: Pick<Database, 'all' | 'get' | 'run'>
  readonly changes: Changes
  readonly clock: Pick<Clock, 'nonDecreasingMs'>
}

type Begin = {
  /** The labels of the locks; undefined for the whole home. */
  readonly locks?: readonly string[] | undefined
  /** When it ends by itself; undefined if somebody has to end it. */
  readonly untilMs?: number | undefined
}

/** How long a person who began a lockdown by mistake may end it, in minutes. */
export const UNDO_MINUTES = 10

/** The rules of lockdowns, during which only owners open a lock. */
export const lockdownService = ({ db, changes, clock }: Dependencies) => {
  const beginOne = async (
    tx: Transaction,
    by: Actor,
    { label, role, untilMs }: { label: string | undefined; role: Role; untilMs: number | null },
  ): Promise<void> => {
    const nowMs = clock.nonDecreasingMs()
    const lockdowns = lockdownsIn(tx, nowMs)
    const lockId = label === undefined ? undefined : await enabledLock(tx, label)
    const current = await lockdowns.find(lockId)
    if (current?.untilMs === untilMs) return
    // Ending it sooner is ending it.
    if (current && isSooner(untilMs, current.untilMs) && !mayEnd({ by, role, nowMs }, current))
      throw ownerNeeded()
    // Changing its end does not change who began it.
    const begun = current ?? { begunAtMs: nowMs, begunBy: by.account?.publicId ?? null }
    await lockdowns.put(lockId, { ...begun, untilMs })
    await changes.note(tx, by, {
      ...subjectOf(label, lockId),
      action: 'lockdown.begin',
      kind: 'lockdown.begun',
      detail: untilMs === null ? {} : { until: timeOf(untilMs) },
      body: { lock: label ?? null, until: untilMs === null ? null : timeOf(untilMs) },
    })
  }

  return {
    /** Returns the lockdowns in force, and whether `by`, with this role, may end each. */
    inForce: async (by: Actor, role: Role) => {
      const nowMs = clock.nonDecreasingMs()
      const lockdowns = await lockdownsIn(db, nowMs).all()
      return lockdowns.map((lockdown) => ({
        ...lockdown,
        mayEnd: mayEnd({ by, role, nowMs }, lockdown),
      }))
    },

    /** Begins a lockdown of the home or of each of these locks, or changes when it ends by itself. Throws
     * `invalid` for an unknown lock or a time that has passed, `conflict` for a retired lock, and `forbidden`,
     * also if that would end it sooner and `by` may not end it. */
    begin: (by: Actor, { locks, untilMs }: Begin): Promise<void> => {
      const subject = (locks?.length === 1 ? locks[0] : undefined) ?? 'home'
      return changes.byAdmin(by, { action: 'lockdown.begin', subject }, async (tx, role) => {
        if (untilMs !== undefined && untilMs <= clock.nonDecreasingMs())
          throw notAccepted({ until: 'a time in the future' })
        for (const label of locks ? new Set(locks) : [undefined])
          await beginOne(tx, by, { label, role, untilMs: untilMs ?? null })
      })
    },

    /** Ends the lockdown of a lock, or that of the home, if there is one. Throws `not_found` for an unknown
     * lock, and `forbidden` unless `by` is an owner or began it a few minutes ago. */
    end: (by: Actor, label: string | undefined): Promise<void> =>
      changes.byAdmin(
        by,
        { action: 'lockdown.end', subject: label ?? 'home' },
        async (tx, role) => {
          const nowMs = clock.nonDecreasingMs()
          const lockId = label === undefined ? undefined : (await requireLock(tx, label)).id
          const lockdowns = lockdownsIn(tx, nowMs)
          const current = await lockdowns.find(lockId)
          if (!current) return
          if (!mayEnd({ by, role, nowMs }, current)) throw ownerNeeded()
          await lockdowns.remove(lockId)
          await changes.note(tx, by, {
            ...subjectOf(label, lockId),
            action: 'lockdown.end',
            kind: 'lockdown.ended',
            body: { lock: label ?? null },
          })
        },
      ),
  }
}

const subjectOf = (label: string | undefined, lockId: string | undefined) => ({
  subject: label ?? 'home',
  about: lockId === undefined ? 'home' : `lock:${lockId}`,
})

const timeOf = (ms: number): string => new Date(ms).toISOString()

const isSooner = (untilMs: number | null, otherMs: number | null): boolean =>
  untilMs !== null && (otherMs === null || untilMs < otherMs)

type Ender = { readonly by: Actor; readonly role: Role; readonly nowMs: number }

/** True for an owner, and for a few minutes for the person who began it, so that a mistake can be undone. */
const mayEnd = (
  { by, role, nowMs }: Ender,
  { begunBy, begunAtMs }: Pick<Lockdown, 'begunBy' | 'begunAtMs'>,
): boolean =>
  role === 'owner' ||
  (role === 'admin' &&
    begunBy !== null &&
    begunBy === by.account?.publicId &&
    Math.abs(nowMs - begunAtMs) < UNDO_MINUTES * MINUTE_MS)

export const OWNER_ENDS = `Only an owner can end this lockdown, or the person who began it within ${UNDO_MINUTES} minutes`
const ownerNeeded = (): AppError =>
  new AppError('forbidden', OWNER_ENDS, { reason: 'owner_needed' })

/** Returns the id of a lock that is not retired. */
const enabledLock = async (tx: Transaction, label: string): Promise<string> => {
  const lock = await locksIn(tx).find(label)
  if (!lock) throw notAccepted({ locks: `labels of locks; there is no ${label}` })
  if (lock.state === 'retired') throw lockRetired()
  return lock.id
}
