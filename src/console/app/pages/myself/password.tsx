import { useState } from 'preact/hooks'
import { api } from '../../api/client.ts'
import { PasswordField } from '../../components/form/field.tsx'
import { Form } from '../../components/form/form.tsx'
import { Section } from '../../components/layout/section.tsx'
import { showToast } from '../../components/feedback/toast.tsx'
import {
  PASSWORD_HINT,
  WEAK_PASSWORD,
  WRONG_PASSWORD,
  useFieldErrors,
} from '../../components/form/field-errors.ts'
import { reloadMe } from '../../api/session.ts'

/** Changes your password. */
export const OwnPassword = () => {
  const [current, setCurrent] = useState('')
  const [chosen, setChosen] = useState('')
  const { errors, withFieldErrors } = useFieldErrors({
    wrong_password: { field: 'current', message: WRONG_PASSWORD },
    weak_password: { field: 'chosen', message: WEAK_PASSWORD },
  })
  const send = async (): Promise<void> => {
    await api.post('/v1/me/password', { current_password: current, new_password: chosen })
    setCurrent('')
    setChosen('')
    await reloadMe()
    showToast('Password changed. You are logged out everywhere else.')
  }
  return (
    <Section title="Password" lead="Changing it logs you out everywhere else.">
      <Form action="Change password" onSend={withFieldErrors(send)}>
        <PasswordField
          label="Current password"
          value={current}
          onValue={setCurrent}
          error={errors.current}
          autocomplete="current-password"
        />
        <PasswordField
          label="New password"
          value={chosen}
          onValue={setChosen}
          error={errors.chosen}
          autocomplete="new-password"
          hint={PASSWORD_HINT}
        />
      </Form>
    </Section>
  )
}
