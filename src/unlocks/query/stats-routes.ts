import type { Clock } from '../../domain/clock.ts'
import { DAY_MS } from '../../domain/duration.ts'
import { sharedWork } from '../../domain/shared-work.ts'
import { AppError } from '../../errors.ts'
import { HEAVY_READ_REFUSED, problem } from '../../http/answers.ts'
import { type Endpoint, endpoint } from '../../http/endpoint.ts'
import { EVENT_EXAMPLE } from '../log/schema.ts'
import { StatsAnswer, StatsQuery } from './schema.ts'
import type { UnlockCounts } from './stats-store.ts'
import { NAMES_MAX, type Stats, unlockStats } from './stats.ts'
import { WHO_SEES, visibleFilter } from './visibility.ts'

type Dependencies = {
  readonly counts: UnlockCounts
  /** Returns the size of the log. */
  readonly size: () => Promise<number>
  readonly clock: Pick<Clock, 'wallMs'>
}

/** Statistics of unlocks. */
export const statsRoutes = (deps: Dependencies): readonly Endpoint[] => [stats(deps)]

const DAYS_DEFAULT = 30
const DAYS_MAX = 400

const stats = ({ counts, size, clock }: Dependencies) => {
  const shared = sharedWork<Stats>()
  return endpoint(
    {
      method: 'GET',
      path: '/v1/unlocks/stats',
      access: 'member',
      scope: 'unlocks:read',
      tag: 'Unlocks',
      operationId: 'getUnlockStatistics',
      summary: 'Count unlocks',
      description:
        `${WHO_SEES}Counts by day and hour in a time zone, by method and by account, for the last ` +
        `${DAYS_DEFAULT} days by default and ${DAYS_MAX} days at most. Each unlock counts when it happened ` +
        '(`happened_at`), even if that is uncertain. Refused logins ' +
        '(`too_many_attempts`) do not count. Methods that ' +
        'differ only in case or composition count as one. Lists the ' +
        `${NAMES_MAX} methods and accounts with the most unlocks. Erased fields are null.`,
      query: StatsQuery,
      isHeavy: () => true,
      answers: {
        200: {
          description: 'Counts',
          schema: StatsAnswer,
          example: {
            zone: 'Europe/Berlin',
            from: '2026-11-21T23:00:00.000Z',
            to: '2026-11-22T23:00:00.000Z',
            total: 1,
            days: [{ day: '2026-11-22', count: 1 }],
            hours: Array.from({ length: 24 }, (_, hour) => Number(hour === 19)),
            methods: [{ method: 'fingerprint', count: 1 }],
            accounts: [{ account: EVENT_EXAMPLE.account, username: 'ada', count: 1 }],
          },
        },
        ...HEAVY_READ_REFUSED,
        400: problem(400, 'invalid', 'Unknown zone; name one of the IANA time zone database'),
      },
    },
    async ({ query, account, signal }) => {
      const { zone = 'UTC' } = query
      const filter = visibleFilter(query, account)
      const { toMs = clock.wallMs() + 1 } = filter
      const fromMs = filter.fromMs ?? Math.max(toMs - DAYS_DEFAULT * DAY_MS, 0)
      if (fromMs >= toMs || toMs - fromMs > DAYS_MAX * DAY_MS)
        throw new AppError('invalid', `Needs from < to, and no more than ${DAYS_MAX} days`, {
          fields: { to: `a time after \`from\`, at most ${DAYS_MAX} days later` },
        })
      const { account: whose, unit } = filter
      // Consoles that follow the log ask for the same at the same time. The size is part of the key, so
      // that an answer counts everything recorded before its request.
      const key = JSON.stringify([await size(), zone, whose, unit, query.from, query.to])
      const { total, days, hours, methods, accounts } = await shared(key, signal, (ending) =>
        unlockStats(counts, { zone, account: whose, unit, fromMs, toMs, signal: ending }),
      )
      return {
        zone,
        from: new Date(fromMs).toISOString(),
        to: new Date(toMs).toISOString(),
        total,
        days: [...days].map(([day, count]) => ({ day, count })),
        hours: [...hours],
        methods: [...methods],
        accounts: [...accounts],
      }
    },
  )
}
