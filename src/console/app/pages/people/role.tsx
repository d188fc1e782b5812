import { useState } from 'preact/hooks'
import { ApiError, api } from '../../api/client.ts'
import { Choices } from '../../components/form/choices.tsx'
import { Form } from '../../components/form/form.tsx'
import { Section } from '../../components/layout/section.tsx'
import { showToast } from '../../components/feedback/toast.tsx'
import { isAtLeast } from '../../routing/sections.ts'
import { type Person, isMyself } from '../../api/person.ts'
import { ROLES, aRole } from '../../words/role.ts'
import { reloadMe } from '../../api/session.ts'

type Props = { readonly person: Person; readonly onChange: () => void }

/** Changes the role of an account; for owners. */
export const PersonRole = ({ person, onChange }: Props) => {
  const { id, username, role: current } = person
  const [chosen, setChosen] = useState(current)
  const isLower = chosen !== current && isAtLeast(current, chosen)
  const send = async (): Promise<void> => {
    if (chosen === current) return
    await api.patch(`/v1/people/${id}`, { role: chosen })
    showToast(`${username} is now ${aRole(chosen)}.`)
    if (isMyself(person)) await reloadMe()
    onChange()
  }
  return (
    <Section title="Role">
      <Form action="Change role" onSend={send} messageFor={messageFor}>
        <Choices label="Role" name="role" options={ROLES} value={chosen} onValue={setChosen} />
        {isLower && <p class="hint">This logs {username} out everywhere.</p>}
      </Form>
    </Section>
  )
}

const messageFor = (error: unknown): string | undefined =>
  error instanceof ApiError && error.code === 'last_owner'
    ? 'This is the last owner, and the gateway needs one. Make somebody else an owner first.'
    : undefined
