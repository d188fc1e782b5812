import { AppError } from '../../errors.ts'
import { notAccepted } from '../../http/request/accepted.ts'
import type { Queries } from '../../storage/database.ts'
import { type Lock, locksIn } from '../registry/store.ts'
import type { GrantLocks } from './reads-store.ts'

/** Labels of a request; `all` also stands for locks that are added later. */
export type Labels = 'all' | readonly string[]

/** Returns the locks with these labels. A retired lock is accepted only if the grant being changed already has
 * it (`kept`). Throws `invalid` for an unknown label, and `conflict` for a retired lock. */
export const requireLocks = async (
  queries: Pick<Queries, 'all' | 'get' | 'run'>,
  labels: Labels,
  kept: GrantLocks = [],
): Promise<GrantLocks> => {
  if (labels === 'all') return 'all'
  const known = new Map((await locksIn(queries).all()).map((lock) => [lock.label, lock]))
  const isKept = (label: string) => kept !== 'all' && kept.some((lock) => lock.label === label)
  return [...new Set(labels)].map((label) => {
    const lock = known.get(label)
    if (!lock) throw unknownLock(labels.indexOf(label) + 1, [...known.values()])
    if (lock.state === 'retired' && !isKept(label))
      throw new AppError('conflict', LOCK_RETIRED, { reason: 'lock_retired' })
    return lock
  })
}

export const LOCK_RETIRED = 'A retired lock opens for nobody'

/** Names the label by its position, because answers never repeat input. */
const unknownLock = (place: number, locks: readonly Lock[]): AppError => {
  const labels = locks.filter(({ state }) => state !== 'retired').map(({ label }) => label)
  const named = labels.slice(0, NAMED_MAX).join(', ') + (labels.length > NAMED_MAX ? ', …' : '')
  return notAccepted({ locks: `labels of existing locks: ${named}; number ${place} is not one` })
}

/** Labels that a refusal names. */
const NAMED_MAX = 20
