import { useState } from 'preact/hooks'
import { ApiError, logoutReason } from '../../api/client.ts'
import { logIn } from '../../api/session.ts'
import { Button } from '../../components/form/button.tsx'
import { withFieldErrors } from '../../components/form/field-errors.ts'
import { Field, PasswordField, UsernameField } from '../../components/form/field.tsx'
import { Form } from '../../components/form/form.tsx'
import { Screen } from '../../components/layout/screen.tsx'

/** Asks for name and password, and then for a code if the account has a second factor. */
export const LogIn = ({ notice }: { readonly notice?: string | undefined }) => {
  const [username, setUsername] = useState('')
  const [password, setPassword] = useState('')
  const [asksCode, setAsksCode] = useState(false)
  const [otp, setOtp] = useState('')

  const send = async (): Promise<void> => {
    try {
      await logIn({ username, password, ...(asksCode ? { otp } : {}) })
    } catch (error) {
      if (!hasCode(error, 'otp_required')) throw error
      setAsksCode(true)
    }
  }

  return (
    <Screen title="Secure Lock Server" lead="See who unlocked the door, when and how.">
      {(logoutReason.value ?? notice) && (
        <p class="note info" role="status">
          {logoutReason.value ?? notice}
        </p>
      )}
      {asksCode ? (
        <>
          <Form
            key="code"
            action="Log in"
            onSend={withFieldErrors({ otp_invalid: { field: 'otp', message: WRONG_CODE } }, send)}
            messageFor={passwordMessage}
          >
            <Field
              label="One-time code"
              name="otp"
              value={otp}
              onValue={setOtp}
              required
              autoFocus
              autocomplete="one-time-code"
              maxLength={64}
              spellcheck={false}
              hint="Six digits from your authenticator app, or a recovery code."
            />
          </Form>
          <Button
            kind="quiet"
            onClick={() => {
              setAsksCode(false)
              setOtp('')
            }}
          >
            Use another account
          </Button>
        </>
      ) : (
        <Form key="password" action="Log in" onSend={send} messageFor={passwordMessage}>
          <UsernameField value={username} onValue={setUsername} autoFocus />
          <PasswordField
            label="Password"
            name="password"
            value={password}
            onValue={setPassword}
            autocomplete="current-password"
          />
        </Form>
      )}
      <OtherPages />
    </Screen>
  )
}

const hasCode = (error: unknown, code: string): boolean =>
  error instanceof ApiError && error.code === code

/** The API does not tell a wrong password from a lockout, so the message mentions both. */
const passwordMessage = (error: unknown): string | undefined =>
  error instanceof ApiError && error.status === 401 && error.code !== 'access_ended'
    ? 'Wrong name or password. After many failed logins, even the right password is refused for 30 ' +
      'seconds up to an hour. An admin can clear this lockout.'
    : undefined

const WRONG_CODE =
  'This code is wrong or has already been used. Wait for the next one. If none works, the clock of ' +
  'the phone or the gateway is wrong; a recovery code still works.'

const OtherPages = () => (
  <nav class="links" aria-label="Other pages">
    <ul>
      <li>
        <a href="/join">Register</a> <span>with a code, if you have one</span>
      </li>
      <li>
        <a href="/console/new-password">Set a new password</a>{' '}
        <span>with a code from an admin</span>
      </li>
      <li>
        <a href="/getLogs">Unlocks</a> <span>and</span> <a href="/getUsers">accounts</a>{' '}
        <span>as plain tables</span>
      </li>
      <li>
        <a href="/swagger">API</a> <span>and</span> <a href="/readyz">health</a>{' '}
        <span>of this server</span>
      </li>
    </ul>
  </nav>
)
