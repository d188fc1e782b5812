import type { Static } from '@sinclair/typebox'
import { useRef, useState } from 'preact/hooks'
import type { CodeAnswer } from '../../../../accounts/people/schema.ts'
import { api } from '../../api/client.ts'
import { Action } from '../../components/form/action.tsx'
import { Button } from '../../components/form/button.tsx'
import { Confirm } from '../../components/form/dialog.tsx'
import { Section } from '../../components/layout/section.tsx'
import { ShownOnce } from '../../components/codes/shown-once.tsx'
import { Time } from '../../time/time.tsx'
import { showToast } from '../../components/feedback/toast.tsx'
import type { Person } from '../../api/person.ts'
import { gateway } from '../../api/session.ts'

type Props = { readonly person: Person; readonly onChange: () => void }
type Reset = Static<typeof CodeAnswer>

/** Resets the password, turns off the second factor, disables and enables the account. */
export const PersonAccess = ({ person, onChange }: Props) => {
  const { id, username, disabled } = person
  const [reset, setReset] = useState<Reset>()
  const heading = useRef<HTMLHeadingElement>(null)
  const change = (message: string): void => {
    showToast(message)
    heading.current?.focus()
    onChange()
  }
  const createCode = async (): Promise<void> =>
    setReset(await api.post<Reset>(`/v1/people/${id}/password-reset`))
  const enable = async (): Promise<void> => {
    await api.patch(`/v1/people/${id}`, { disabled: false })
    change(`${username} can log in again.`)
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
      <Section title="Login" heading={heading}>
        {!disabled && (
          <div class="offer">
            <p>
              <strong>Forgot the password?</strong>{' '}
              <span class="quiet">
                With a one-time code, {username} sets a new one that nobody else knows.
              </span>
            </p>
            <Action onAct={createCode}>Create a code</Action>
          </div>
        )}
        {person.second_factor && <FactorOff person={person} onChange={change} />}
        {disabled ? (
          <div class="offer">
            <p>
              <strong>This account is disabled.</strong>{' '}
              <span class="quiet">{username} cannot log in or record unlocks.</span>
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
      title={`Code for ${username}`}
      code={reset.code}
      link={`${address}/console/new-password#${fragment}`}
      onDone={onDone}
    >
      <p>
        Give it to {username} only: anyone who has this code can set the password. You will not see
        it again. It is valid until <Time at={reset.expires_at} format="clock" />. The old password
        keeps working until then.
      </p>
    </ShownOnce>
  )
}

type PartProps = { readonly person: Person; readonly onChange: (message: string) => void }

const FactorOff = ({ person: { id, username }, onChange }: PartProps) => {
  const [isAsked, setAsked] = useState(false)
  return (
    <div class="offer">
      <p>
        <strong>Lost the phone?</strong>{' '}
        <span class="quiet">Turn off the second factor, so that the password alone is enough.</span>
      </p>
      <Button onClick={() => setAsked(true)}>Turn off second factor</Button>
      <Confirm
        title={`Turn off the second factor of ${username}?`}
        action="Turn off"
        isOpen={isAsked}
        onClose={() => setAsked(false)}
        onConfirm={() => api.delete(`/v1/people/${id}/second-factor`)}
        onDone={() => onChange(`The second factor of ${username} is off.`)}
      >
        <p>
          Make sure that it really is {username} who asks: from now on, the password alone is
          enough. All their sessions end, because the lost phone may be logged in.
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
        <span class="quiet">Disabling logs them out everywhere. You can enable them again.</span>
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
        <p>Their app is logged out at once, and stays out until you enable them again.</p>
      </Confirm>
    </div>
  )
}
