import { useRef, useState } from 'preact/hooks'
import { api } from '../../api/client.ts'
import type { Person } from '../../api/person.ts'
import { showToast } from '../../components/feedback/toast.tsx'
import { Action } from '../../components/form/action.tsx'
import { Button } from '../../components/form/button.tsx'
import { Confirm } from '../../components/form/dialog.tsx'
import { Section } from '../../components/layout/section.tsx'

type Props = { readonly person: Person; readonly onChange: () => void }

/** Lets a waiting member in, or makes a member wait again. */
export const PersonAdmission = ({ person: { id, username, admitted }, onChange }: Props) => {
  const [isAsked, setAsked] = useState(false)
  const heading = useRef<HTMLHeadingElement>(null)
  const changed = (message: string): void => {
    showToast(message)
    heading.current?.focus()
    onChange()
  }
  const set = (state: boolean) => api.patch<void>(`/v1/people/${id}`, { admitted: state })
  const letIn = async (): Promise<void> => {
    await set(true)
    changed(`${username} is in.`)
  }
  return (
    <Section title="Admission" heading={heading}>
      {admitted ? (
        <div class="offer">
          <p>
            <strong>{username} has been let in.</strong>{' '}
            <span class="quiet">You can make them wait again. They stay logged in.</span>
          </p>
          <Button onClick={() => setAsked(true)}>Make wait</Button>
          <Confirm
            title={`Make ${username} wait?`}
            action={`Make ${username} wait`}
            isOpen={isAsked}
            onClose={() => setAsked(false)}
            onConfirm={() => set(false)}
            onDone={() => changed(`${username} is waiting to be let in.`)}
          >
            <p>Tighter limits apply to them until you let them in again.</p>
          </Confirm>
        </div>
      ) : (
        <div class="offer">
          <p>
            <strong>{username} is waiting to be let in.</strong>{' '}
            <span class="quiet">
              Check the phone number and address first: anyone can register under any name.
            </span>
          </p>
          <Action kind="main" onAct={letIn}>
            Let in
          </Action>
        </div>
      )}
    </Section>
  )
}
