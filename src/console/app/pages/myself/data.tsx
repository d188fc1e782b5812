import { useState } from 'preact/hooks'
import { api } from '../../api/client.ts'
import { Action } from '../../components/form/action.tsx'
import { Button } from '../../components/form/button.tsx'
import { Confirm } from '../../components/form/dialog.tsx'
import { ErasureNotice } from '../../components/feedback/erasure-notice.tsx'
import { PasswordField } from '../../components/form/field.tsx'
import { Section } from '../../components/layout/section.tsx'
import { showToast } from '../../components/feedback/toast.tsx'
import { WRONG_PASSWORD, withFieldErrors } from '../../components/form/field-errors.ts'
import { saveFile } from '../../api/save-file.ts'
import { type Me, leave } from '../../api/session.ts'

/** Exports your own data, and erases your account. */
export const OwnData = ({ own }: { readonly own: Me }) => {
  const save = async (): Promise<void> => {
    const answer = await api.fetch('/v1/me/export')
    saveFile(await answer.blob(), 'secure-lock-account.json')
    showToast('File saved.')
  }
  return (
    <>
      <Section
        title="My data"
        lead="Everything stored about you in one file: account, sessions, devices, unlocks and audit events."
      >
        <Action onAct={save}>Export my data</Action>
      </Section>
      <EraseMe own={own} />
    </>
  )
}

const EraseMe = ({ own }: { readonly own: Me }) => {
  const [isAsked, setAsked] = useState(false)
  const [password, setPassword] = useState('')
  return (
    <Section
      title="Erase my account"
      lead="Deletes your account and your data for good. You can no longer log in."
    >
      <div class="actions">
        <Button onClick={() => setAsked(true)}>Erase my account</Button>
      </div>
      <Confirm
        title={`Erase ${own.username}?`}
        action="Erase for good"
        isDangerous
        isOpen={isAsked}
        onClose={() => {
          setAsked(false)
          setPassword('')
        }}
        onConfirm={withFieldErrors(
          { wrong_password: { field: 'password', message: WRONG_PASSWORD } },
          () => api.delete('/v1/me', { password }),
        )}
        onDone={() => leave('Your account is erased.')}
      >
        <ErasureNotice />
        <PasswordField
          label="Your password"
          value={password}
          onValue={setPassword}
          name="password"
          autocomplete="current-password"
        />
      </Confirm>
    </Section>
  )
}
