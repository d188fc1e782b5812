import type { Static } from '@sinclair/typebox'
import type { SettingsAnswer } from '../../../../accounts/registration/schema.ts'
import { type Choice, Choices } from '../../components/form/choices.tsx'
import { Note } from '../../components/feedback/states.tsx'

export type Registration = Static<typeof SettingsAnswer>['registration']['value']

const CHOICES: readonly Choice<Registration>[] = [
  {
    value: 'invite',
    label: 'People with an invitation',
    description: 'A link or a QR code that you create. Safest choice.',
  },
  {
    value: 'open',
    label: 'Everyone on the network',
    description:
      'Including guests. Each waits until you let them in. The phone app needs no invitation.',
  },
  {
    value: 'closed',
    label: 'Nobody',
    description: 'Accounts are created on the gateway only.',
  },
]

export const registrationLabel = (value: Registration): string =>
  CHOICES.find((choice) => choice.value === value)?.label ?? value

type Props = {
  readonly value: Registration
  /** Whether the gateway's settings fix it. */
  readonly isFixed: boolean
  readonly onValue: (value: Registration) => void
}

/** Chooses who may register. */
export const RegistrationChoice = ({ value, isFixed, onValue }: Props) => (
  <>
    <Choices
      label="Who may register"
      name="registration"
      options={CHOICES}
      value={value}
      onValue={onValue}
      disabled={isFixed}
    />
    {isFixed && (
      <Note>
        Set on the gateway: <code>REGISTRATION={value}</code>
      </Note>
    )}
  </>
)
