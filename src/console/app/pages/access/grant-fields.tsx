import { useState } from 'preact/hooks'
import type { Door } from '../../api/doors.ts'
import { Checkbox } from '../../components/form/checkbox.tsx'
import { Choices } from '../../components/form/choices.tsx'
import { Field } from '../../components/form/field.tsx'
import { Group } from '../../components/form/group.tsx'
import { Select } from '../../components/form/select.tsx'
import type { GrantDraft } from './grant-draft.ts'
import { HoursField, WindowsField } from './windows-field.tsx'

type Props = {
  readonly draft: GrantDraft
  readonly onChange: (change: Partial<GrantDraft>) => void
  readonly doors: readonly Door[]
  readonly mayBeAll: boolean
}

/** Which doors a grant opens, and when. */
export const GrantFields = ({ draft, onChange, doors, mayBeAll }: Props) => (
  <>
    <WhichDoors draft={draft} onChange={onChange} doors={doors} mayBeAll={mayBeAll} />
    <Group label="When" name="windows">
      <Choices
        label="When"
        name="when"
        options={WHEN}
        value={draft.isWeekly ? 'weekly' : 'always'}
        onValue={(value) => onChange({ isWeekly: value === 'weekly' })}
      />
      {draft.isWeekly && (
        <WindowsField windows={draft.windows} onWindows={(windows) => onChange({ windows })} />
      )}
    </Group>
    <Dates draft={draft} onChange={onChange} />
    <MoreTerms draft={draft} onChange={onChange} />
  </>
)

const WHEN = [
  { value: 'always', label: 'At any time', description: 'Every day, around the clock.' },
  {
    value: 'weekly',
    label: 'At certain hours',
    description: 'On the days of the week you choose.',
  },
] as const

const WhichDoors = ({ draft, onChange, doors, mayBeAll }: Props) => (
  <Group label="Which doors" name="locks">
    <div class="checkboxes">
      {mayBeAll && (
        <Checkbox
          isChecked={draft.isForAllDoors}
          onChecked={(isForAllDoors) => onChange({ isForAllDoors })}
        >
          All doors, also those added later
        </Checkbox>
      )}
      {!draft.isForAllDoors &&
        doors.map(({ label, name }) => (
          <Checkbox
            key={label}
            isChecked={draft.doors.includes(label)}
            onChecked={(isChecked) => {
              const others = draft.doors.filter((door) => door !== label)
              onChange({ doors: isChecked ? [...others, label] : others })
            }}
          >
            {name}
          </Checkbox>
        ))}
    </div>
  </Group>
)

type PartProps = Pick<Props, 'draft' | 'onChange'>

const Dates = ({ draft: { starts, ends }, onChange }: PartProps) => (
  <Group label="From when until when (optional)">
    <div class="moments">
      <Field
        label="First day"
        name="starts_at"
        type="date"
        value={starts.day}
        onValue={(day) => onChange({ starts: { ...starts, day } })}
      />
      <Field
        label="From (time)"
        type="time"
        value={starts.clock}
        onValue={(clock) => onChange({ starts: { ...starts, clock } })}
      />
      <Field
        label="Last day"
        name="ends_at"
        type="date"
        value={ends.day}
        onValue={(day) => onChange({ ends: { ...ends, day } })}
      />
      <Field
        label="Until (time)"
        type="time"
        value={ends.clock}
        onValue={(clock) => onChange({ ends: { ...ends, clock } })}
      />
    </div>
  </Group>
)

const HOLIDAYS = [
  { value: 'ignore', label: 'Open as on other days' },
  { value: 'closed', label: 'Closed on holidays' },
  { value: 'own', label: 'Other hours on holidays' },
] as const

/** Whether a draft uses options that are collapsed at first. */
const hasMore = ({ holidays, uses, isHomeOnly }: GrantDraft): boolean =>
  holidays !== 'ignore' || uses !== '' || isHomeOnly

const MoreTerms = ({ draft, onChange }: PartProps) => {
  const [isOpen] = useState(hasMore(draft))
  return (
    <details open={isOpen}>
      <summary>Holidays, number of visits, home network</summary>
      <div class="terms">
        <Group label="Holidays" name="holidays" hint="The days are those of your holiday calendar.">
          <Select
            label="On holidays"
            value={draft.holidays}
            onValue={(holidays) => onChange({ holidays: holidays || 'ignore' })}
            options={HOLIDAYS}
          />
          {draft.holidays === 'own' && (
            <HoursField
              hours={draft.holidayHours}
              onHours={(holidayHours) => onChange({ holidayHours })}
            />
          )}
        </Group>
        <Field
          label="Number of visits (empty for any)"
          name="uses"
          type="number"
          inputMode="numeric"
          min={1}
          value={draft.uses}
          onValue={(uses) => onChange({ uses })}
          hint="A visit is one opening; opening the same door again within two minutes counts as the same visit."
        />
        <Group label="Home network" name="home_network">
          <Checkbox
            isChecked={draft.isHomeOnly}
            onChecked={(isHomeOnly) => onChange({ isHomeOnly })}
          >
            Only on the home Wi-Fi
          </Checkbox>
        </Group>
      </div>
    </details>
  )
}
