import type { Static } from '@sinclair/typebox'
import type { SettingsAnswer } from '../../../accounts/registration/schema.ts'
import { type Choice, Choices } from './choices.tsx'
import { Note } from './states.tsx'

export type Registration = Static<typeof SettingsAnswer>['registration']['value']

const CHOICES: readonly Choice<Registration>[] = [
  {
    value: 'invite',
    is: 'People I invite',
    means: 'An invitation is a link or a QR code. The safest that works.',
  },
  {
    value: 'open',
    is: 'Everybody on the network',
    means: 'Guests too. The phone app works without an invitation.',
  },
  { value: 'closed', is: 'Nobody', means: 'Accounts are made at the gateway alone.' },
]

type Props = {
  readonly value: Registration
  /** Whether the gateway’s settings decide it. */
  readonly isFixed: boolean
  readonly onValue: (value: Registration) => void
}

/** Who may register. */
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
        Fixed by the gateway’s settings: <code>REGISTRATION={value}</code>
      </Note>
    )}
  </>
)
