import type { Actor } from '../../domain/audit-event.ts'
import type { Queries } from '../../storage/database.ts'
import type { AuditIn } from '../../storage/unit-of-work.ts'
import { findAccountState } from '../core/account-state-store.ts'
import { type EndClock, hasEnded } from '../core/end-date.ts'
import { accountTransaction } from './account-transaction.ts'

type Dependencies = { readonly auditIn: AuditIn; readonly clock: EndClock }

/** Returns a function that lets in a waiting person, in the transaction of the change that lets them in, such
 * as a grant by name. It returns whether it did: accounts that are disabled or have ended are not let in. The
 * caller checks that `by` may act on the account. */
export const admission =
  ({ auditIn, clock }: Dependencies) =>
  async (tx: Queries, by: Actor, publicId: string): Promise<boolean> => {
    const account = await findAccountState(tx, publicId)
    if (!account || account.admitted || account.isDisabled || hasEnded(account, clock)) return false
    await accountTransaction(tx, clock).setAdmitted(account.id, true)
    const event = { action: 'account.admit', result: 'success', subject: publicId } as const
    await auditIn(tx).record(by, event)
    return true
  }
