import { useState } from 'preact/hooks'
import { api } from '../api.ts'
import { Action } from '../components/action.tsx'
import { Button } from '../components/button.tsx'
import { Confirm } from '../components/dialog.tsx'
import { ErasedParts } from '../components/erased-parts.tsx'
import { PasswordField } from '../components/field.tsx'
import { Section } from '../components/section.tsx'
import { tell } from '../components/toast.tsx'
import { WRONG_PASSWORD, useFieldFaults } from '../field-faults.ts'
import { saveFile } from '../save-file.ts'
import { type Me, leave } from '../session.ts'

/** What is kept about oneself: to take along, and to be forgotten. */
export const OwnData = ({ own }: { readonly own: Me }) => {
  const save = async (): Promise<void> => {
    const answer = await api.fetch('/v1/me/export')
    saveFile(await answer.blob(), 'secure-lock-account.json')
    tell('The file is saved.')
  }
  return (
    <>
      <Section
        title="My data"
        lead="All that is kept about you, as one file: account, sessions, devices, openings, records."
      >
        <Action onAct={save}>Save my data</Action>
      </Section>
      <EraseMe own={own} />
    </>
  )
}

const EraseMe = ({ own }: { readonly own: Me }) => {
  const [isAsked, setAsked] = useState(false)
  const [password, setPassword] = useState('')
  const { faults, placing } = useFieldFaults({
    wrong_password: { at: 'password', words: WRONG_PASSWORD },
  })
  return (
    <Section
      title="Erase me"
      lead="Your account and your name go for good, and with them your way in."
    >
      <div class="actions">
        <Button onClick={() => setAsked(true)}>Erase me</Button>
      </div>
      <Confirm
        title={`Erase ${own.username}?`}
        action="Erase me for good"
        isDangerous
        isOpen={isAsked}
        onClose={() => {
          setAsked(false)
          setPassword('')
        }}
        onConfirm={placing(() => api.delete('/v1/me', { password }))}
        onDone={() => leave('Your account is erased.')}
      >
        <ErasedParts />
        <PasswordField
          label="Your password"
          value={password}
          onValue={setPassword}
          error={faults.password}
          autocomplete="current-password"
        />
      </Confirm>
    </Section>
  )
}
