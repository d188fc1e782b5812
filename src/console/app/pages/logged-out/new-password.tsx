import { useState } from 'preact/hooks'
import { api } from '../../api/client.ts'
import { PASSWORD_HINT, WEAK_PASSWORD, useFieldErrors } from '../../components/form/field-errors.ts'
import { Field, PasswordField } from '../../components/form/field.tsx'
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
  const { errors, withFieldErrors } = useFieldErrors({
    invalid_code: { field: 'code', message: INVALID_CODE },
    weak_password: { field: 'password', message: WEAK_PASSWORD },
  })
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
      <Form action="Save password" onSend={withFieldErrors(send)}>
        <Field
          label="User name"
          value={username}
          onValue={setUsername}
          required
          maxLength={50}
          autocomplete="username"
          autocapitalize="none"
          spellcheck={false}
        />
        <Field
          label="Code"
          value={code}
          onValue={setCode}
          error={errors.code}
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
          error={errors.password}
          autocomplete="new-password"
          hint={PASSWORD_HINT}
        />
      </Form>
    </Screen>
  )
}

const INVALID_CODE =
  'This code does not belong to this name, was used already or has expired. Ask for a new one.'
