import type { Static } from '@sinclair/typebox'
import { useEffect, useState } from 'preact/hooks'
import type { LabelsAnswer } from '../../../../unlocks/query/schema.ts'
import { DateRangeFields } from '../../components/form/date-range.tsx'
import { Field } from '../../components/form/field.tsx'
import { type Option, Select, labelChoice, withSelected } from '../../components/form/select.tsx'
import {
  FILTER_NAMES,
  type FilterName,
  type LogFilter,
  logAddress,
} from '../../routing/log-filter.ts'
import { dayText } from '../../words/format.ts'
import { doorName } from '../../words/door-name.ts'
import { useFilterDraft } from './filter-draft.ts'

/** Somebody to filter the log by. */
export type Person = { readonly id: string; readonly username: string }

/** What there is to filter the log by. */
export type Choices = Static<typeof LabelsAnswer> & {
  readonly people: readonly Person[]
  readonly units: readonly string[]
  /** Whether there is nothing to filter. */
  readonly isLogEmpty: boolean
}

type Props = {
  readonly filter: LogFilter
  readonly choices: Choices
}

type FiltersProps = Props & {
  /** What is wrong with the filter, by the names of its fields. */
  readonly errors: Readonly<Partial<Record<FilterName, string>>>
  /** Called if the filter is the same as before. */
  readonly onRepeat: () => void
}

/** Filters the log. The filter is part of the address. */
export const Filters = ({ filter, choices, errors, onRepeat }: FiltersProps) => {
  const { draft, choose, type, apply } = useFilterDraft(filter, onRepeat)
  const { people, units, locks, methods } = choices
  const { text, ...others } = errors
  const [isOpen, setOpen] = useState(false)
  const isWrong = Object.keys(others).length > 0
  // What is wrong with a field is in view.
  useEffect(() => {
    if (isWrong) setOpen(true)
  }, [isWrong])
  return (
    <div class="filters" role="search">
      <form
        onSubmit={(event) => {
          event.preventDefault()
          apply()
        }}
      >
        <Field
          label="Search"
          type="search"
          hint="Part of a name, method or lock"
          maxLength={80}
          autocomplete="off"
          value={draft.text}
          onValue={type('text')}
          error={text}
        />
      </form>
      <details open={isOpen} onToggle={(event) => setOpen(event.currentTarget.open)}>
        <summary>Filter</summary>
        <div class="fields">
          {people.length > 0 && (
            <Select
              label="Person"
              value={draft.account}
              onValue={choose('account')}
              options={withSelected(optionsFor(people), filter.account, 'Somebody else')}
              any="Anyone"
              error={errors.account}
            />
          )}
          {(units.length > 0 || draft.unit !== '') && (
            <Select
              label="Unit"
              {...labelChoice(units, draft.unit)}
              onValue={choose('unit')}
              any="Any unit"
              error={errors.unit}
            />
          )}
          <Select
            label="Lock"
            {...labelChoice(locks, draft.lock, doorName)}
            onValue={choose('lock')}
            any="Any lock"
            error={errors.lock}
          />
          <Select
            label="Method"
            {...labelChoice(methods, draft.method)}
            onValue={choose('method')}
            any="Any method"
            error={errors.method}
          />
          <Select
            label="Result"
            value={draft.result}
            onValue={choose('result')}
            options={RESULTS}
            any="Any result"
          />
          <DateRangeFields range={draft} onValue={type} errors={errors} />
        </div>
      </details>
    </div>
  )
}

const RESULTS: readonly Option[] = [
  { value: 'unlocked', label: 'Unlocked' },
  { value: 'permitted', label: 'Let in by the gateway' },
  { value: 'released', label: 'Released by the lock' },
  { value: 'failed', label: 'Did not open' },
  { value: 'denied', label: 'Turned away' },
]

const resultName = (result: string): string =>
  RESULTS.find(({ value }) => value === result)?.label.toLowerCase() ?? result

const optionsFor = (people: readonly Person[]): readonly Option[] =>
  people.map(({ id, username }) => ({ value: id, label: username }))

/** Lists the active filters, each with a link that removes it. */
export const ActiveFilters = ({ filter, choices: { people } }: Props) => {
  const words: Readonly<Record<FilterName, string>> = {
    text: `“${filter.text}”`,
    account: `by ${nameOf(filter.account, people) ?? 'somebody else'}`,
    unit: `unit “${filter.unit}”`,
    method: `method “${filter.method}”`,
    lock: `lock “${doorName(filter.lock)}”`,
    result: resultName(filter.result),
    from: `from ${fullDay(filter.from)}`,
    to: `until ${fullDay(filter.to)}`,
  }
  const active = FILTER_NAMES.filter((name) => filter[name] !== '')
  return (
    <div role="status">
      {active.length > 0 && (
        <ul class="active-filters" aria-label="Active filters">
          {active.map((name) => (
            <li key={name}>
              <a href={logAddress({ ...filter, [name]: '' })}>
                {words[name]}
                <span aria-hidden="true"> ×</span>
                <span class="unseen">: remove this filter</span>
              </a>
            </li>
          ))}
          {active.length > 1 && (
            <li>
              <a href={logAddress({})}>Show all</a>
            </li>
          )}
        </ul>
      )}
    </div>
  )
}

/** The name of somebody to filter by, if it is known. */
export const nameOf = (account: string, people: readonly Person[]): string | undefined =>
  people.find(({ id }) => id === account)?.username

const fullDay = (day: string): string => (day === '' ? '' : dayText(day, { year: 'numeric' }))
