import type { Actor, AuditEvent } from '../../domain/audit-event.ts'
import type { AuditIn } from '../../storage/unit-of-work.ts'
import type { Clock } from '../../domain/clock.ts'
import { DAY_MS } from '../../domain/duration.ts'
import { repeating } from '../../domain/repeating.ts'
import type { Transaction } from '../../storage/database.ts'
import type { AccountState } from '../core/account-state-store.ts'
import { accountTransaction } from './account-transaction.ts'
import { requireAnotherOwner } from '../core/authorization.ts'
import type { ErasureStore } from './erasure-store.ts'

export type Erasures = ReturnType<typeof erasureService>

type Dependencies = {
  readonly store: ErasureStore
  /** Each erases what another module stores about an account, by public id. Calling it again erases
   * the rest. */
  readonly traces: readonly ((publicId: string) => Promise<unknown>)[]
  /** Finishes in a daily round what would hold up others during each erasure. */
  readonly finishTraces: () => Promise<unknown>
  /** Erases what must go with the account, in its transaction: what it may open. */
  readonly eraseAccessIn: (tx: Transaction, publicId: string) => Promise<void>
  readonly auditIn: AuditIn
  readonly clock: Pick<Clock, 'nonDecreasingMs'>
  /** Called if traces could not be erased; the next round tries again. */
  readonly report: (error: unknown) => void
}

/** An unlock that was being received when its account was erased still stores the name, so traces
 * are erased again for this long. */
const UNDERWAY_MS_MAX = DAY_MS

/** The rules of erasing people. The account is deleted first, in one transaction that leaves a
 * mark. Data elsewhere follows in small steps, so that unlocks need not wait. After an interruption
 * the mark is still there, and a later round finishes: at the next start, or within a day. */
export const erasureService = (deps: Dependencies) => {
  const { store, traces, finishTraces, auditIn, clock, report } = deps

  const finish = async (publicId: string): Promise<void> => {
    for (const erase of traces) await erase(publicId)
  }

  const tryToFinish = async (publicIds: readonly string[]): Promise<void> => {
    for (const publicId of publicIds) await finish(publicId).catch(report)
  }

  const finishAll = async (): Promise<void> => {
    const begunBeforeMs = clock.nonDecreasingMs() - UNDERWAY_MS_MAX
    for (const publicId of await store.pending()) await finish(publicId)
    await finishTraces()
    await store.removeMarks(begunBeforeMs)
  }

  const daily = repeating(async () => {
    await finishAll().catch(report)
    return DAY_MS
  })

  return {
    /** Deletes the account; call `finish` after COMMIT. Throws `conflict` for the last owner. */
    eraseIn: async (
      tx: Transaction,
      by: Actor,
      account: AccountState,
      detail?: AuditEvent['detail'],
    ): Promise<void> => {
      const accounts = accountTransaction(tx, clock)
      await requireAnotherOwner(accounts, account)
      const { publicId: subject } = account
      await deps.eraseAccessIn(tx, subject)
      await accounts.remove(account)
      const event = { action: 'account.erase', result: 'success', subject } as const
      await auditIn(tx).record(by, { ...event, ...(detail ? { detail } : {}) })
    },

    /** Erases what is stored elsewhere about an account. */
    finish,

    /** Like `finish`, but reports a failure, which the next round makes up for. Never rejects. */
    tryToFinish,

    /** Erases what is stored elsewhere about all marked accounts, now, then once a day. Reports a failure and never
     * rejects. */
    apply: daily.apply,
    stop: daily.stop,
  }
}
