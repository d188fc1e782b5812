import { useRef, useState } from 'preact/hooks'
import type { Static } from '@sinclair/typebox'
import type { RevocationAnswer } from '../../../../locks/grants/schema.ts'
import { listed } from '../../../../domain/text/grant-words.ts'
import { api } from '../../api/client.ts'
import { Button } from '../../components/form/button.tsx'
import { Confirm } from '../../components/form/dialog.tsx'
import { Field } from '../../components/form/field.tsx'
import { theDoor } from '../../words/door-name.ts'

type Revocation = Static<typeof RevocationAnswer>

type Props = {
  /** The path of the grant in the API. */
  readonly path: string
  /** What is revoked: `rule`. */
  readonly what?: string
  readonly words: string
  /** Called with what to tell the person. */
  readonly onRevoked: (message: string) => void
}

/** Revokes a grant at once. */
export const RevokeGrant = ({ path, what = 'rule', words, onRevoked }: Props) => {
  const [isAsked, setAsked] = useState(false)
  const [why, setWhy] = useState('')
  const answer = useRef<Revocation>({ effective: [] })
  const revoke = async (): Promise<void> => {
    const note = why.trim()
    answer.current = await api.post<Revocation>(
      `${path}/revocation`,
      note === '' ? {} : { why: note },
    )
  }
  return (
    <>
      <Button onClick={() => setAsked(true)}>Revoke</Button>
      <Confirm
        title={`Revoke this ${what}?`}
        action="Revoke"
        isDangerous
        isOpen={isAsked}
        onClose={() => setAsked(false)}
        onConfirm={revoke}
        onDone={() => onRevoked(effectWords(answer.current))}
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

const DOORS_NAMED_MAX = 4

/** Says from when on it is refused, and where. */
const effectWords = ({ effective }: Revocation): string =>
  effective.length === 0 || effective.length > DOORS_NAMED_MAX
    ? 'Revoked, effective now.'
    : `Revoked, effective now at ${listed(effective.map(({ lock }) => theDoor(lock)))}.`
