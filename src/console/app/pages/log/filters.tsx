import { useLocation } from 'preact-iso/router'
import { useState } from 'preact/hooks'
import { foldedText } from '../../../../domain/folded-text.ts'
import { Button } from '../../components/form/button.tsx'
import { DateRangeFields, isReversed } from '../../components/form/date-range.tsx'
import { Field } from '../../components/form/field.tsx'
import { type Option, Select, withSelected } from '../../components/form/select.tsx'
import {
  FILTER_NAMES,
  type FilterName,
  type LogFilter,
  logAddress,
  logFilter,
} from '../../routing/log-filter.ts'
import { dayText } from '../../words/format.ts'
import { type Unlock, lockName } from '../../words/unlock.ts'

/** Somebody to filter the log by. */
export type Person = { readonly id: string; readonly username: string }

type Props = {
  readonly filter: LogFilter
  readonly people: readonly Person[]
  /** The unlocks that are listed; their methods and locks become suggestions. */
  readonly rows: readonly Unlock[]
}

type FiltersProps = Props & {
  /** Called if the filter is the same as before. */
  readonly onRepeat: () => void
}

/** Filters the log. The filter is part of the address. */
export const Filters = ({ filter, people, rows, onRepeat }: FiltersProps) => {
  const { route } = useLocation()
  const address = logAddress(filter)
  // A draft is discarded as soon as the address changes.
  const [typed, setTyped] = useState({ address, draft: filter })
  const draft = typed.address === address ? typed.draft : filter
  const [isOpen, setOpen] = useState(false)
  const set = (name: FilterName) => (value: string) =>
    setTyped({ address, draft: { ...draft, [name]: value } })
  return (
    <form
      class="filters"
      role="search"
      onSubmit={(event) => {
        event.preventDefault()
        if (isReversed(draft)) return
        // The filter is shown below anyway, and on a phone this brings the list into view.
        setOpen(false)
        setTyped({ address: '', draft })
        const wanted = logAddress(logFilter(draft))
        if (wanted === address) onRepeat()
        else route(wanted)
      }}
    >
      <div class="search">
        <Field
          label="Search"
          type="search"
          hint="Part of a name or method"
          maxLength={80}
          autocomplete="off"
          value={draft.text}
          onValue={set('text')}
        />
        <Button type="submit">Search</Button>
      </div>
      <details open={isOpen} onToggle={(event) => setOpen(event.currentTarget.open)}>
        <summary>Filter</summary>
        <div class="fields">
          {people.length > 0 && (
            <Select
              label="Person"
              value={draft.account}
              onValue={set('account')}
              options={withSelected(optionsFor(people), filter.account, 'Somebody else')}
              any="Anyone"
            />
          )}
          <Field
            label="Method"
            maxLength={80}
            value={draft.method}
            onValue={set('method')}
            suggestions={distinct(rows.map(({ method }) => method))}
          />
          <Field
            label="Lock"
            maxLength={32}
            autocapitalize="none"
            value={draft.lock}
            onValue={set('lock')}
            suggestions={distinct(rows.map(({ lock }) => lock))}
          />
          <Select
            label="Result"
            value={draft.result}
            onValue={set('result')}
            options={RESULTS}
            any="Any result"
          />
          <DateRangeFields range={draft} onValue={set} />
        </div>
      </details>
    </form>
  )
}

const RESULTS: readonly Option[] = [
  { value: 'unlocked', label: 'Unlocked' },
  { value: 'denied', label: 'Refused' },
]

const optionsFor = (people: readonly Person[]): readonly Option[] =>
  people.map(({ id, username }) => ({ value: id, label: username }))

/** Texts that the filter does not tell apart are suggested once. */
const distinct = (texts: readonly (string | null)[]): readonly string[] => {
  const written = texts.filter((text) => text !== null)
  return [...new Map(written.map((text) => [foldedText(text), text])).values()].sort()
}

/** Lists the active filters, each with a link that removes it. */
export const ActiveFilters = ({ filter, people, rows }: Props) => {
  const words: Readonly<Record<FilterName, string>> = {
    text: `“${filter.text}”`,
    account: `by ${nameOf(filter.account, people, rows)}`,
    method: `method “${filter.method}”`,
    lock: `lock “${lockName(filter.lock)}”`,
    result: filter.result === 'denied' ? 'refused' : 'unlocked',
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

const nameOf = (account: string, people: readonly Person[], rows: readonly Unlock[]): string =>
  people.find(({ id }) => id === account)?.username ??
  rows.find((row) => row.account === account)?.username ??
  'somebody'

const fullDay = (day: string): string => (day === '' ? '' : dayText(day, { year: 'numeric' }))
