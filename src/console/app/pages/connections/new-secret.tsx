import { useState } from 'preact/hooks'
import { api } from '../../api/client.ts'
import { type Target, targetPath } from '../../api/targets.ts'
import { SecretOnce } from '../../components/codes/secret-once.tsx'
import { Button } from '../../components/form/button.tsx'
import { Confirm } from '../../components/form/dialog.tsx'
import { PasswordField } from '../../components/form/field.tsx'
import { WRONG_PASSWORD, withFieldErrors } from '../../components/form/field-errors.ts'

type Props = { readonly target: Target; readonly onChange: () => void }

/** What the secret of a webhook is for. */
export const SECRET_WORDS = (
  <p>
    The receiver checks with it that messages come from your gateway (Standard Webhooks). You will
    not see it again.
  </p>
)

/** Gives a webhook a new secret, which is shown once. */
export const NewSecret = ({ target, onChange }: Props) => {
  const [isAsked, setAsked] = useState(false)
  const [password, setPassword] = useState('')
  const [secret, setSecret] = useState('')
  if (secret !== '')
    return (
      <SecretOnce
        title="The new secret"
        secret={secret}
        what="secret"
        onDone={() => {
          setSecret('')
          onChange()
        }}
      >
        {SECRET_WORDS}
        <p>The old one works for another 24 hours.</p>
      </SecretOnce>
    )
  return (
    <div class="offer">
      <p>
        <strong>A new secret?</strong>{' '}
        <span class="quiet">Messages are signed with both for 24 hours.</span>
      </p>
      <Button onClick={() => setAsked(true)}>New secret</Button>
      <Confirm
        title="A new secret?"
        action="Create a new secret"
        isOpen={isAsked}
        onClose={() => {
          setPassword('')
          setAsked(false)
        }}
        onConfirm={withFieldErrors(WRONG, async () => {
          const made = await api.post<Target>(`${targetPath(target.id)}/secret`, { password })
          setSecret(made.secret ?? '')
        })}
      >
        <p>You will see it once. The old one works for another 24 hours.</p>
        <PasswordField
          label="Your password"
          name="password"
          value={password}
          onValue={setPassword}
          autocomplete="current-password"
        />
      </Confirm>
    </div>
  )
}

const WRONG = { wrong_password: { field: 'password', message: WRONG_PASSWORD } }
