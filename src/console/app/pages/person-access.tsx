import type { Static } from '@sinclair/typebox'
import { useRef, useState } from 'preact/hooks'
import type { CodeAnswer } from '../../../accounts/people/schema.ts'
import { api } from '../api.ts'
import { Action } from '../components/action.tsx'
import { Button } from '../components/button.tsx'
import { Confirm } from '../components/dialog.tsx'
import { Section } from '../components/section.tsx'
import { ShownOnce } from '../components/shown-once.tsx'
import { Time } from '../components/time.tsx'
import { tell } from '../components/toast.tsx'
import type { Person } from '../people.ts'
import { gateway } from '../session.ts'

type Props = { readonly person: Person; readonly onChange: () => void }
type Reset = Static<typeof CodeAnswer>

/** Helping somebody in again, and keeping them out. */
export const PersonAccess = ({ person, onChange }: Props) => {
  const { id, username, disabled } = person
  const [reset, setReset] = useState<Reset>()
  const heading = useRef<HTMLHeadingElement>(null)
  const change = (words: string): void => {
    tell(words)
    heading.current?.focus()
    onChange()
  }
  const begin = async (): Promise<void> =>
    setReset(await api.post<Reset>(`/v1/people/${id}/password-reset`))
  const enable = async (): Promise<void> => {
    await api.patch(`/v1/people/${id}`, { disabled: false })
    change(`${username} can sign in again.`)
  }
  return (
    <>
      {reset && (
        <ResetCode
          reset={reset}
          username={username}
          onDone={() => {
            setReset(undefined)
            heading.current?.focus()
          }}
        />
      )}
      <Section title="Signing in" heading={heading}>
        {!disabled && (
          <div class="offer">
            <p>
              <strong>Forgot the password?</strong>{' '}
              <span class="quiet">
                A one-time code lets {username} choose another. Nobody else gets to know it.
              </span>
            </p>
            <Action onAct={begin}>Make a code</Action>
          </div>
        )}
        {person.second_factor && <FactorOff person={person} onChange={change} />}
        {disabled ? (
          <div class="offer">
            <p>
              <strong>Disabled.</strong>{' '}
              <span class="quiet">{username} can neither sign in nor open the door.</span>
            </p>
            <Action onAct={enable}>Enable</Action>
          </div>
        ) : (
          <Disable person={person} onChange={change} />
        )}
      </Section>
    </>
  )
}

type ResetProps = {
  readonly reset: Reset
  readonly username: string
  readonly onDone: () => void
}

const ResetCode = ({ reset, username, onDone }: ResetProps) => {
  const address = gateway.value?.address ?? location.origin
  const fragment = new URLSearchParams({ reset: reset.code, name: username })
  return (
    <ShownOnce
      title={`A code for ${username}`}
      code={reset.code}
      link={`${address}/console/new-password#${fragment}`}
      onDone={onDone}
    >
      <p>
        Hand it to {username} alone: whoever has it chooses the password. It is shown this once, and
        good until <Time at={reset.expires_at} form="clock" />. The old password goes on until then.
      </p>
    </ShownOnce>
  )
}

type PartProps = { readonly person: Person; readonly onChange: (words: string) => void }

const FactorOff = ({ person: { id, username }, onChange }: PartProps) => {
  const [isAsked, setAsked] = useState(false)
  return (
    <div class="offer">
      <p>
        <strong>Lost the phone?</strong>{' '}
        <span class="quiet">Without their second factor the password alone signs in.</span>
      </p>
      <Button onClick={() => setAsked(true)}>Turn second factor off</Button>
      <Confirm
        title={`Turn off the second factor of ${username}?`}
        action="Turn it off"
        isOpen={isAsked}
        onClose={() => setAsked(false)}
        onConfirm={() => api.delete(`/v1/people/${id}/second-factor`)}
        onDone={() => onChange(`The second factor of ${username} is off.`)}
      >
        <p>
          Make sure that it is {username} who asks: from then on the password alone is enough. All
          their sessions end, as the lost phone may hold one.
        </p>
      </Confirm>
    </div>
  )
}

const Disable = ({ person: { id, username }, onChange }: PartProps) => {
  const [isAsked, setAsked] = useState(false)
  return (
    <div class="offer">
      <p>
        <strong>Keep {username} out?</strong>{' '}
        <span class="quiet">Disabling ends all sessions at once. You can enable them again.</span>
      </p>
      <Button onClick={() => setAsked(true)}>Disable</Button>
      <Confirm
        title={`Disable ${username}?`}
        action={`Disable ${username}`}
        isOpen={isAsked}
        onClose={() => setAsked(false)}
        onConfirm={() => api.patch(`/v1/people/${id}`, { disabled: true })}
        onDone={() => onChange(`${username} is disabled.`)}
      >
        <p>
          Their app is signed out at once and refused from then on, until you enable them again.
        </p>
      </Confirm>
    </div>
  )
}
