import { useLocation, useRoute } from 'preact-iso/router'
import { useRef } from 'preact/hooks'
import { type Pages, usePages } from '../../api/load.ts'
import type { Person } from '../../api/person.ts'
import { Screen } from '../../components/layout/screen.tsx'
import { List } from '../../components/list/list.tsx'
import { PersonBadges } from '../../components/list/person-badges.tsx'
import { WaitingList } from '../../components/list/waiting-list.tsx'
import { useListPosition } from '../../routing/list-position.ts'
import {
  type PeopleFilter,
  peopleAddress,
  peopleFilter,
  personAddress,
} from '../../routing/people-filter.ts'
import { Time } from '../../time/time.tsx'
import { PeopleFilters } from './filters.tsx'
import { PersonPage } from './person-page.tsx'

const PAGE_ROWS = 50

/** Lists the accounts, or shows one of them at an address below. The list stays loaded, so that it
 * is as before when somebody returns to it. */
export const PeoplePage = () => {
  const { id } = useRoute().params
  const { query } = useLocation()
  const shown = useRef(peopleFilter({}))
  if (id === undefined) shown.current = peopleFilter(query)
  const filter = shown.current
  const pages = usePages<Person>('/v1/people', { ...filter, limit: PAGE_ROWS }, 'people')
  const rememberRow = useListPosition(id !== undefined)
  if (id !== undefined)
    return <PersonPage key={id} id={id} back={peopleAddress(filter)} onChange={pages.reload} />
  return <People filter={filter} pages={pages} onLeave={rememberRow} />
}

type Props = {
  readonly filter: PeopleFilter
  readonly pages: Pages<Person>
  readonly onLeave: (event: Event) => void
}

const People = ({ filter, pages, onLeave }: Props) => {
  const isFiltered = Object.values(filter).some((value) => value !== '')
  return (
    <Screen
      title="People"
      lead="Everyone with an account."
      actions={
        <a class="button" href="/console/invitations">
          Invite someone
        </a>
      }
    >
      <WaitingList onChange={pages.reload} />
      <PeopleFilters filter={filter} />
      <div onClickCapture={onLeave}>
        <List
          label="People"
          pages={pages}
          keyOf={({ id }) => id}
          row={(person) => <Row person={person} />}
          empty={
            isFiltered ? (
              <>
                No matches. <a href={peopleAddress()}>Show all</a>
              </>
            ) : (
              'There are no accounts yet.'
            )
          }
        />
      </div>
    </Screen>
  )
}

const Row = ({ person }: { readonly person: Person }) => (
  <a class="row" id={`person-${person.id}`} href={personAddress(person.id)}>
    <strong>{person.username}</strong>
    <PersonBadges person={person} />
    {person.unit !== null && <span>{person.unit}</span>}
    <span class="quiet">{[person.phone, person.email].filter(Boolean).join(', ')}</span>
    <span class="end">
      registered <Time at={person.created_at} />
    </span>
  </a>
)
