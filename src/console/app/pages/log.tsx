import type { Static } from '@sinclair/typebox'
import { useLocation, useRoute } from 'preact-iso/router'
import { useEffect, useRef } from 'preact/hooks'
import type { PeopleAnswer } from '../../../accounts/people/schema.ts'
import { api } from '../api.ts'
import { List } from '../components/list.tsx'
import { OpeningRow } from '../components/opening-row.tsx'
import { Screen } from '../components/screen.tsx'
import { type Pages, useLoad, usePages } from '../load.ts'
import { type LogFilter, apiFilter, logAddress, logFilter } from '../log-filter.ts'
import { isAtLeast } from '../nav.ts'
import type { Opening } from '../opening.ts'
import { gateway, role } from '../session.ts'
import { EventPage } from './log-event.tsx'
import { LogFiles } from './log-files.tsx'
import { Filters, Narrowed, type Person } from './log-filters.tsx'

const PAGE_ROWS = 50

/** The log, and one event of it at an address below: who comes back finds the list as it was left. */
export const LogPage = () => {
  const { id } = useRoute().params
  const { query } = useLocation()
  const shown = useRef<LogFilter>(logFilter({}))
  if (id === undefined) shown.current = logFilter(query)
  const filter = shown.current
  const zone = gateway.value?.zone ?? 'UTC'
  const pages = usePages<Opening>(
    '/v1/unlocks',
    { ...apiFilter(filter, zone), limit: PAGE_ROWS },
    'unlocks',
  )
  const left = useRef<Place | undefined>(undefined)
  useEffect(() => {
    if (id !== undefined || !left.current) return
    const { scrolled, row } = left.current
    left.current = undefined
    scrollTo(0, scrolled)
    document.getElementById(row)?.focus({ preventScroll: true })
  }, [id])
  if (id !== undefined) return <EventPage id={id} back={logAddress(filter)} />
  return (
    <Log
      filter={filter}
      pages={pages}
      onLeave={(place) => {
        left.current = place
      }}
    />
  )
}

/** Where somebody was in the list. */
type Place = { readonly scrolled: number; readonly row: string }

type Props = {
  readonly filter: LogFilter
  readonly pages: Pages<Opening>
  readonly onLeave: (place: Place) => void
}

const Log = ({ filter, pages, onLeave }: Props) => {
  const isMember = !isAtLeast(role.value, 'admin')
  const people = usePeople(isMember)
  const isNarrowed = Object.values(filter).some((value) => value !== '')
  return (
    <Screen title={isMember ? 'My openings' : 'Log'}>
      <Filters filter={filter} people={people} rows={pages.rows ?? []} onAgain={pages.reload} />
      <Narrowed filter={filter} people={people} rows={pages.rows ?? []} />
      <LogFiles filter={filter} />
      <div
        onClickCapture={({ target }) => {
          const row = target instanceof Element ? target.closest('a') : null
          if (row) onLeave({ scrolled: scrollY, row: row.id })
        }}
      >
        <List
          label="Openings"
          pages={pages}
          keyOf={({ seq }) => seq}
          row={(opening) => <OpeningRow opening={opening} />}
          empty={
            isNarrowed ? (
              <>
                Nothing in the log fits this. <a href={logAddress({})}>Show all of it</a>
              </>
            ) : (
              'Nobody has opened the door yet. The phone app records each opening here.'
            )
          }
        />
      </div>
    </Screen>
  )
}

const PEOPLE_MAX = 200

/** Whom the log can be narrowed to: a member is the only one who they see. */
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
  return (data ?? []).toSorted((one, other) => one.username.localeCompare(other.username))
}
