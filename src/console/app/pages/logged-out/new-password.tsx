import { useState } from 'preact/hooks'
import { api } from '../../api/client.ts'
import { withFieldErrors } from '../../components/form/field-errors.ts'
import { Field, PasswordField, UsernameField } from '../../components/form/field.tsx'
import { Form } from '../../components/form/form.tsx'
import { Screen } from '../../components/layout/screen.tsx'

type Props = {
  /** From the link, or empty. */
  readonly code: string
  readonly name: string
}

/** Sets a new password with the code that an admin created. */
export const NewPassword = ({ code: given, name }: Props) => {
  const [username, setUsername] = useState(name)
  const [code, setCode] = useState(given)
  const [password, setPassword] = useState('')
  const [isDone, setDone] = useState(false)
  if (isDone)
    return (
      <Screen
        key="done"
        title="Your new password is set"
        lead={
          <>
            You are logged out everywhere. Now log in with it in the app or{' '}
            <a href="/console">in the console</a>.
          </>
        }
      />
    )
  const send = async (): Promise<void> => {
    await api.post('/v1/password-reset', { username, code, new_password: password })
    setDone(true)
  }
  return (
    <Screen title="Set a new password" lead="You need the code that an admin or owner gave you.">
      <Form
        action="Save password"
        onSend={withFieldErrors({ invalid_code: { field: 'code', message: INVALID_CODE } }, send)}
      >
        <UsernameField value={username} onValue={setUsername} />
        <Field
          label="Code"
          value={code}
          onValue={setCode}
          name="code"
          required
          maxLength={100}
          autocomplete="off"
          autocapitalize="characters"
          spellcheck={false}
        />
        <PasswordField
          label="New password"
          value={password}
          onValue={setPassword}
          name="new_password"
          autocomplete="new-password"
        />
      </Form>
    </Screen>
  )
}

const INVALID_CODE =
  'This code does not belong to this name, was used already or has expired. Ask for a new one.'
