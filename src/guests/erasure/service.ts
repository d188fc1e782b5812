import { type Actor, GATEWAY } from '../../domain/audit-event.ts'
import type { Clock } from '../../domain/clock.ts'
import { HOUR_MS } from '../../domain/duration.ts'
import { rest } from '../../domain/event-loop.ts'
import { repeating } from '../../domain/repeating.ts'
import type { Logger } from '../../http/log/logger.ts'
import type { Database, Transaction } from '../../storage/database.ts'
import type { AuditIn } from '../../storage/unit-of-work.ts'
import { erasureIn } from './store.ts'

export type GuestErasure = ReturnType<typeof guestErasure>

type Dependencies = {
  readonly db: Database
  readonly clock: Pick<Clock, 'nonDecreasingMs'>
  readonly logger: Logger
  readonly auditIn: AuditIn
  /** How long after the end of a pass its guest is erased. */
  readonly keepMs: number
  /** True while the clock cannot be trusted. */
  readonly isClockDoubted: () => boolean
  /** Erases what the unlock log has about a guest. */
  readonly eraseFromLog: (passId: string) => Promise<unknown>
  /** Erases the terms of the grant of a pass. */
  readonly eraseGrantIn: (tx: Transaction, passId: string) => Promise<void>
}

const ATTEMPTS_PER_STEP = 500
const PASSES_PER_STEP = 50

/** Erases guests: name, link, keys, cookies, devices, terms, attempts and what the unlock log says about them; the
 * leaves stay. What is interrupted is finished in the next round, at the next start or within an hour. */
export const guestErasure = (deps: Dependencies) => {
  const { db, clock, logger, auditIn } = deps

  const finish = async (id: string): Promise<void> => {
    for (let removed = ATTEMPTS_PER_STEP; removed === ATTEMPTS_PER_STEP;) {
      const begunMs = performance.now()
      removed = await db.transaction((tx) => erasureIn(tx).eraseAttempts(id, ATTEMPTS_PER_STEP))
      if (removed === ATTEMPTS_PER_STEP) await rest(performance.now() - begunMs)
    }
    await deps.eraseFromLog(id)
    await db.transaction((tx) => deps.eraseGrantIn(tx, id))
  }

  const erase = async (by: Actor, id: string): Promise<void> => {
    await db.transaction(async (tx) => {
      if (!(await erasureIn(tx).erasePass(id, clock.nonDecreasingMs()))) return
      const event = { action: 'pass.erase', result: 'success', subject: `pass:${id}` } as const
      await auditIn(tx).record(by, event)
    })
    await finish(id)
  }

  const run = async (): Promise<void> => {
    for (const id of await erasureIn(db).unfinished()) await finish(id)
    if (deps.isClockDoubted()) return
    const endedBeforeMs = clock.nonDecreasingMs() - deps.keepMs
    for (;;) {
      const due = await erasureIn(db).due(endedBeforeMs, PASSES_PER_STEP)
      for (const id of due) await erase(GATEWAY, id)
      if (due.length < PASSES_PER_STEP) return
    }
  }

  const runOrLog = async (): Promise<number> => {
    try {
      await run()
    } catch (error) {
      logger.error({ err: error }, 'guests not erased')
    }
    return HOUR_MS
  }

  /** Erases the guests whose time is over, now, then once an hour. Never rejects. */
  return { erase, ...repeating(runOrLog) }
}
