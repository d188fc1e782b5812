import { useState } from 'preact/hooks'
import { api } from '../../api/client.ts'
import { Button } from '../../components/form/button.tsx'
import { Confirm } from '../../components/form/dialog.tsx'
import { Field } from '../../components/form/field.tsx'

type Props = {
  /** The path of the grant in the API. */
  readonly path: string
  readonly words: string
  readonly onRevoked: () => void
}

/** Revokes a grant at once. */
export const RevokeGrant = ({ path, words, onRevoked }: Props) => {
  const [isAsked, setAsked] = useState(false)
  const [why, setWhy] = useState('')
  const revoke = (): Promise<void> =>
    api.post(`${path}/revocation`, why.trim() === '' ? {} : { why: why.trim() })
  return (
    <>
      <Button onClick={() => setAsked(true)}>Revoke</Button>
      <Confirm
        title="Revoke this rule?"
        action="Revoke"
        isDangerous
        isOpen={isAsked}
        onClose={() => setAsked(false)}
        onConfirm={revoke}
        onDone={onRevoked}
      >
        <p class="words">{words}</p>
        <p>
          The next attempt to open is refused. You cannot undo this, but you can give access again.
        </p>
        <Field
          label="Why? (optional)"
          name="why"
          value={why}
          onValue={setWhy}
          maxLength={200}
          autocomplete="off"
          hint="Admins and owners see it."
        />
      </Confirm>
    </>
  )
}
