import { rest, takeTurn } from '../../domain/event-loop.ts'
import type { Database, Transaction } from '../../storage/database.ts'
import type { GrantReading } from '../grants/reading.ts'
import type { Grants } from '../grants/service.ts'
import { eraseFromLockdowns } from '../home/lockdown-store.ts'
import { operatorsIn } from '../operator/store.ts'
import { type PersonalAttempt, attemptsIn } from './store.ts'

type Dependencies = {
  readonly db: Database
  readonly grants: Pick<Grants, 'eraseIn'>
  readonly reading: Pick<GrantReading, 'page'>
}

const GRANTS_PER_PAGE = 50
const ATTEMPTS_PER_STEP = 500

/** What this room knows about a person, for export and erasure. */
export const personalAccess = ({ db, grants, reading }: Dependencies) => ({
  /** Revokes and blanks everything that an account was granted, and forgets what it did, in the transaction
   * that erases it. */
  eraseIn: async (tx: Transaction, publicId: string): Promise<void> => {
    await grants.eraseIn(tx, publicId)
    await eraseFromLockdowns(tx, publicId)
    await operatorsIn(tx).eraseAccount(publicId)
  },

  /** Deletes the attempts of an account that has been erased, in small steps. */
  eraseAttemptsOf: async (publicId: string): Promise<void> => {
    for (let removed = ATTEMPTS_PER_STEP; removed === ATTEMPTS_PER_STEP;) {
      const begunMs = performance.now()
      removed = await db.transaction((tx) => attemptsIn(tx).remove(publicId, ATTEMPTS_PER_STEP))
      if (removed === ATTEMPTS_PER_STEP) await rest(performance.now() - begunMs)
    }
  },

  /** Yields the grants made to an account itself, newest first, as the account sees them. */
  grantsOf: async function* (publicId: string, signal: AbortSignal) {
    const viewer = { publicId, role: 'member', admitted: false } as const
    let cursor: string | undefined
    do {
      const page = { filter: {}, cursor, limit: GRANTS_PER_PAGE, signal }
      const { grants: found, next } = await reading.page(viewer, page)
      if (found.length > 0) yield found
      cursor = next ?? undefined
    } while (cursor !== undefined)
  },

  /** Yields what an account tried to open in the last 30 days. */
  attemptsOf: async function* (publicId: string, signal: AbortSignal) {
    let found: readonly PersonalAttempt[] = []
    do {
      await takeTurn(signal)
      found = await attemptsIn(db).page(publicId, found.at(-1)?.id ?? '', ATTEMPTS_PER_STEP)
      if (found.length > 0) yield found.map(attemptJson)
    } while (found.length === ATTEMPTS_PER_STEP)
  },
})

const attemptJson = ({ grantId, decidedAtMs, ...attempt }: PersonalAttempt) => ({
  ...attempt,
  grant: grantId,
  at: new Date(decidedAtMs).toISOString(),
})
