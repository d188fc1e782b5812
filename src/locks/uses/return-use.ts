import { GATEWAY } from '../../domain/audit-event.ts'
import type { Transaction } from '../../storage/database.ts'
import type { Changes } from '../core/changes.ts'
import { personOfText, subjectOfText } from '../grants/holder.ts'
import { usesIn } from './store.ts'

/** Returns a counted use to its grant, with its record and audit event, in the transaction that stores why an
 * attempt failed. Does nothing for an attempt that counted no use, or if an attempt of the same visit opened the lock
 * or may have. */
export type ReturnUseIn = (tx: Transaction, attemptId: string) => Promise<void>

export const useReturns =
  ({ note }: Pick<Changes, 'note'>): ReturnUseIn =>
  async (tx, attemptId) => {
    const uses = usesIn(tx)
    const use = await uses.findUnopened(attemptId)
    if (!use) return
    await uses.giveBack(use)
    const { grantId, holder, number, max, accountPublicId } = use
    const what = { grant: grantId, use: number, uses_max: max }
    await note(tx, GATEWAY, {
      kind: 'grant.use_returned',
      action: 'grant.use_return',
      subject: subjectOfText(holder),
      about: `grant:${grantId}`,
      person: personOfText(holder) ?? accountPublicId,
      detail: what,
      body: what,
    })
  }
