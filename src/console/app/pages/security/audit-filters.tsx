import { useLocation } from 'preact-iso/router'
import { useState } from 'preact/hooks'
import { api } from '../../api/client.ts'
import { type AuditFilter, auditAddress } from '../../routing/audit-filter.ts'
import { Button } from '../../components/form/button.tsx'
import { DateRangeFields, isReversed } from '../../components/form/date-range.tsx'
import { type Option, Select, withSelected } from '../../components/form/select.tsx'
import { useLoad } from '../../api/load.ts'
import type { Person } from '../../api/person.ts'

/** Filters the audit events. The filter is part of the address. */
export const AuditFilters = ({ filter }: { readonly filter: AuditFilter }) => {
  const { route } = useLocation()
  const [draft, setDraft] = useState(filter)
  const set = (name: keyof AuditFilter) => (value: string) =>
    setDraft((before) => ({ ...before, [name]: value }))
  const people = usePeople()
  const isFiltered = Object.values(filter).some((value) => value !== '')
  return (
    <form
      class="filters"
      role="search"
      onSubmit={(event) => {
        event.preventDefault()
        if (!isReversed(draft)) route(auditAddress(draft))
      }}
    >
      <details open={isFiltered}>
        <summary>Filter</summary>
        <div class="fields">
          <Select
            label="What"
            value={draft.action}
            onValue={set('action')}
            options={withSelected(ACTIONS, filter.action)}
            any="Anything"
          />
          <Select
            label="Result"
            value={draft.result}
            onValue={set('result')}
            options={RESULTS}
            any="Any result"
          />
          <Select
            label="Who did it"
            value={draft.actor}
            onValue={set('actor')}
            options={withSelected(people, filter.actor)}
            any="Anyone"
          />
          <Select
            label="Affected account"
            value={draft.subject}
            onValue={set('subject')}
            options={withSelected(people, filter.subject)}
            any="Any account"
          />
          <DateRangeFields range={draft} onValue={set} />
        </div>
        <div class="actions onward">
          <Button type="submit">Apply</Button>
          {isFiltered && (
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
  { value: 'login', label: 'Logins' },
  { value: 'session', label: 'Sessions' },
  { value: 'access', label: 'Refused requests' },
  { value: 'account', label: 'Accounts' },
  { value: 'account.role', label: 'Roles' },
  { value: 'password', label: 'Passwords' },
  { value: 'second_factor', label: 'Second factors' },
  { value: 'invitation', label: 'Invitations' },
  { value: 'setting', label: 'Settings' },
  { value: 'unlocks', label: 'Unlocks exported or erased' },
  { value: 'backup', label: 'Backups' },
  { value: 'service', label: 'Server starts and stops' },
]

const RESULTS = [
  { value: 'success', label: 'Succeeded' },
  { value: 'failure', label: 'Failed or refused' },
]

const PEOPLE_MAX = 200

const usePeople = (): readonly Option[] => {
  const { data } = useLoad('people of the audit events', (signal) =>
    api.get<{ readonly people: readonly Person[] }>('/v1/people', {
      query: { limit: PEOPLE_MAX },
      signal,
    }),
  )
  return (data?.people ?? [])
    .map(({ id, username }) => ({ value: id, label: username }))
    .sort((a, b) => a.label.localeCompare(b.label))
}
