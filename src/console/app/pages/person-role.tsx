import { useState } from 'preact/hooks'
import { ApiError, api } from '../api.ts'
import { Choices } from '../components/choices.tsx'
import { Form } from '../components/form.tsx'
import { Section } from '../components/section.tsx'
import { tell } from '../components/toast.tsx'
import { isAtLeast } from '../nav.ts'
import { type Person, ROLES, isMyself, roleWord } from '../people.ts'
import { readPerson } from '../session.ts'

type Props = { readonly person: Person; readonly onChange: () => void }

/** What somebody may do, for owners. */
export const PersonRole = ({ person, onChange }: Props) => {
  const { id, username, role: held } = person
  const [chosen, setChosen] = useState(held)
  const isLower = chosen !== held && isAtLeast(held, chosen)
  const send = async (): Promise<void> => {
    if (chosen === held) return
    await api.patch(`/v1/people/${id}`, { role: chosen })
    tell(`${username} is ${roleWord(chosen).toLowerCase()} now.`)
    if (isMyself(person)) await readPerson()
    onChange()
  }
  return (
    <Section title="Role">
      <Form action="Give this role" onSend={send} faultWords={faultWords}>
        <Choices label="Role" name="role" options={ROLES} value={chosen} onValue={setChosen} />
        {isLower && <p class="hint">A lower role ends the sessions of {username}.</p>}
      </Form>
    </Section>
  )
}

const faultWords = (error: unknown): string | undefined =>
  error instanceof ApiError && error.code === 'last_owner'
    ? 'This is the last owner: without one, nobody could make owners or change settings any more. Make another one first.'
    : undefined
