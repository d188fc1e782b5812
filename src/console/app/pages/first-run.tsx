import type { Static } from '@sinclair/typebox'
import { useEffect, useState } from 'preact/hooks'
import { useLocation } from 'preact-iso/router'
import type { SettingsAnswer } from '../../../accounts/registration/schema.ts'
import { api } from '../api.ts'
import { Button } from '../components/button.tsx'
import { Field, PasswordField } from '../components/field.tsx'
import { Form } from '../components/form.tsx'
import { type Registration, RegistrationChoice } from '../components/registration-choice.tsx'
import { QrPicture } from '../components/qr-picture.tsx'
import { Screen } from '../components/screen.tsx'
import { ErrorState, Loading, Note } from '../components/states.tsx'
import { useLoad } from '../load.ts'
import { setUpOwner, gateway, me, role } from '../session.ts'

type Settings = Static<typeof SettingsAnswer>

/** The first start: setup code, owner, who may register, and the address for the phones. */
export const FirstRun = ({ code }: { readonly code: string }) => {
  const [isChosen, setChosen] = useState(false)
  const { route } = useLocation()
  const isForOther = me.value !== undefined && role.value !== 'owner'
  useEffect(() => {
    if (isForOther) route('/console', true)
  }, [isForOther])
  if (!me.value) return <MakeOwner code={code} />
  return isChosen ? <Done /> : <Choose onDone={() => setChosen(true)} />
}

const Step = ({ number }: { readonly number: number }) => <p class="step">Step {number} of 3</p>

const MakeOwner = ({ code: given }: { readonly code: string }) => {
  const [code, setCode] = useState(given)
  const [username, setUsername] = useState('')
  const [password, setPassword] = useState('')
  return (
    <Screen
      title="Make the owner"
      lead="This gateway has no owner yet. Whoever has the code that it printed at its start becomes the owner."
    >
      <Step number={1} />
      <Form action="Become the owner" onSend={() => setUpOwner({ code, username, password })}>
        <Field
          label="Setup code"
          value={code}
          onValue={setCode}
          required
          maxLength={64}
          autocomplete="off"
          autocapitalize="characters"
          spellcheck={false}
          hint="Good for 30 minutes from the start of the gateway; a restart gives another."
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
          hint="Three or four words that do not belong together are a good one."
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
      {!data && !error ? <Loading what="the settings" /> : null}
      {data && (
        <Form action="Go on" onSend={send}>
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
      title="The door is yours"
      lead="Give the phone app this address, or let it read the picture."
    >
      <Step number={3} />
      <figure class="address">
        <QrPicture text={address} label={`QR code of ${address}`} />
        <figcaption>
          <code>{address}</code>
        </figcaption>
      </figure>
      {address.startsWith('http:') && (
        <Note kind="warning">
          Plain HTTP: whoever shares the network can read passwords. Set <code>TLS_CERT_FILE</code>{' '}
          and <code>TLS_KEY_FILE</code> at the gateway.
        </Note>
      )}
      <Button kind="main" onClick={() => route('/console')}>
        Open the console
      </Button>
    </Screen>
  )
}
