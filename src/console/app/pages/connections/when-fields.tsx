import { useRef } from 'preact/hooks'
import type { Door } from '../../api/doors.ts'
import { mayHaveGuests } from '../../api/guests.ts'
import type { Holders } from '../../api/holders.ts'
import { Button } from '../../components/form/button.tsx'
import { Checkbox } from '../../components/form/checkbox.tsx'
import { Group } from '../../components/form/group.tsx'
import { type Option, Select } from '../../components/form/select.tsx'
import { doorName } from '../../words/door-name.ts'
import { capital } from '../../words/capital.ts'
import { isAtDoors, isOfPeople, whenWords } from '../../words/when.ts'
import { HoursFields } from './hours-fields.tsx'
import { NEW_WHEN, type WhenDraft, whenOf } from './when-draft.ts'

/** As many as a target may have. */
const WHENS_MAX = 20

const EVENTS = [
  { value: 'unlocked', label: 'somebody opens a door' },
  { value: 'denied', label: 'somebody is refused' },
  { value: 'guest.opened', label: 'a guest is let in' },
  { value: 'guest.problem', label: 'a guest needs help' },
  { value: 'controller.silent', label: 'the controller of a door is silent' },
  { value: 'controller.alarm', label: 'a door opens although nobody was let in' },
  { value: 'log.problem', label: 'the log has a problem' },
  { value: 'account.waiting', label: 'a new account is waiting' },
] as const

/** What a person's own connection hears of: themselves, and their guests. */
const ownEvents = () =>
  EVENTS.filter(
    ({ value }) => isOfPeople({ on: value }) || (value.startsWith('guest.') && mayHaveGuests()),
  )

type Props = {
  readonly whens: readonly WhenDraft[]
  readonly onWhens: (whens: readonly WhenDraft[]) => void
  readonly doors: readonly Door[]
  readonly holders: Holders
  /** Whether it hears of the events of one person only, who need not be chosen. */
  readonly isPersonal: boolean
}

/** What a connection hears of: each part is a sentence that grows while somebody chooses. */
export const WhenFields = ({ whens, onWhens, doors, holders, isPersonal }: Props) => {
  const list = useRef<HTMLUListElement>(null)
  const nameOf = (id: string): string => holders.nameOf(`account:${id}`)
  const change = (index: number, part: Partial<WhenDraft>): void =>
    onWhens(whens.map((each, at) => (at === index ? { ...each, ...part } : each)))
  return (
    <Group label={isPersonal ? 'Notify me' : 'Notify it'} name="rules">
      <ul class="windows" ref={list} tabIndex={-1}>
        {whens.map((when, index) => {
          const words = whenWords(whenOf(when), { nameOf, isOwn: isPersonal })
          return (
            <li key={index}>
              <div class="offer">
                <p class="words">{capital(words)}</p>
                {whens.length > 1 && (
                  <Button
                    kind="quiet"
                    aria-label={`Remove: ${words}`}
                    onClick={() => {
                      onWhens(whens.filter((_, other) => other !== index))
                      list.current?.focus()
                    }}
                  >
                    Remove
                  </Button>
                )}
              </div>
              <div class="fields">
                <Select
                  label="When"
                  value={when.on}
                  onValue={(on) => change(index, { on: on || 'unlocked' })}
                  options={isPersonal ? ownEvents() : EVENTS}
                />
                {isAtDoors(when) && (
                  <Several
                    label="Door"
                    any="Any door"
                    chosen={when.locks}
                    onChosen={(locks) => change(index, { locks })}
                    options={doors.map(({ label, name }) => ({ value: label, label: name }))}
                    nameOf={doorName}
                  />
                )}
                {isOfPeople(when) && !isPersonal && (
                  <Several
                    label="Who"
                    any="Anybody"
                    chosen={when.people}
                    onChosen={(people) => change(index, { people })}
                    options={holders.people.map(({ id, username }) => ({
                      value: id,
                      label: username,
                    }))}
                    nameOf={nameOf}
                  />
                )}
              </div>
              <Checkbox
                isChecked={when.hasHours}
                onChecked={(hasHours) => change(index, { hasHours })}
              >
                Only at certain hours
              </Checkbox>
              {when.hasHours && (
                <HoursFields
                  from={when.from}
                  to={when.to}
                  onChange={(part) => change(index, part)}
                />
              )}
            </li>
          )
        })}
      </ul>
      {whens.length < WHENS_MAX && (
        <Button kind="quiet" onClick={() => onWhens([...whens, NEW_WHEN])}>
          Add another
        </Button>
      )}
    </Group>
  )
}

type SeveralProps = {
  readonly label: string
  readonly any: string
  readonly chosen: readonly string[]
  readonly onChosen: (chosen: readonly string[]) => void
  readonly options: readonly Option[]
  readonly nameOf: (value: string) => string
}

/** Neither labels nor ids have a space. */
const BETWEEN = ' '

/** Chooses one or any. Several, which an app may have chosen, stay unless something else is chosen. */
const Several = ({ label, any, chosen, onChosen, options, nameOf }: SeveralProps) => {
  const value = chosen.join(BETWEEN)
  const isListed = value === '' || options.some((option) => option.value === value)
  return (
    <Select
      label={label}
      any={any}
      value={value}
      onValue={(next) => onChosen(next === '' ? [] : next.split(BETWEEN))}
      options={isListed ? options : [...options, { value, label: chosen.map(nameOf).join(', ') }]}
    />
  )
}
