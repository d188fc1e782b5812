import type { Static } from '@sinclair/typebox'
import { useLocation } from 'preact-iso/router'
import type { StatsAnswer } from '../../../unlocks/query/schema.ts'
import { api } from '../api.ts'
import { BarChart } from '../components/bar-chart.tsx'
import { RankTable } from '../components/rank-table.tsx'
import { ErrorState, Loading } from '../components/states.tsx'
import { useLoad } from '../load.ts'
import { logAddress } from '../log-filter.ts'
import { useReloadAt } from '../pulse.ts'
import { gateway } from '../session.ts'
import { LOCALE, counted } from '../words.ts'
import { addDays, dayIn, startOfDay } from '../zone.ts'

type Stats = Static<typeof StatsAnswer>

const SPANS = [7, 30, 90] as const
const SPAN_DEFAULT = 30

/** How often the door was opened, by day, hour, person and method. */
export const Charts = ({ pulse }: { readonly pulse: number }) => {
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
  useReloadAt(pulse, reload)
  return (
    <section aria-labelledby="often">
      <header class="title">
        <h2 id="often">How often</h2>
        <Spans days={days} />
      </header>
      {data ? (
        <Counts stats={data} firstDay={firstDay} days={days} />
      ) : error ? (
        <ErrorState error={error} onRetry={reload} />
      ) : (
        <Loading what="the counts" />
      )}
    </section>
  )
}

const Spans = ({ days }: { readonly days: number }) => (
  <nav class="segments" aria-label="Span">
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
    <p class="empty">Nobody was at the door in the last {span.days} days.</p>
  ) : (
    <>
      <p class="hint">
        {counted(total, 'opening')} in {span.days} days, refused ones counted, too.
      </p>
      <div class="charts">
        <div class="sheet">
          <BarChart
            title="By day"
            of="Day"
            labels={days.map(({ day }) => dayWords(day))}
            counts={days.map(({ count }) => count)}
          />
        </div>
        <div class="sheet">
          <BarChart
            title="By hour of the day"
            of="Hour"
            labels={hours.map((_, hour) => `${hour}:00`)}
            counts={hours}
          />
        </div>
        <div class="sheet">
          <RankTable
            title="By person"
            of="Person"
            rows={accounts.map(({ account, username, count }) => ({
              key: account ?? '',
              name: account ? (
                <a href={logAddress({ account, from: span.firstDay })}>{username ?? 'Erased'}</a>
              ) : (
                'Erased, or without an account'
              ),
              count,
            }))}
          />
        </div>
        <div class="sheet">
          <RankTable
            title="By method"
            of="Method"
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

/** `22 Nov`: a day of the calendar, whatever the zone. */
const dayWords = (day: string): string => DAY.format(new Date(`${day}T00:00:00Z`))

const DAY = new Intl.DateTimeFormat(LOCALE, { day: 'numeric', month: 'short', timeZone: 'UTC' })
