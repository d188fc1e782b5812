import { useState } from 'preact/hooks'
import { ApiError, api } from '../../api/client.ts'
import { AppAddress } from '../../components/codes/app-address.tsx'
import { ContactFields, NO_CONTACT } from '../../components/form/contact-fields.tsx'
import { FieldError } from '../../components/form/field-errors.ts'
import { Field, PasswordField, UsernameField } from '../../components/form/field.tsx'
import { Form } from '../../components/form/form.tsx'
import { Screen } from '../../components/layout/screen.tsx'
import { WEAK_PASSWORD } from '../../words/password-rule.ts'

/** Registers a person, with the invitation of the link or without one. */
export const Join = ({ invitation: given }: { readonly invitation: string }) => {
  const [invitation, setInvitation] = useState(given)
  const [username, setUsername] = useState('')
  const [password, setPassword] = useState('')
  const [contact, setContact] = useState(NO_CONTACT)
  const [isDone, setDone] = useState(false)
  if (isDone) return <Joined username={username} isWaiting={invitation === ''} />
  const send = async (): Promise<void> => {
    const person = { username, password, ...contact, invitation }
    await api.post('/register', person).catch((error: unknown) => {
      throw inFields(error)
    })
    setDone(true)
  }
  return (
    <Screen
      title="Register"
      lead="With an account, the phone app can log you in and record your unlocks."
    >
      <Form action="Register" onSend={send}>
        <Field
          label="Invitation code"
          name="invitation"
          value={invitation}
          onValue={setInvitation}
          maxLength={64}
          autocomplete="off"
          autocapitalize="characters"
          spellcheck={false}
          hint={given === '' ? 'Leave it empty if you have none.' : 'From your link.'}
        />
        <UsernameField value={username} onValue={setUsername} />
        <PasswordField
          label="Password"
          name="password"
          value={password}
          onValue={setPassword}
          autocomplete="new-password"
        />
        <ContactFields value={contact} onValue={setContact} note=" (optional)" />
      </Form>
    </Screen>
  )
}

type JoinedProps = { readonly username: string; readonly isWaiting: boolean }

/** What to do next. The link that led here has the address that works for this person. */
const Joined = ({ username, isWaiting }: JoinedProps) => (
  <Screen
    key="joined"
    title={`Welcome, ${username}!`}
    lead="Your account is ready. What to do next:"
  >
    <ol class="steps">
      <li class="current">
        <h2>
          <span class="number" aria-hidden="true">
            1
          </span>
          Connect the phone app
        </h2>
        <p>Enter this address in the app, or scan the QR code with it.</p>
        <AppAddress address={location.origin} />
      </li>
      <li class="current">
        <h2>
          <span class="number" aria-hidden="true">
            2
          </span>
          Log in
        </h2>
        <p>
          In the app, as {username}, with the password that you have just chosen. In this browser,
          you can see your own unlocks.
        </p>
        <p>
          <a class="button main" href="/console">
            Log in here
          </a>
        </p>
      </li>
      {isWaiting && (
        <li class="current">
          <h2>
            <span class="number" aria-hidden="true">
              3
            </span>
            Wait to be let in
          </h2>
          <p>
            An owner or admin still has to let you in. You can log in and record unlocks until then.
          </p>
        </li>
      )}
    </ol>
  </Screen>
)

/** Returns an error of the registration, whose words the phone app's contract fixes, as errors of
 * fields where it is about some. */
const inFields = (error: unknown): unknown => {
  if (!(error instanceof ApiError)) return error
  const { code, message } = error
  if (code.startsWith('invitation_')) return new FieldError({ invitation: `${message}.` })
  if (message === 'Weak password') return new FieldError({ password: WEAK_PASSWORD })
  if (message === 'User already exists')
    return new FieldError({ username: 'This name is taken. Choose another one.' })
  const [, names] = /^Invalid ([a-z, ]+)$/.exec(message) ?? []
  return names === undefined
    ? error
    : new FieldError(
        Object.fromEntries(names.split(', ').map((name) => [name, ACCEPTED.get(name) ?? message])),
      )
}

const ACCEPTED: ReadonlyMap<string, string> = new Map([
  ['username', 'Use at most 50 characters, including a letter or digit.'],
  ['password', 'Use at most 1,024 characters.'],
  ['phone', 'Use at most 32 characters.'],
  ['address', 'Use at most 200 characters.'],
  ['email', 'Use at most 254 characters.'],
  ['invitation', 'Use the code exactly as you got it, at most 64 characters.'],
])
