import { useState } from 'preact/hooks'
import { setUpOwner } from '../../api/session.ts'
import { withFieldErrors } from '../../components/form/field-errors.ts'
import { Field, PasswordField, UsernameField } from '../../components/form/field.tsx'
import { Form } from '../../components/form/form.tsx'

/** Creates the first owner with the setup code, which is empty unless the link has it. */
export const CreateOwner = ({ code: given }: { readonly code: string }) => {
  const [code, setCode] = useState(given)
  const [username, setUsername] = useState('')
  const [password, setPassword] = useState('')
  const send = (): Promise<void> => setUpOwner({ code, username, password })
  return (
    <>
      <p>
        This gateway has no owner yet. With the setup code that it printed when it started, you
        become the owner.
      </p>
      <Form action="Create the owner" onSend={withFieldErrors(WRONG_CODE, send)}>
        <Field
          label="Setup code"
          name="code"
          value={code}
          onValue={setCode}
          required
          maxLength={64}
          autocomplete="off"
          autocapitalize="characters"
          spellcheck={false}
          hint="Valid for 30 minutes. Restart the server for a new one."
        />
        <UsernameField value={username} onValue={setUsername} />
        <PasswordField
          label="Password"
          name="password"
          value={password}
          onValue={setPassword}
          autocomplete="new-password"
        />
      </Form>
    </>
  )
}

const WRONG_CODE = {
  setup_code_wrong: { field: 'code' },
  setup_code_expired: { field: 'code' },
}
