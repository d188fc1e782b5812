import { useState } from 'preact/hooks'
import { ApiError, signedOutBecause } from '../api.ts'
import { Button } from '../components/button.tsx'
import { Field, PasswordField } from '../components/field.tsx'
import { Form } from '../components/form.tsx'
import { Screen } from '../components/screen.tsx'
import { signIn } from '../session.ts'

/** Name and password, and then the code of a second factor where there is one. */
export const SignIn = () => {
  const [username, setUsername] = useState('')
  const [password, setPassword] = useState('')
  const [asksCode, setAsksCode] = useState(false)
  const [otp, setOtp] = useState('')

  const send = async (): Promise<void> => {
    try {
      await signIn({ username, password, ...(asksCode ? { otp } : {}) })
    } catch (error) {
      if (!isFault(error, 'otp_required')) throw error
      setAsksCode(true)
    }
  }

  return (
    <Screen title="Secure Lock Server" lead="Who opened the door, when and how.">
      {signedOutBecause.value && (
        <p class="note info" role="status">
          {signedOutBecause.value}
        </p>
      )}
      {asksCode ? (
        <>
          <Form key="code" action="Sign in" onSend={send} faultWords={codeFault}>
            <Field
              label="One-time code"
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
            Another name
          </Button>
        </>
      ) : (
        <Form key="password" action="Sign in" onSend={send} faultWords={passwordFault}>
          <Field
            label="User name"
            value={username}
            onValue={setUsername}
            required
            autoFocus
            autocomplete="username"
            autocapitalize="none"
            spellcheck={false}
            maxLength={50}
          />
          <PasswordField
            label="Password"
            value={password}
            onValue={setPassword}
            autocomplete="current-password"
          />
        </Form>
      )}
      <OtherWays />
    </Screen>
  )
}

const isFault = (error: unknown, code: string): boolean =>
  error instanceof ApiError && error.code === code

/** The gateway tells a wrong password from a wait by nothing, so the page must name both. */
const passwordFault = (error: unknown): string | undefined =>
  error instanceof ApiError && error.status === 401
    ? 'Name or password is not right. After many wrong ones even the right one is refused for a while, ' +
      'from 30 seconds up to an hour; an admin can end that wait.'
    : undefined

const codeFault = (error: unknown): string | undefined => {
  if (isFault(error, 'otp_invalid'))
    return (
      'This code is not right, or was used already: wait for the next one. If none works, the clock ' +
      'of the phone or the gateway is wrong; recovery codes work all the same.'
    )
  return passwordFault(error)
}

const OtherWays = () => (
  <nav class="links" aria-label="Elsewhere">
    <ul>
      <li>
        <a href="/join">Join</a> <span>with an invitation, or the code of the first start</span>
      </li>
      <li>
        <a href="/console/new-password">New password</a> <span>with a code from an admin</span>
      </li>
      <li>
        <a href="/getLogs">Openings</a> and <a href="/getUsers">accounts</a>{' '}
        <span>as plain tables</span>
      </li>
      <li>
        <a href="/swagger">API</a> <span>for apps</span>, <a href="/readyz">health</a>{' '}
        <span>for supervisors</span>
      </li>
    </ul>
  </nav>
)
