import type { Static } from '@sinclair/typebox'
import { useLocation, useRoute } from 'preact-iso/router'
import { useRef } from 'preact/hooks'
import type { PeopleAnswer } from '../../../../accounts/people/schema.ts'
import { api } from '../../api/client.ts'
import { type Pages, useLoad, usePages } from '../../api/load.ts'
import { gateway, role } from '../../api/session.ts'
import { Screen } from '../../components/layout/screen.tsx'
import { List } from '../../components/list/list.tsx'
import { UnlockRow } from '../../components/list/unlock-row.tsx'
import { useListPosition } from '../../routing/list-position.ts'
import { type LogFilter, logAddress, logFilter, logQuery } from '../../routing/log-filter.ts'
import { isAtLeast } from '../../routing/sections.ts'
import { withoutRepeats } from '../../words/repeats.ts'
import type { Unlock } from '../../words/unlock.ts'
import { LogExport } from './export.tsx'
import { ActiveFilters, Filters, type Person } from './filters.tsx'
import { UnlockPage } from './unlock-page.tsx'

const PAGE_ROWS = 50

/** Lists the unlocks, or shows one of them at an address below. The list stays loaded, so that it is
 * as before when somebody returns to it. */
export const LogPage = () => {
  const { id } = useRoute().params
  const { query } = useLocation()
  const shown = useRef<LogFilter>(logFilter({}))
  if (id === undefined) shown.current = logFilter(query)
  const filter = shown.current
  const zone = gateway.value?.zone ?? 'UTC'
  const pages = usePages<Unlock>(
    '/v1/unlocks',
    { ...logQuery(filter, zone), limit: PAGE_ROWS },
    'unlocks',
  )
  const rememberRow = useListPosition(id !== undefined)
  if (id !== undefined) return <UnlockPage id={id} back={logAddress(filter)} />
  return <Log filter={filter} pages={pages} onLeave={rememberRow} />
}

type Props = {
  readonly filter: LogFilter
  readonly pages: Pages<Unlock>
  readonly onLeave: (event: Event) => void
}

const Log = ({ filter, pages, onLeave }: Props) => {
  const isMember = !isAtLeast(role.value, 'admin')
  const people = usePeople(isMember)
  const isFiltered = Object.values(filter).some((value) => value !== '')
  return (
    <Screen title={isMember ? 'My unlocks' : 'Log'}>
      <Filters filter={filter} people={people} rows={pages.rows ?? []} onRepeat={pages.reload} />
      <ActiveFilters filter={filter} people={people} rows={pages.rows ?? []} />
      <LogExport filter={filter} />
      <div onClickCapture={onLeave}>
        <List
          label="Unlocks"
          pages={{ ...pages, rows: pages.rows && withoutRepeats(pages.rows) }}
          keyOf={({ seq }) => seq}
          row={(unlock) => <UnlockRow unlock={unlock} />}
          empty={
            isFiltered ? (
              <>
                No matches. <a href={logAddress({})}>Show all unlocks</a>
              </>
            ) : (
              'No unlocks yet. Each one that the phone app reports appears here.'
            )
          }
        />
      </div>
    </Screen>
  )
}

const PEOPLE_MAX = 200

/** Loads the people to filter by. A member has none, because they see only their own unlocks. */
const usePeople = (isMember: boolean): readonly Person[] => {
  const { data } = useLoad(`people of the log ${isMember}`, async (signal) =>
    isMember
      ? []
      : (
          await api.get<Static<typeof PeopleAnswer>>('/v1/people', {
            query: { limit: PEOPLE_MAX },
            signal,
          })
        ).people,
  )
  return [...(data ?? [])].sort((a, b) => a.username.localeCompare(b.username))
}
