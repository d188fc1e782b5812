import type { RecordAuditEvent } from '../../domain/audit-event.ts'
import { type Actor, requireAnotherOwner } from './authorization.ts'
import type {
  AccountTransactions,
  AccountTransaction,
  AccountState,
} from './account-transaction.ts'

export type Erasures = ReturnType<typeof erasureService>

type Dependencies = {
  readonly store: Pick<AccountTransactions, 'transaction' | 'pendingErasures' | 'endErasures'>
  /** Each removes what else is kept of a person, by public id; asked again, it finds the rest. */
  readonly traces: readonly ((publicId: string) => Promise<unknown>)[]
  readonly record: RecordAuditEvent
  readonly now: () => number
  /** Told why traces could not be removed; the next round tries again. */
  readonly report: (error: unknown) => void
}

const DAY_MS = 86_400_000

/** An unlock that was being received when its person was erased still brings the name in: so long
 * traces are looked for again. */
const UNDERWAY_MS_MAX = DAY_MS

/** The rules of erasing people. The account goes first, all at once, and leaves a mark; then what
 * is kept elsewhere, bit by bit, so that unlocks need not wait. Whatever comes between, the mark is
 * there, and a later round finishes: at the next start, with the next erasure, or within a day. */
export const erasureService = (deps: Dependencies) => {
  const { store, traces, record, now, report } = deps

  const finish = async (): Promise<void> => {
    const begunBeforeMs = now() - UNDERWAY_MS_MAX
    for (const publicId of await store.pendingErasures())
      for (const erase of traces) await erase(publicId)
    await store.endErasures(begunBeforeMs)
  }

  const resume = (): Promise<void> => finish().catch(report)
  const daily = setInterval(() => void resume(), DAY_MS)
  daily.unref()

  return {
    /** Erases the person whom `choose` gives, within the transaction that deletes the account.
     * Throws `conflict` for the last owner. */
    erase: async (
      by: Actor,
      choose: (changes: AccountTransaction) => Promise<AccountState>,
    ): Promise<void> => {
      await store.transaction(async (changes, tx) => {
        const person = await choose(changes)
        await requireAnotherOwner(changes, person)
        await changes.remove(person)
        const event = { action: 'account.erase', subject: person.publicId } as const
        await record(by, { ...event, result: 'success' }, tx)
      })
      await finish()
    },

    /** Finishes what was interrupted; never rejects. */
    resume,
    stop: (): void => clearInterval(daily),
  }
}
