import { ApiError, api } from '../api.ts'
import { PersonBadges } from '../components/person-badges.tsx'
import { Screen } from '../components/screen.tsx'
import { SessionList } from '../components/session-list.tsx'
import { Note } from '../components/states.tsx'
import { Time } from '../components/time.tsx'
import { WaitList } from '../components/wait-list.tsx'
import { WhenLoaded } from '../components/when-loaded.tsx'
import { auditAddress } from '../audit-filter.ts'
import { useLoad } from '../load.ts'
import { type Person, isMyself, mayManage } from '../people.ts'
import { role } from '../session.ts'
import { PersonAccess } from './person-access.tsx'
import { PersonErase } from './person-erase.tsx'
import { PersonRole } from './person-role.tsx'

type Props = {
  readonly id: string
  /** Where the list stands that leads here. */
  readonly back: string
  /** Told when the list is not true any more. */
  readonly onChange: () => void
}

/** One person: who they are, what they may do, and what an admin or owner does about it. */
export const PersonPage = ({ id, back, onChange }: Props) => {
  const loaded = useLoad(`person ${id}`, (signal) =>
    api.get<Person>(`/v1/people/${encodeURIComponent(id)}`, { signal }),
  )
  const { data: person, error, reload } = loaded
  const change = (): void => {
    reload()
    onChange()
  }
  const isGone = error instanceof ApiError && error.status === 404
  if (isGone)
    return (
      <Screen
        key="gone"
        title="No such person"
        lead={
          <>
            The account was erased, or the address is wrong. <a href={back}>All people</a>
          </>
        }
      />
    )
  return (
    <Screen
      key="person"
      title={person?.username ?? 'Person'}
      lead={
        <>
          <a href={back}>All people</a>{' '}
        </>
      }
      actions={person && <PersonBadges person={person} />}
    >
      <WhenLoaded what="the account" loaded={loaded}>
        {(one) => (
          <>
            <Facts person={one} />
            <Parts person={one} back={back} onChange={change} />
          </>
        )}
      </WhenLoaded>
    </Screen>
  )
}

const Facts = ({ person }: { readonly person: Person }) => (
  <div class="sheet">
    <dl class="facts">
      <Fact name="Phone">{person.phone || '–'}</Fact>
      <Fact name="Address">{person.address || '–'}</Fact>
      <Fact name="Email">{person.email ?? '–'}</Fact>
      <Fact name="Account since">
        <Time at={person.created_at} form="exact" />
      </Fact>
      {person.invitation && (
        <Fact name="Came by">
          <a href="/console/invitations">
            {person.invitation.label
              ? `the invitation “${person.invitation.label}”`
              : 'an invitation'}
          </a>
        </Fact>
      )}
      <Fact name="Second factor">{person.second_factor ? 'On' : 'Off'}</Fact>
    </dl>
    <p class="links-in-line">
      <a href={`/console/log?account=${person.id}`}>Their openings</a>
      {role.value === 'owner' && (
        <>
          <a href={auditAddress({ actor: person.id })}>What they did</a>
          <a href={auditAddress({ subject: person.id })}>What was done to the account</a>
        </>
      )}
    </p>
  </div>
)

const Fact = ({ name, children }: { readonly name: string; readonly children: unknown }) => (
  <div>
    <dt>{name}</dt>
    <dd>{children as string}</dd>
  </div>
)

type PartsProps = {
  readonly person: Person
  readonly back: string
  readonly onChange: () => void
}

/** What this page’s person may do here. */
const Parts = ({ person, back, onChange }: PartsProps) => {
  const { id, username } = person
  const isOwn = isMyself(person)
  return (
    <>
      {isOwn && (
        <Note>
          This is you. Your password, second factor and data are under{' '}
          <a href="/console/myself">Myself</a>.
        </Note>
      )}
      {!mayManage(person) && !isOwn && <Note>Only an owner changes admins and owners.</Note>}
      {role.value === 'owner' && <PersonRole person={person} onChange={onChange} />}
      {mayManage(person) && !isOwn && <PersonAccess person={person} onChange={onChange} />}
      {!isOwn && <SessionList key={person.sessions} person={{ id, username }} />}
      <WaitList account={id} />
      {mayManage(person) && !isOwn && (
        <PersonErase person={person} back={back} onErased={onChange} />
      )}
    </>
  )
}
