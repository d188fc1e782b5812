import { useLocation } from 'preact-iso/router'
import { useState } from 'preact/hooks'
import { api } from '../api.ts'
import { type AuditFilter, auditAddress } from '../audit-filter.ts'
import { Button } from '../components/button.tsx'
import { DayFields, areReversed } from '../components/days.tsx'
import { Select } from '../components/select.tsx'
import { useLoad } from '../load.ts'
import type { Person } from '../people.ts'

/** Narrows the audit trail; what is chosen stands in the address. */
export const AuditFilters = ({ filter }: { readonly filter: AuditFilter }) => {
  const { route } = useLocation()
  const [draft, setDraft] = useState(filter)
  const set = (name: keyof AuditFilter) => (value: string) =>
    setDraft((before) => ({ ...before, [name]: value }))
  const people = usePeople()
  const isNarrowed = Object.values(filter).some((value) => value !== '')
  return (
    <form
      class="filters"
      role="search"
      onSubmit={(event) => {
        event.preventDefault()
        if (!areReversed(draft)) route(auditAddress(draft))
      }}
    >
      <details open={isNarrowed}>
        <summary>Narrow it down</summary>
        <div class="fields">
          <Select
            label="What"
            value={draft.action}
            onValue={set('action')}
            options={withChosen(ACTIONS, filter.action)}
            any="Anything"
          />
          <Select
            label="Result"
            value={draft.result}
            onValue={set('result')}
            options={RESULTS}
            any="Done or failed"
          />
          <Select
            label="Who did it"
            value={draft.actor}
            onValue={set('actor')}
            options={withChosen(people, filter.actor)}
            any="Anybody"
          />
          <Select
            label="To whose account"
            value={draft.subject}
            onValue={set('subject')}
            options={withChosen(people, filter.subject)}
            any="Anybody’s"
          />
          <DayFields days={draft} onValue={set} />
        </div>
        <div class="actions onward">
          <Button type="submit">Show</Button>
          {isNarrowed && (
            <a class="button quiet" href={auditAddress()}>
              Show all
            </a>
          )}
        </div>
      </details>
    </form>
  )
}

const ACTIONS = [
  { value: 'login', label: 'Signing in' },
  { value: 'session', label: 'Sessions' },
  { value: 'access', label: 'Refusals' },
  { value: 'account', label: 'Accounts' },
  { value: 'account.role', label: 'Roles' },
  { value: 'password', label: 'Passwords' },
  { value: 'second_factor', label: 'Second factors' },
  { value: 'invitation', label: 'Invitations' },
  { value: 'setting', label: 'Settings' },
  { value: 'unlocks', label: 'Openings taken out or erased' },
  { value: 'backup', label: 'Backups' },
  { value: 'service', label: 'Starts and stops' },
]

const RESULTS = [
  { value: 'success', label: 'Done' },
  { value: 'failure', label: 'Failed or refused' },
]

type Option = { readonly value: string; readonly label: string }

/** What the address asks for can be chosen, known or not. */
const withChosen = (options: readonly Option[], chosen: string): readonly Option[] =>
  chosen === '' || options.some(({ value }) => value === chosen)
    ? options
    : [...options, { value: chosen, label: chosen }]

const PEOPLE_MAX = 200

const usePeople = (): readonly Option[] => {
  const { data } = useLoad('people of the audit trail', (signal) =>
    api.get<{ readonly people: readonly Person[] }>('/v1/people', {
      query: { limit: PEOPLE_MAX },
      signal,
    }),
  )
  return (data?.people ?? [])
    .map(({ id, username }) => ({ value: id, label: username }))
    .toSorted((one, other) => one.label.localeCompare(other.label))
}
