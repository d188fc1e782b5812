import type { ComponentChildren } from 'preact'
import { ApiError, api } from '../../api/client.ts'
import { useLoad } from '../../api/load.ts'
import { type Person, isMyself, mayActOn, mayManage } from '../../api/person.ts'
import { role } from '../../api/session.ts'
import { MayOpen } from '../../components/door/may-open.tsx'
import { Note } from '../../components/feedback/states.tsx'
import { WhenLoaded } from '../../components/feedback/when-loaded.tsx'
import { Screen } from '../../components/layout/screen.tsx'
import { LockoutList } from '../../components/list/lockout-list.tsx'
import { PersonBadges } from '../../components/list/person-badges.tsx'
import { SessionList } from '../../components/list/session-list.tsx'
import { auditAddress } from '../../routing/audit-filter.ts'
import { peopleAddress } from '../../routing/people-filter.ts'
import { logAddress } from '../../routing/log-filter.ts'
import { lastDayText } from '../../time/last-day.ts'
import { Time } from '../../time/time.tsx'
import { PersonAccess } from './access.tsx'
import { PersonAdmission } from './admission.tsx'
import { PersonEndDate } from './end-date.tsx'
import { PersonErase } from './erase.tsx'
import { PersonRole } from './role.tsx'
import { PersonUnit } from './unit.tsx'

type Props = {
  readonly id: string
  /** The address of the list. */
  readonly back: string
  /** Called after each change, to reload the list. */
  readonly onChange: () => void
}

/** One account, and what an admin or owner can do with it. */
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
        title="No such account"
        lead={
          <>
            It was erased, or the address is wrong. <a href={back}>All people</a>
          </>
        }
      />
    )
  return (
    <Screen
      key="person"
      title={person?.username ?? 'Account'}
      lead={
        <a href={back}>
          <span aria-hidden="true">← </span>All people
        </a>
      }
      actions={person && <PersonBadges person={person} />}
    >
      <WhenLoaded what="account" loaded={loaded}>
        {(account) => (
          <>
            <Facts person={account} />
            <Sections person={account} back={back} onChange={change} />
          </>
        )}
      </WhenLoaded>
    </Screen>
  )
}

const Facts = ({ person }: { readonly person: Person }) => (
  <div class="sheet">
    <dl class="facts">
      <Fact term="Phone">{person.phone || '–'}</Fact>
      <Fact term="Address">{person.address || '–'}</Fact>
      <Fact term="Email">{person.email ?? '–'}</Fact>
      {person.unit !== null && (
        <Fact term="Unit">
          <a href={peopleAddress({ unit: person.unit })}>{person.unit}</a>
        </Fact>
      )}
      <Fact term="Registered">
        <Time at={person.created_at} format="exact" />
      </Fact>
      {person.ends_at !== null && (
        <Fact term={person.ended ? 'Access ended' : 'Access ends'}>
          {lastDayText(person.ends_at)}
        </Fact>
      )}
      {person.invitation && (
        <Fact term="Invited with">
          <a href="/console/invitations">
            {person.invitation.label
              ? `the invitation “${person.invitation.label}”`
              : 'an invitation'}
          </a>
        </Fact>
      )}
      <Fact term="Second factor">{person.second_factor ? 'On' : 'Off'}</Fact>
    </dl>
    <p class="links-in-line">
      <a href={logAddress({ account: person.id })}>Unlocks</a>
      {role.value === 'owner' && (
        <>
          <a href={auditAddress({ actor: person.id })}>What they did</a>
          <a href={auditAddress({ subject: person.id })}>Changes to the account</a>
        </>
      )}
    </p>
  </div>
)

type FactProps = { readonly term: string; readonly children: ComponentChildren }

const Fact = ({ term, children }: FactProps) => (
  <div>
    <dt>{term}</dt>
    <dd>{children}</dd>
  </div>
)

type SectionsProps = {
  readonly person: Person
  readonly back: string
  readonly onChange: () => void
}

/** The sections that the account that is logged in may use. */
const Sections = ({ person, back, onChange }: SectionsProps) => {
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
      {!mayManage(person) && !isOwn && <Note>Only an owner can change admins and owners.</Note>}
      {role.value === 'owner' && <PersonRole person={person} onChange={onChange} />}
      {mayManage(person) && <PersonUnit person={person} onChange={onChange} />}
      {mayManage(person) && !isOwn && person.role === 'member' && !person.disabled && (
        <PersonAdmission person={person} onChange={onChange} />
      )}
      {mayManage(person) && !isOwn && (
        <PersonEndDate key={person.ends_at} person={person} onChange={onChange} />
      )}
      <MayOpen person={{ id, username }} holder={`account:${id}`} />
      {mayManage(person) && !isOwn && <PersonAccess person={person} onChange={onChange} />}
      {mayActOn(person) && !isOwn && (
        <SessionList key={person.sessions} person={{ id, username }} />
      )}
      {mayActOn(person) && <LockoutList account={id} />}
      {mayManage(person) && !isOwn && (
        <PersonErase person={person} back={back} onErased={onChange} />
      )}
    </>
  )
}
