import type { Account } from '../domain/account.ts'
import type { Actor } from '../domain/audit-event.ts'
import type { Clock } from '../domain/clock.ts'
import { DAY_MS } from '../domain/duration.ts'
import { AppError } from '../errors.ts'
import type { Database } from '../storage/database.ts'
import type { AuditIn } from '../storage/unit-of-work.ts'
import { acceptancesIn } from './acceptance-store.ts'
import type { Doctor } from './doctor.ts'

type Dependencies = {
  readonly db: Pick<Database, 'transaction'>
  readonly clock: Pick<Clock, 'wallMs'>
  readonly runChecks: Doctor
  readonly auditIn: AuditIn
}

export type Acceptances = ReturnType<typeof acceptanceService>

type By = Actor & { readonly account: Account }

export const NO_SUCH_WARNING = 'There is no such warning now; a fault cannot be accepted'

/** So that everything is looked at again at least once a year. */
const DAYS_MAX = 366

/** The rules of accepting warnings. */
export const acceptanceService = ({ db, clock, runChecks, auditIn }: Dependencies) => ({
  /** Accepts a warning until a time. Throws `not_found` if there is none with this id now, and
   * `invalid` for a time that is past or more than a year away. */
  accept: async (
    by: By,
    {
      id,
      reason,
      untilMs,
    }: { readonly id: string; readonly reason: string; readonly untilMs: number | undefined },
  ): Promise<void> => {
    const atMs = clock.wallMs()
    const findings = await runChecks({ seesOwners: true })
    if (!findings.some((finding) => finding.id === id))
      throw new AppError('not_found', NO_SUCH_WARNING)
    if (untilMs === undefined || untilMs <= atMs || untilMs > atMs + DAYS_MAX * DAY_MS)
      throw new AppError('invalid', 'Invalid until: a time within the next 366 days')
    await db.transaction(async (tx) => {
      await acceptancesIn(tx).put(id, { reason, untilMs, accountId: by.account.id, atMs })
      await auditIn(tx).record(by, {
        action: 'finding.accept',
        result: 'success',
        subject: id,
        detail: { until: new Date(untilMs).toISOString() },
      })
    })
  },

  /** Withdraws an acceptance. Throws `not_found` if none holds. */
  withdraw: (by: By, id: string): Promise<void> =>
    db.transaction(async (tx) => {
      if (!(await acceptancesIn(tx).remove(id, clock.wallMs())))
        throw new AppError('not_found', 'No such acceptance')
      await auditIn(tx).record(by, {
        action: 'finding.acceptance_withdraw',
        result: 'success',
        subject: id,
      })
    }),
})
