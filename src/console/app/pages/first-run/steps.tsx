import { useState } from 'preact/hooks'
import { api } from '../../api/client.ts'
import { gateway, settings } from '../../api/session.ts'
import { AppAddress } from '../../components/codes/app-address.tsx'
import { Note } from '../../components/feedback/states.tsx'
import { Action } from '../../components/form/action.tsx'
import { Form } from '../../components/form/form.tsx'
import { TestOpening } from '../../components/form/test-opening.tsx'
import { type Registration, RegistrationChoice } from '../security/registration-choice.tsx'

type Props = {
  /** Goes on to the next step. */
  readonly onDone: () => Promise<void>
}

/** Chooses who may register, unless the gateway's settings fix it. */
export const ChooseRegistration = ({ onDone }: Props) => {
  const current = settings.value?.registration
  const [chosen, setChosen] = useState<Registration>('invite')
  const fixed = current?.is_fixed ? current.value : undefined
  const send = async (): Promise<void> => {
    if (!fixed) settings.value = await api.patch('/v1/settings', { registration: chosen })
    await onDone()
  }
  return (
    <>
      <p>You can change this at any time, under Security.</p>
      <Form action="Continue" onSend={send}>
        <RegistrationChoice value={fixed ?? chosen} isFixed={!!fixed} onValue={setChosen} />
      </Form>
    </>
  )
}

/** Shows the address that the phone app asks for. */
export const ConnectPhone = ({ onDone }: Props) => {
  const address = gateway.value?.address ?? location.origin
  return (
    <>
      <p>Enter this address in the phone app, or scan the QR code with it.</p>
      <AppAddress address={address} />
      {address.startsWith('http:') && (
        <Note kind="warning">
          This connection is not encrypted: anyone on the network can read passwords.{' '}
          <a href="/manual/https">Set up HTTPS</a>.
        </Note>
      )}
      <Action kind="main" onAct={onDone}>
        Continue
      </Action>
    </>
  )
}

type TryProps = { readonly onRecorded: (id: string) => Promise<void> }

/** Records an unlock without the app. */
export const TryOpening = ({ onRecorded }: TryProps) => (
  <>
    <p>
      See what an opening looks like before any app reports one. It stays in the log, marked as a
      test.
    </p>
    <TestOpening kind="main" onRecorded={onRecorded} />
  </>
)
