import type { Static } from '@sinclair/typebox'
import { useEffect, useState } from 'preact/hooks'
import { useLocation } from 'preact-iso/router'
import type { SettingsAnswer } from '../../../../accounts/registration/schema.ts'
import { api } from '../../api/client.ts'
import { PASSWORD_HINT } from '../../components/form/field-errors.ts'
import { Button } from '../../components/form/button.tsx'
import { Field, PasswordField } from '../../components/form/field.tsx'
import { Form } from '../../components/form/form.tsx'
import { type Registration, RegistrationChoice } from '../security/registration-choice.tsx'
import { QrCode } from '../../components/codes/qr-code.tsx'
import { Screen } from '../../components/layout/screen.tsx'
import { ErrorState, Loading, Note } from '../../components/feedback/states.tsx'
import { useLoad } from '../../api/load.ts'
import { setUpOwner, gateway, me, role } from '../../api/session.ts'

type Settings = Static<typeof SettingsAnswer>

/** The first run: create the owner, choose who may register, and show the address for phones. */
export const FirstRun = ({ code }: { readonly code: string }) => {
  const [isChosen, setChosen] = useState(false)
  const { route } = useLocation()
  const isForOwners = me.value !== undefined && role.value !== 'owner'
  useEffect(() => {
    if (isForOwners) route('/console', true)
  }, [isForOwners])
  if (!me.value) return <CreateOwner code={code} />
  return isChosen ? <Done /> : <Choose onDone={() => setChosen(true)} />
}

const Step = ({ number }: { readonly number: number }) => <p class="step">Step {number} of 3</p>

const CreateOwner = ({ code: given }: { readonly code: string }) => {
  const [code, setCode] = useState(given)
  const [username, setUsername] = useState('')
  const [password, setPassword] = useState('')
  return (
    <Screen
      title="Create the owner"
      lead="This gateway has no owner yet. To become the owner, enter the setup code that the gateway printed when it started."
    >
      <Step number={1} />
      <Form action="Create the owner" onSend={() => setUpOwner({ code, username, password })}>
        <Field
          label="Setup code"
          value={code}
          onValue={setCode}
          required
          maxLength={64}
          autocomplete="off"
          autocapitalize="characters"
          spellcheck={false}
          hint="Valid for 30 minutes. Restart the server for a new one."
        />
        <Field
          label="User name"
          value={username}
          onValue={setUsername}
          required
          maxLength={50}
          autocomplete="username"
          autocapitalize="none"
          spellcheck={false}
        />
        <PasswordField
          label="Password"
          value={password}
          onValue={setPassword}
          autocomplete="new-password"
          hint={PASSWORD_HINT}
        />
      </Form>
    </Screen>
  )
}

const Choose = ({ onDone }: { readonly onDone: () => void }) => {
  const { data, error, reload } = useLoad('settings', (signal) =>
    api.get<Settings>('/v1/settings', { signal }),
  )
  const [chosen, setChosen] = useState<Registration>('invite')
  const fixed = data?.registration.is_fixed ? data.registration.value : undefined
  const send = async (): Promise<void> => {
    if (!fixed) await api.patch('/v1/settings', { registration: chosen })
    onDone()
  }
  return (
    <Screen title="Who may register?" lead="You can change this at any time.">
      <Step number={2} />
      {error ? <ErrorState error={error} onRetry={reload} /> : null}
      {!data && !error ? <Loading what="settings" /> : null}
      {data && (
        <Form action="Continue" onSend={send}>
          <RegistrationChoice value={fixed ?? chosen} isFixed={!!fixed} onValue={setChosen} />
        </Form>
      )}
    </Screen>
  )
}

const Done = () => {
  const { route } = useLocation()
  const address = gateway.value?.address ?? location.origin
  return (
    <Screen
      title="All set"
      lead="Enter this address in the phone app, or scan the QR code with it."
    >
      <Step number={3} />
      <figure class="address">
        <QrCode text={address} label={`QR code of ${address}`} />
        <figcaption>
          <code>{address}</code>
        </figcaption>
      </figure>
      {address.startsWith('http:') && (
        <Note kind="warning">
          This connection is not encrypted: anyone on the network can read passwords. To encrypt it,
          set <code>TLS_CERT_FILE</code> and <code>TLS_KEY_FILE</code> on the gateway.
        </Note>
      )}
      <Button kind="main" onClick={() => route('/console')}>
        Open the console
      </Button>
    </Screen>
  )
}
