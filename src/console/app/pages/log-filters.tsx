import { useLocation } from 'preact-iso/router'
import { useState } from 'preact/hooks'
import { Button } from '../components/button.tsx'
import { DayFields, areReversed } from '../components/days.tsx'
import { Field } from '../components/field.tsx'
import { Select } from '../components/select.tsx'
import {
  FILTER_NAMES,
  type FilterName,
  type LogFilter,
  logAddress,
  logFilter,
} from '../log-filter.ts'
import { type Opening, lockWords } from '../opening.ts'
import { LOCALE } from '../words.ts'

/** Somebody whom the log can be narrowed to. */
export type Person = { readonly id: string; readonly username: string }

type Props = {
  readonly filter: LogFilter
  readonly people: readonly Person[]
  /** What is listed, for the methods and locks to choose from. */
  readonly rows: readonly Opening[]
}

type FiltersProps = Props & {
  /** Reads again what was asked for already. */
  readonly onAgain: () => void
}

/** Narrows the log; what is chosen stands in the address. */
export const Filters = ({ filter, people, rows, onAgain }: FiltersProps) => {
  const { route } = useLocation()
  const address = logAddress(filter)
  // What was typed counts until the address is another one.
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
        if (areReversed(draft)) return
        // What it is narrowed to is told below, and on a phone the list comes into view.
        setOpen(false)
        setTyped({ address: '', draft })
        const wanted = logAddress(logFilter(draft))
        if (wanted === address) onAgain()
        else route(wanted)
      }}
    >
      <div class="search">
        <Field
          label="Search"
          type="search"
          hint="Part of a name or a method"
          maxLength={80}
          autocomplete="off"
          value={draft.text}
          onValue={set('text')}
        />
        <Button type="submit">Show</Button>
      </div>
      <details open={isOpen} onToggle={(event) => setOpen(event.currentTarget.open)}>
        <summary>Narrow it down</summary>
        <div class="fields">
          {people.length > 0 && (
            <Select
              label="Person"
              value={draft.account}
              onValue={set('account')}
              options={withChosen(
                people.map(({ id, username }) => ({ value: id, label: username })),
                filter.account,
              )}
              any="Anybody"
            />
          )}
          <Field
            label="Method"
            maxLength={80}
            value={draft.method}
            onValue={set('method')}
            choices={distinct(rows.map(({ method }) => method))}
          />
          <Field
            label="Lock"
            maxLength={32}
            autocapitalize="none"
            value={draft.lock}
            onValue={set('lock')}
            choices={distinct(rows.map(({ lock }) => lock))}
          />
          <Select
            label="Result"
            value={draft.result}
            onValue={set('result')}
            options={RESULTS}
            any="Opened or refused"
          />
          <DayFields days={draft} onValue={set} />
        </div>
      </details>
    </form>
  )
}

const RESULTS = [
  { value: 'unlocked', label: 'Opened' },
  { value: 'denied', label: 'Refused' },
]

type Option = { readonly value: string; readonly label: string }

/** What the address asks for can be chosen, known or not. */
const withChosen = (options: readonly Option[], chosen: string): readonly Option[] =>
  chosen === '' || options.some(({ value }) => value === chosen)
    ? options
    : [...options, { value: chosen, label: 'Somebody else' }]

const distinct = (texts: readonly (string | null)[]): readonly string[] =>
  [...new Set(texts)].filter((text) => text !== null).toSorted()

/** What the log is narrowed to, in words, each to be taken away. */
export const Narrowed = ({ filter, people, rows }: Props) => {
  const words: Readonly<Record<FilterName, string>> = {
    text: `“${filter.text}”`,
    account: `by ${nameOf(filter.account, people, rows)}`,
    method: `with “${filter.method}”`,
    lock: `at the ${lockWords(filter.lock)}`,
    result: filter.result === 'denied' ? 'refused' : 'opened',
    from: `since ${dayWords(filter.from)}`,
    to: `until ${dayWords(filter.to)}`,
  }
  const set = FILTER_NAMES.filter((name) => filter[name] !== '')
  return (
    <div role="status">
      {set.length > 0 && (
        <ul class="narrowed" aria-label="Narrowed to">
          {set.map((name) => (
            <li key={name}>
              <a href={logAddress({ ...filter, [name]: '' })}>
                {words[name]}
                <span aria-hidden="true"> ×</span>
                <span class="unseen">: take this away</span>
              </a>
            </li>
          ))}
          {set.length > 1 && (
            <li>
              <a href={logAddress({})}>Show all</a>
            </li>
          )}
        </ul>
      )}
    </div>
  )
}

const nameOf = (account: string, people: readonly Person[], rows: readonly Opening[]): string =>
  people.find(({ id }) => id === account)?.username ??
  rows.find((row) => row.account === account)?.username ??
  'somebody'

const dayWords = (day: string): string =>
  day === '' ? '' : DAY.format(new Date(`${day}T00:00:00Z`))

const DAY = new Intl.DateTimeFormat(LOCALE, {
  day: 'numeric',
  month: 'short',
  year: 'numeric',
  timeZone: 'UTC',
})
