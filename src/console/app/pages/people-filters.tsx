import { useLocation } from 'preact-iso/router'
import { useEffect, useState } from 'preact/hooks'
import { Button } from '../components/button.tsx'
import { Field } from '../components/field.tsx'
import { Select } from '../components/select.tsx'
import { type PeopleFilter, ROLES, peopleAddress } from '../people.ts'

/** Narrows the people; what is chosen stands in the address. */
export const PeopleFilters = ({ filter }: { readonly filter: PeopleFilter }) => {
  const { route } = useLocation()
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
          hint="Part of a name, a phone number or an email"
          maxLength={80}
          autocomplete="off"
          value={text}
          onValue={setText}
        />
        <Button type="submit">Show</Button>
      </div>
      <div class="fields">
        <Select
          label="Role"
          value={filter.role}
          onValue={(role) => show({ role })}
          options={ROLES.map(({ value, is }) => ({ value, label: is }))}
          any="Any role"
        />
        <Select
          label="Signing in"
          value={filter.disabled}
          onValue={(disabled) => show({ disabled })}
          options={SIGNING_IN}
          any="Either"
        />
      </div>
    </form>
  )
}

const SIGNING_IN = [
  { value: 'false', label: 'Allowed' },
  { value: 'true', label: 'Disabled' },
] as const
