import type { Actor } from '../../domain/audit-event.ts'
import type { Clock } from '../../domain/clock.ts'
import { AppError } from '../../errors.ts'
import type { Database } from '../../storage/database.ts'
import { conditionsJson } from '../grants/conditions.ts'
import { asGrant } from '../grants/json.ts'
import { type GrantLocks, type StoredGrant, grantReads } from '../grants/reads-store.ts'
import type { Grants } from '../grants/service.ts'
import type { Lockdowns } from '../home/lockdown.ts'
import type { Operators } from '../operator/service.ts'
import { operatorsIn } from '../operator/store.ts'
import type { Locks } from '../registry/service.ts'
import type { Lock } from '../registry/store.ts'
import type { LiveAccess } from './live-access.ts'
import type { Suspensions } from './suspensions.ts'
import { raiseUses } from './uses-store.ts'

type Dependencies = {
  readonly db: Database
  readonly clock: Pick<Clock, 'nonDecreasingMs'>
  readonly locks: Pick<Locks, 'all' | 'change'>
  readonly lockdowns: Pick<Lockdowns, 'begin'>
  readonly grants: Pick<Grants, 'change' | 'revoke'>
  readonly operators: Pick<Operators, 'remove'>
  readonly suspensions: Pick<Suspensions, 'suspendIn'>
}

/** What was done to grants and locks again. */
export type Withdrawn = {
  readonly grants: number
  /** Passes and grants with counted uses that wait for an owner. */
  readonly suspended: number
  readonly locks: number
  /** Locks whose operator was removed. */
  readonly operators: number
}

/** Applies to a restored database what was withdrawn since the backup, so that it opens nothing to anybody who
 * may no longer: grants are revoked, changed and used up again, locks disabled, retired and locked down. A
 * grant that cannot be as it is now is revoked, and so is an operator that nothing shows to be still wanted. If it is not
 * known what was withdrawn, passes and grants with counted uses wait for an owner. Grants and locks made since are
 * lost. */
export const accessWithdrawals = (deps: Dependencies) => {
  const { db, clock, locks, lockdowns, operators, suspensions } = deps

  return async (by: Actor, live: LiveAccess): Promise<Withdrawn> => {
    const known = new Map((await locks.all()).map((lock) => [lock.label, lock]))
    let [grants, shut] = [0, 0]
    for (const grant of live.grants)
      if (await withdrawGrant(deps, by, { now: grant, known })) grants += 1
    const waiting = live.grants.filter(({ suspendedAtMs }) => suspendedAtMs !== null)
    const suspended = await db.transaction(async (tx) => {
      await raiseUses(tx, live.grants)
      const only = live.isKnown ? new Set(waiting.map(({ id }) => id)) : undefined
      return suspensions.suspendIn(tx, by, only)
    })
    for (const { label, state } of live.locks) {
      if ((known.get(label)?.state ?? state) === state) continue
      await locks.change(by, label, { state })
      shut += 1
    }
    for (const { lock, untilMs } of live.lockdowns) {
      const isOver = untilMs !== null && untilMs <= clock.nonDecreasingMs()
      if (isOver || (lock !== null && !known.has(lock))) continue
      await lockdowns.begin(by, {
        locks: lock === null ? undefined : [lock],
        untilMs: untilMs ?? undefined,
      })
      shut += 1
    }
    let closed = 0
    for (const [label, publicId] of await operatorsIn(db).all()) {
      if (live.operators.get(label) === publicId) continue
      await operators.remove(by, label)
      closed += 1
    }
    return { grants, suspended, locks: shut, operators: closed }
  }
}

type Known = { readonly now: StoredGrant; readonly known: ReadonlyMap<string, Lock> }

/** Returns whether the grant was another one at the time of the backup. */
const withdrawGrant = async (
  { db, clock, grants }: Dependencies,
  by: Actor,
  { now, known }: Known,
): Promise<boolean> => {
  const { id, revokedAtMs, revokedWhy: why } = now
  const then = await grantReads(db, clock.nonDecreasingMs()).find(id)
  if (!then || then.revokedAtMs !== null) return false
  if (revokedAtMs === null && now.version === then.version) return false
  const patch = {
    locks: labelsIn(known, now.locks),
    asked: conditionsJson(asGrant(now)),
  }
  const isChanged = revokedAtMs === null && patch.locks.length > 0
  if (isChanged && (await isDone(grants.change(by, { id, version: then.version, patch }))))
    return true
  await grants.revoke(by, id, why)
  return true
}

const labelsIn = (known: ReadonlyMap<string, Lock>, locks: GrantLocks) =>
  locks === 'all' ? locks : locks.flatMap(({ label }) => (known.has(label) ? [label] : []))

/** Returns false if it was refused, such as a grant that has ended. */
const isDone = async (change: Promise<unknown>): Promise<boolean> => {
  try {
    await change
    return true
  } catch (error) {
    if (error instanceof AppError && error.code !== 'unavailable') return false
    throw error
  }
}
