import type { Static } from '@sinclair/typebox'
import { useLocation } from 'preact-iso/router'
import type { StatsAnswer } from '../../../../unlocks/query/schema.ts'
import { api } from '../../api/client.ts'
import { BarChart } from '../../components/chart/bar-chart.tsx'
import { RankTable } from '../../components/chart/rank-table.tsx'
import { ErrorState, Loading } from '../../components/feedback/states.tsx'
import { useLoad } from '../../api/load.ts'
import { logAddress } from '../../routing/log-filter.ts'
import { useReloadOn } from '../../api/refresh.ts'
import { gateway } from '../../api/session.ts'
import { counted, dayText } from '../../words/format.ts'
import { addDays, dayIn, startOfDay } from '../../time/zone.ts'

type Stats = Static<typeof StatsAnswer>

const SPANS = [7, 30, 90] as const
const SPAN_DEFAULT = 30

/** How often the door was unlocked, by day, hour, person and method. */
export const Charts = ({ refresh }: { readonly refresh: number }) => {
  const { query } = useLocation()
  const days = SPANS.find((span) => String(span) === query['days']) ?? SPAN_DEFAULT
  const zone = gateway.value?.zone ?? 'UTC'
  const firstDay = addDays(dayIn(zone, Date.now()), 1 - days)
  const { data, error, reload } = useLoad(`stats ${zone} ${firstDay}`, (signal) =>
    api.get<Stats>('/v1/unlocks/stats', {
      query: { zone, from: new Date(startOfDay(zone, firstDay)).toISOString() },
      signal,
    }),
  )
  useReloadOn(refresh, reload)
  return (
    <section aria-labelledby="activity">
      <header class="title">
        <h2 id="activity">Activity</h2>
        <Spans days={days} />
      </header>
      {data ? (
        <Counts stats={data} firstDay={firstDay} days={days} />
      ) : error ? (
        <ErrorState error={error} onRetry={reload} />
      ) : (
        <Loading what="activity" />
      )}
    </section>
  )
}

const Spans = ({ days }: { readonly days: number }) => (
  <nav class="segments" aria-label="Period">
    {SPANS.map((span) => (
      <a
        key={span}
        href={`/console?days=${span}`}
        aria-current={span === days ? 'true' : undefined}
      >
        {span} days
      </a>
    ))}
  </nav>
)

type CountsProps = {
  readonly stats: Stats
  readonly firstDay: string
  readonly days: number
}

const Counts = ({ stats: { total, days, hours, accounts, methods }, ...span }: CountsProps) =>
  total === 0 ? (
    <p class="empty">No unlocks in the last {span.days} days.</p>
  ) : (
    <>
      <p class="hint">
        {counted(total, 'unlock')} in {span.days} days, including those turned away.
      </p>
      <div class="charts">
        <div class="sheet">
          <BarChart
            title="By day"
            heading="Day"
            labels={days.map(({ day }) => dayText(day))}
            counts={days.map(({ count }) => count)}
          />
        </div>
        <div class="sheet">
          <BarChart
            title="By hour of the day"
            heading="Hour"
            labels={hours.map((_, hour) => `${hour}:00`)}
            counts={hours}
          />
        </div>
        <div class="sheet">
          <RankTable
            title="By person"
            heading="Person"
            rows={accounts.map(({ account, username, count }) => ({
              key: account ?? '',
              name: account ? (
                <a href={logAddress({ account, from: span.firstDay })}>
                  {username ?? 'Erased person'}
                </a>
              ) : (
                'Erased or without an account'
              ),
              count,
            }))}
          />
        </div>
        <div class="sheet">
          <RankTable
            title="By method"
            heading="Method"
            rows={methods.map(({ method, count }) => ({
              key: method ?? '',
              name:
                method === null ? (
                  'Erased'
                ) : (
                  <a href={logAddress({ method, from: span.firstDay })}>{method}</a>
                ),
              count,
            }))}
          />
        </div>
      </div>
    </>
  )
