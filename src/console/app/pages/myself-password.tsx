import { useState } from 'preact/hooks'
import { api } from '../api.ts'
import { PasswordField } from '../components/field.tsx'
import { Form } from '../components/form.tsx'
import { Section } from '../components/section.tsx'
import { tell } from '../components/toast.tsx'
import { WEAK_PASSWORD, WRONG_PASSWORD, useFieldFaults } from '../field-faults.ts'
import { readPerson } from '../session.ts'

/** Another password, for whoever knows the one there is. */
export const OwnPassword = () => {
  const [current, setCurrent] = useState('')
  const [chosen, setChosen] = useState('')
  const { faults, placing } = useFieldFaults({
    wrong_password: { at: 'current', words: WRONG_PASSWORD },
    weak_password: { at: 'chosen', words: WEAK_PASSWORD },
  })
  const send = async (): Promise<void> => {
    await api.post('/v1/me/password', { current_password: current, new_password: chosen })
    setCurrent('')
    setChosen('')
    await readPerson()
    tell('The new password counts. You are signed out everywhere else.')
  }
  return (
    <Section title="Password" lead="A new one signs you out everywhere but here.">
      <Form action="Change password" onSend={placing(send)}>
        <PasswordField
          label="Current password"
          value={current}
          onValue={setCurrent}
          error={faults.current}
          autocomplete="current-password"
        />
        <PasswordField
          label="New password"
          value={chosen}
          onValue={setChosen}
          error={faults.chosen}
          autocomplete="new-password"
          hint="Three or four words that do not belong together are a good one."
        />
      </Form>
    </Section>
  )
}
