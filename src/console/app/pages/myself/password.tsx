import { useState } from 'preact/hooks'
import { api } from '../../api/client.ts'
import { PasswordField } from '../../components/form/field.tsx'
import { Form } from '../../components/form/form.tsx'
import { Section } from '../../components/layout/section.tsx'
import { showToast } from '../../components/feedback/toast.tsx'
import { WRONG_PASSWORD, withFieldErrors } from '../../components/form/field-errors.ts'
import { reloadMe } from '../../api/session.ts'

/** Changes your password. */
export const OwnPassword = () => {
  const [current, setCurrent] = useState('')
  const [chosen, setChosen] = useState('')
  const send = async (): Promise<void> => {
    await api.post('/v1/me/password', { current_password: current, new_password: chosen })
    setCurrent('')
    setChosen('')
    await reloadMe()
    showToast('Password changed. You are logged out everywhere else.')
  }
  return (
    <Section title="Password" lead="Changing it logs you out everywhere else.">
      <Form action="Change password" onSend={withFieldErrors(WRONG, send)}>
        <PasswordField
          label="Current password"
          value={current}
          onValue={setCurrent}
          name="current_password"
          autocomplete="current-password"
        />
        <PasswordField
          label="New password"
          value={chosen}
          onValue={setChosen}
          name="new_password"
          autocomplete="new-password"
        />
      </Form>
    </Section>
  )
}

const WRONG = { wrong_password: { field: 'current_password', message: WRONG_PASSWORD } }
