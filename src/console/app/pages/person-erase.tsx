import { useState } from 'preact/hooks'
import { useLocation } from 'preact-iso/router'
import { api } from '../api.ts'
import { Button } from '../components/button.tsx'
import { Confirm } from '../components/dialog.tsx'
import { Field } from '../components/field.tsx'
import { Section } from '../components/section.tsx'
import { tell } from '../components/toast.tsx'
import { ErasedParts } from '../components/erased-parts.tsx'
import type { Person } from '../people.ts'
import { ToldBesideField } from '../words.ts'

type Props = {
  readonly person: Person
  readonly back: string
  readonly onErased: () => void
}

/** Forgetting somebody for good; their name must be typed for it. */
export const PersonErase = ({ person: { id, username }, back, onErased }: Props) => {
  const { route } = useLocation()
  const [isAsked, setAsked] = useState(false)
  const [typed, setTyped] = useState('')
  const [fault, setFault] = useState<string>()
  const close = (): void => {
    setAsked(false)
    setTyped('')
    setFault(undefined)
  }
  const erase = async (): Promise<void> => {
    if (typed.trim() !== username) {
      setFault(`This is not the name. Type ${username} to go on.`)
      throw new ToldBesideField()
    }
    setFault(undefined)
    await api.delete(`/v1/people/${id}`)
  }
  const leave = (): void => {
    tell(`${username} is erased.`)
    onErased()
    route(back)
  }
  return (
    <Section
      title="Erase"
      lead="Forgets this person for good. To keep somebody out for a while, disable them."
    >
      <div class="actions">
        <Button onClick={() => setAsked(true)}>Erase {username}</Button>
      </div>
      <Confirm
        title={`Erase ${username}?`}
        action={`Erase ${username}`}
        isDangerous
        isOpen={isAsked}
        onClose={close}
        onConfirm={erase}
        onDone={leave}
      >
        <ErasedParts />
        <Field
          label={`Type the name ${username} to go on`}
          value={typed}
          onValue={setTyped}
          error={fault}
          required
          autocomplete="off"
          autocapitalize="none"
          spellcheck={false}
        />
      </Confirm>
    </Section>
  )
}
