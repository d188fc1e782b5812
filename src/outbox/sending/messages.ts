import type { Message, UnlockFacts } from '../../domain/home-event.ts'
import type { Delivery, Missed } from '../core/delivery-store.ts'
import { guestProblemFrom } from '../core/guest-problem.ts'

export type Facts = {
  /** Returns an unlock or a denial as it is now. */
  readonly unlockFacts: (seq: number) => Promise<UnlockFacts | undefined>
  /** Returns the name of a guest, or undefined once the pass is erased. */
  readonly guestName: (passId: string) => Promise<string | undefined>
  /** Returns how many people wait to be let in. */
  readonly countWaiting: () => Promise<number>
}

/** Returns the message for a row as of now, or undefined if there is nothing left to send. */
export const messageOf = async (
  { unlockFacts, guestName, countWaiting }: Facts,
  targetId: string,
  { id, event, seq, about, createdAtMs }: Delivery,
): Promise<Message | undefined> => {
  if (event === 'unlocked' || event === 'denied' || event === 'guest.opened') {
    const unlock = seq === null ? undefined : await unlockFacts(seq)
    return unlock && { id: unlock.id, createdAtMs, about: { event, unlock } }
  }
  const own = { id: `${targetId}-${id}`, createdAtMs }
  if (event === 'guest.problem') {
    const problem = guestProblemFrom(about ?? '')
    const guest = problem && (await guestName(problem.passId))
    if (!problem || guest === undefined) return undefined
    return { ...own, about: { event, says: problem.says(guest) } }
  }
  if (event !== 'account.waiting') return { ...own, about: { event, says: about ?? '' } }
  const count = await countWaiting()
  return count === 0 ? undefined : { ...own, about: { event, count } }
}

/** Returns the digest of rows that were dropped and rows that have waited too long. */
export const digestOf = (
  targetId: string,
  gap: Missed | undefined,
  stale: Missed | undefined,
): Message => {
  const parts = [gap, stale].filter((part) => part !== undefined)
  const toMs = Math.max(...parts.map((part) => part.toMs))
  return {
    id: `${targetId}-${gap?.lastId ?? 0}-${stale?.lastId ?? 0}`,
    createdAtMs: toMs,
    about: {
      event: 'digest',
      unlocked: stale?.unlocked ?? 0,
      denied: stale?.denied ?? 0,
      others: stale?.others ?? 0,
      dropped: gap ? gap.unlocked + gap.denied + gap.others : 0,
      fromMs: Math.min(...parts.map((part) => part.fromMs)),
      toMs,
    },
  }
}
