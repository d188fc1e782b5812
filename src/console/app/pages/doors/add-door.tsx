import { useLocation } from 'preact-iso/router'
import { useState } from 'preact/hooks'
import { api } from '../../api/client.ts'
import type { Doors } from '../../api/doors.ts'
import { showToast } from '../../components/feedback/toast.tsx'
import { Button } from '../../components/form/button.tsx'
import { Choices } from '../../components/form/choices.tsx'
import { Confirm } from '../../components/form/dialog.tsx'
import { Field } from '../../components/form/field.tsx'
import { withFieldErrors } from '../../components/form/field-errors.ts'
import { Section } from '../../components/layout/section.tsx'
import { doorAddress } from '../../routing/doors.ts'
import { Time } from '../../time/time.tsx'
import { proposedLabel, proposedName } from './label.ts'

type Props = { readonly doors: Doors; readonly onAdded: () => void }

/** Adds a door. */
export const AddDoor = ({ doors, onAdded }: Props) => {
  const [isOpen, setOpen] = useState(false)
  return (
    <>
      <Button onClick={() => setOpen(true)}>Add a door</Button>
      <AddDialog doors={doors} isOpen={isOpen} onClose={() => setOpen(false)} onAdded={onAdded} />
    </>
  )
}

/** The labels that phones reported and no door has, to be set up as doors. */
export const NotSetUp = ({ doors, onAdded }: Props) => {
  const [given, setGiven] = useState('')
  const [isOpen, setOpen] = useState(false)
  const labels = doors.not_set_up ?? []
  if (labels.length === 0) return null
  return (
    <Section
      title="Not set up"
      lead="Phones report unlocks under these labels, but no door has them yet."
    >
      <ul class="list" aria-label="Not set up">
        {labels.map(({ label, last_at: lastAt }) => (
          <li key={label} class="row with-action">
            <span>
              <code>{label}</code>{' '}
              <span class="quiet">
                last reported <Time at={lastAt} />
              </span>
            </span>
            <Button
              aria-label={`Set up: ${label}`}
              onClick={() => {
                setGiven(label)
                setOpen(true)
              }}
            >
              Set up
            </Button>
          </li>
        ))}
      </ul>
      <AddDialog
        key={given}
        given={given}
        doors={doors}
        isOpen={isOpen}
        onClose={() => setOpen(false)}
        onAdded={onAdded}
      />
    </Section>
  )
}

type OpenTo = 'nobody' | 'members'

const OPEN_TO = [
  {
    value: 'nobody',
    label: 'Nobody yet',
    description: 'Give access afterwards, to one person at a time or to everyone.',
  },
  {
    value: 'members',
    label: 'All members, admins and owners',
    description: 'At any time. You can restrict it afterwards.',
  },
] as const

type DialogProps = Props & {
  /** The label that a phone reported; undefined for a new one. */
  readonly given?: string
  readonly isOpen: boolean
  readonly onClose: () => void
}

/** Adds a door, and then shows its page. */
const AddDialog = ({ doors, given, isOpen, onClose, onAdded }: DialogProps) => {
  const { route } = useLocation()
  const taken = [
    ...doors.locks.map(({ label }) => label),
    ...(doors.not_set_up ?? []).map(({ label: used }) => used),
  ]
  const [name, setName] = useState(proposedName(given ?? ''))
  const [typed, setTyped] = useState<string>()
  const [openTo, setOpenTo] = useState<OpenTo>('nobody')
  const label = given || (typed ?? (name.trim() === '' ? '' : proposedLabel(name, taken)))
  const add = async (): Promise<void> => {
    await api.post('/v1/locks', { label, name: name.trim(), open_to: openTo })
  }
  return (
    <Confirm
      title={given ? `Set up ${given}` : 'Add a door'}
      action="Add"
      isOpen={isOpen}
      onClose={onClose}
      onConfirm={withFieldErrors({ label_taken: { field: 'label' } }, add)}
      onDone={() => {
        showToast(`${name.trim()} was added.`)
        onAdded()
        route(doorAddress(label))
      }}
    >
      <Field
        label="Name"
        name="name"
        value={name}
        onValue={setName}
        maxLength={100}
        autocomplete="off"
        required
        autoFocus
        hint="What people see. You can change it later."
      />
      {!given && (
        <Field
          label="Label"
          name="label"
          value={label}
          onValue={setTyped}
          autocomplete="off"
          autocapitalize="none"
          spellcheck={false}
          required
          hint="What apps and the log call it: lower-case letters, digits and hyphens. It can never change."
        />
      )}
      <fieldset class="group-field">
        <legend>Who may open it?</legend>
        <Choices
          label="Who may open it?"
          name="open-to"
          options={OPEN_TO}
          value={openTo}
          onValue={setOpenTo}
        />
      </fieldset>
    </Confirm>
  )
}
