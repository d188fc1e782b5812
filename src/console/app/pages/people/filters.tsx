import { useLocation } from 'preact-iso/router'
import { useEffect, useState } from 'preact/hooks'
import { useUnits } from '../../api/units.ts'
import { Button } from '../../components/form/button.tsx'
import { Field } from '../../components/form/field.tsx'
import { Select, labelChoice } from '../../components/form/select.tsx'
import { type PeopleFilter, WAITING, peopleAddress } from '../../routing/people-filter.ts'
import { ROLES } from '../../words/role.ts'

/** Filters the list of people. The filter is part of the address. */
export const PeopleFilters = ({ filter }: { readonly filter: PeopleFilter }) => {
  const { route } = useLocation()
  const units = useUnits()
  const [text, setText] = useState(filter.text)
  useEffect(() => setText(filter.text), [filter.text])
  const show = (change: Partial<PeopleFilter>): void =>
    route(peopleAddress({ ...filter, text: text.trim(), ...change }))
  return (
    <form
      class="filters"
      role="search"
      onSubmit={(event) => {
        event.preventDefault()
        show({})
      }}
    >
      <div class="search">
        <Field
          label="Search"
          type="search"
          hint="Part of a name, phone number, email address or unit"
          maxLength={80}
          autocomplete="off"
          value={text}
          onValue={setText}
        />
        <Button type="submit">Search</Button>
      </div>
      <div class="fields">
        <Select
          label="Role"
          value={filter.role}
          onValue={(role) => show({ role })}
          options={ROLES}
          any="Any role"
        />
        <Select
          label="Status"
          value={filter.admitted === 'false' ? 'waiting' : filter.disabled}
          onValue={(state) =>
            show(state === 'waiting' ? WAITING : { disabled: state, admitted: '' })
          }
          options={STATES}
          any="Any status"
        />
        {(units.length > 0 || filter.unit !== '') && (
          <Select
            label="Unit"
            {...labelChoice(units, filter.unit)}
            onValue={(unit) => show({ unit })}
            any="Any unit"
          />
        )}
      </div>
    </form>
  )
}

const STATES = [
  { value: 'waiting', label: 'Waiting to be let in' },
  { value: 'false', label: 'Enabled' },
  { value: 'true', label: 'Disabled' },
] as const
