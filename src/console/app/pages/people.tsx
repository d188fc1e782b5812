import { useLocation, useRoute } from 'preact-iso/router'
import { useRef } from 'preact/hooks'
import { List } from '../components/list.tsx'
import { PersonBadges } from '../components/person-badges.tsx'
import { Screen } from '../components/screen.tsx'
import { Time } from '../components/time.tsx'
import { type Pages, usePages } from '../load.ts'
import {
  type PeopleFilter,
  type Person,
  peopleAddress,
  peopleFilter,
  personAddress,
} from '../people.ts'
import { usePlaceInList } from '../place-in-list.ts'
import { PeopleFilters } from './people-filters.tsx'
import { PersonPage } from './person.tsx'

const PAGE_ROWS = 50

/** Who has an account, and one of them at an address below: who comes back finds the list as it was. */
export const PeoplePage = () => {
  const { id } = useRoute().params
  const { query } = useLocation()
  const shown = useRef(peopleFilter({}))
  if (id === undefined) shown.current = peopleFilter(query)
  const filter = shown.current
  const pages = usePages<Person>('/v1/people', { ...filter, limit: PAGE_ROWS }, 'people')
  const leave = usePlaceInList(id !== undefined)
  if (id !== undefined)
    return <PersonPage key={id} id={id} back={peopleAddress(filter)} onChange={pages.reload} />
  return <People filter={filter} pages={pages} onLeave={leave} />
}

type Props = {
  readonly filter: PeopleFilter
  readonly pages: Pages<Person>
  readonly onLeave: (event: Event) => void
}

const People = ({ filter, pages, onLeave }: Props) => {
  const isNarrowed = Object.values(filter).some((value) => value !== '')
  return (
    <Screen
      title="People"
      lead="Who has an account at this door."
      actions={
        <a class="button" href="/console/invitations">
          Invite somebody
        </a>
      }
    >
      <PeopleFilters filter={filter} />
      <div onClickCapture={onLeave}>
        <List
          label="People"
          pages={pages}
          keyOf={({ id }) => id}
          row={(person) => <Row person={person} />}
          empty={
            isNarrowed ? (
              <>
                Nobody fits this. <a href={peopleAddress()}>Show all</a>
              </>
            ) : (
              'Nobody has an account yet.'
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
    <span class="quiet">{[person.phone, person.email].filter(Boolean).join(', ')}</span>
    <span class="end">
      joined <Time at={person.created_at} />
    </span>
  </a>
)
