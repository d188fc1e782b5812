import type { Static } from '@sinclair/typebox'
import { useRef, useState } from 'preact/hooks'
import type { PeopleAnswer } from '../../../../accounts/people/schema.ts'
import { api } from '../../api/client.ts'
import { useLoad } from '../../api/load.ts'
import type { Person } from '../../api/person.ts'
import { useRefreshSignal, useReloadOn } from '../../api/refresh.ts'
import { WAITING, peopleAddress, personAddress } from '../../routing/people-filter.ts'
import { Time } from '../../time/time.tsx'
import { ErrorState } from '../feedback/states.tsx'
import { showToast } from '../feedback/toast.tsx'
import { Action } from '../form/action.tsx'
import { Button } from '../form/button.tsx'
import { Confirm } from '../form/dialog.tsx'
import { Section } from '../layout/section.tsx'
import { EraseWaiting } from './erase-waiting.tsx'

const SHOWN_MAX = 5

type Props = {
  /** Called after somebody was let in or refused. */
  readonly onChange?: () => void
}

/** The people who registered without an invitation and wait to be let in, newest first. Shows nothing
 * while nobody does. */
export const WaitingList = ({ onChange }: Props) => {
  const { data, error, reload } = useLoad('waiting people', (signal) =>
    api.get<Static<typeof PeopleAnswer>>('/v1/people', {
      query: { ...WAITING, limit: SHOWN_MAX },
      signal,
    }),
  )
  useReloadOn(useRefreshSignal(undefined), reload)
  const heading = useRef<HTMLHeadingElement>(null)
  // The section stays after the last one, so that the focus has a place.
  const isNeeded = useRef(false)
  const people = data?.people ?? []
  if (people.length > 0) isNeeded.current = true
  if (error !== undefined && !data) return <ErrorState error={error} onRetry={reload} />
  if (!isNeeded.current) return null
  const decided = (message: string): void => {
    showToast(message)
    heading.current?.focus()
    reload()
    onChange?.()
  }
  const hasMore = Boolean(data?.next)
  return (
    <Section
      title={titleFor(people, hasMore)}
      lead={
        people.length > 0 &&
        'Anyone on the network can register under any name. Check the phone number and address first.'
      }
      heading={heading}
    >
      {people.length > 0 && (
        <ul class="list" aria-label="Waiting to be let in">
          {people.map((person) => (
            <li key={person.id}>
              <Row person={person} onDecided={decided} />
            </li>
          ))}
        </ul>
      )}
      {hasMore && (
        <>
          <p>
            <a href={peopleAddress(WAITING)}>Everyone who is waiting</a>
          </p>
          <EraseWaiting people={people} onErased={decided} />
        </>
      )}
    </Section>
  )
}

const titleFor = (people: readonly Person[], hasMore: boolean): string => {
  if (hasMore) return `More than ${people.length} people want in`
  if (people.length > 1) return `${people.length} people want in`
  return people[0] ? `${people[0].username} wants in` : 'Nobody is waiting'
}

type RowProps = { readonly person: Person; readonly onDecided: (message: string) => void }

const Row = ({ person, onDecided }: RowProps) => {
  const { id, username, phone, address, registered_from: from } = person
  const [isAsked, setAsked] = useState(false)
  const letIn = async (): Promise<void> => {
    await api.patch(`/v1/people/${id}`, { admitted: true })
    onDecided(`${username} is in.`)
  }
  return (
    <div class="row with-action">
      <div>
        <a href={personAddress(id)}>
          <strong>{username}</strong>
        </a>
        <p>{phone || 'No phone number'}</p>
        <p>{address || 'No address'}</p>
        <p class="quiet">
          Registered <Time at={person.created_at} />
          {from && ` from ${from}`}
        </p>
      </div>
      <div class="actions">
        <Action kind="main" onAct={letIn} label={`Let in: ${username}`}>
          Let in
        </Action>
        <Button aria-label={`Refuse: ${username}`} onClick={() => setAsked(true)}>
          Refuse
        </Button>
      </div>
      <Confirm
        title={`Refuse ${username}?`}
        action={`Refuse ${username}`}
        isOpen={isAsked}
        onClose={() => setAsked(false)}
        onConfirm={() => api.patch(`/v1/people/${id}`, { disabled: true })}
        onDone={() => onDecided(`${username} is refused.`)}
      >
        <p>
          This disables the account: its app is logged out at once. You can enable it again under
          People.
        </p>
      </Confirm>
    </div>
  )
}
