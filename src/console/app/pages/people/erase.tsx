import { useState } from 'preact/hooks'
import { useLocation } from 'preact-iso/router'
import { api } from '../../api/client.ts'
import { Button } from '../../components/form/button.tsx'
import { Confirm } from '../../components/form/dialog.tsx'
import { Field } from '../../components/form/field.tsx'
import { Section } from '../../components/layout/section.tsx'
import { showToast } from '../../components/feedback/toast.tsx'
import { ErasureNotice } from '../../components/feedback/erasure-notice.tsx'
import type { Person } from '../../api/person.ts'
import { FieldError } from '../../components/form/field-errors.ts'

type Props = {
  readonly person: Person
  readonly back: string
  readonly onErased: () => void
}

/** Erases an account for good, after its name is typed. */
export const PersonErase = ({ person: { id, username }, back, onErased }: Props) => {
  const { route } = useLocation()
  const [isAsked, setAsked] = useState(false)
  const [typed, setTyped] = useState('')
  const close = (): void => {
    setAsked(false)
    setTyped('')
  }
  const erase = async (): Promise<void> => {
    if (typed.normalize().trim() !== username.normalize().trim())
      throw new FieldError({ name: `This is not the name. Type ${username} to continue.` })
    await api.delete(`/v1/people/${id}`)
  }
  const leave = (): void => {
    showToast(`${username} is erased.`)
    onErased()
    route(back)
  }
  return (
    <Section
      title="Erase"
      lead="Deletes this account and its data for good. To keep somebody out for a while, disable them instead."
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
        <ErasureNotice />
        <Field
          label={`Type ${username} to continue`}
          value={typed}
          onValue={setTyped}
          name="name"
          required
          autocomplete="off"
          autocapitalize="none"
          spellcheck={false}
        />
      </Confirm>
    </Section>
  )
}
