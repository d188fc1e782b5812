import { useState } from 'preact/hooks'
import { api } from '../api.ts'
import { Field, PasswordField } from '../components/field.tsx'
import { Form } from '../components/form.tsx'
import { Screen } from '../components/screen.tsx'
import { WEAK_PASSWORD, useFieldFaults } from '../field-faults.ts'

type Props = {
  /** From the link, if there was one. */
  readonly code: string
  readonly name: string
}

/** Where a person chooses a new password with the code that an admin gave them. */
export const NewPassword = ({ code: given, name }: Props) => {
  const [username, setUsername] = useState(name)
  const [code, setCode] = useState(given)
  const [password, setPassword] = useState('')
  const [isDone, setDone] = useState(false)
  const { faults, placing } = useFieldFaults({
    invalid_code: { at: 'code', words: INVALID_CODE },
    weak_password: { at: 'password', words: WEAK_PASSWORD },
  })
  if (isDone)
    return (
      <Screen
        key="done"
        title="The new password counts"
        lead={
          <>
            You are signed out everywhere. Sign in with it in the app, or{' '}
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
    <Screen
      title="Choose a new password"
      lead="With the code that an admin or owner of this door gave you."
    >
      <Form action="Choose it" onSend={placing(send)}>
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
          error={faults.code}
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
          error={faults.password}
          autocomplete="new-password"
          hint="Three or four words that do not belong together are a good one."
        />
      </Form>
    </Screen>
  )
}

const INVALID_CODE =
  'This code does not fit the name, was used already, or is over. Ask for another.'
