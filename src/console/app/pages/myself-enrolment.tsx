import type { Static } from '@sinclair/typebox'
import { useEffect, useRef, useState } from 'preact/hooks'
import type {
  EnrolmentAnswer,
  RecoveryCodesAnswer,
} from '../../../accounts/second-factor/schema.ts'
import { api } from '../api.ts'
import { Button } from '../components/button.tsx'
import { CopyButton } from '../components/copy-button.tsx'
import { Field, PasswordField } from '../components/field.tsx'
import { Form } from '../components/form.tsx'
import { QrPicture } from '../components/qr-picture.tsx'
import { WRONG_CODE, WRONG_PASSWORD, useFieldFaults } from '../field-faults.ts'

type Begun = Static<typeof EnrolmentAnswer>
type Props = { readonly onCodes: (codes: readonly string[]) => Promise<void> }

/** Setting a second factor up: the password, the secret for the phone, and its first code. */
export const Enrolment = ({ onCodes }: Props) => {
  const [begun, setBegun] = useState<Begun>()
  if (!begun) return <Begin onBegun={setBegun} />
  return <Confirm begun={begun} onCodes={onCodes} onLeave={() => setBegun(undefined)} />
}

const Begin = ({ onBegun }: { readonly onBegun: (begun: Begun) => void }) => {
  const [password, setPassword] = useState('')
  const { faults, placing } = useFieldFaults({
    wrong_password: { at: 'password', words: WRONG_PASSWORD },
  })
  const send = async (): Promise<void> =>
    onBegun(await api.post<Begun>('/v1/me/second-factor', { password }))
  return (
    <Form action="Set it up" onSend={placing(send)}>
      <PasswordField
        label="Your password"
        value={password}
        onValue={setPassword}
        error={faults.password}
        autocomplete="current-password"
        hint="You also need an authenticator app on your phone; any will do."
      />
    </Form>
  )
}

type ConfirmProps = Props & { readonly begun: Begun; readonly onLeave: () => void }

const Confirm = ({ begun, onCodes, onLeave }: ConfirmProps) => {
  const [otp, setOtp] = useState('')
  const step = useRef<HTMLHeadingElement>(null)
  useEffect(() => step.current?.focus(), [])
  const { faults, placing } = useFieldFaults({ otp_invalid: { at: 'otp', words: WRONG_CODE } })
  const send = async (): Promise<void> => {
    const { recovery_codes: codes } = await api.post<Static<typeof RecoveryCodesAnswer>>(
      '/v1/me/second-factor/confirm',
      { otp },
    )
    await onCodes(codes)
  }
  return (
    <>
      <h3 ref={step} tabIndex={-1}>
        1. Let the app read this
      </h3>
      <QrPicture text={begun.uri} label="QR code with the secret for an authenticator app" />
      <p>
        On this phone: <a href={begun.uri}>open it in the app</a>. By hand:{' '}
        <code class="big">{begun.secret.replaceAll(/(.{4})(?=.)/g, '$1 ')}</code>
      </p>
      <CopyButton text={begun.secret} what="the secret" />
      <h3>2. Type what it shows</h3>
      <Form action="Turn it on" onSend={placing(send)}>
        <Field
          label="One-time code"
          value={otp}
          onValue={setOtp}
          error={faults.otp}
          required
          autocomplete="one-time-code"
          inputMode="numeric"
          maxLength={64}
          spellcheck={false}
          hint="Six digits. Your other sessions end, as they began without it."
        />
      </Form>
      <Button kind="quiet" onClick={onLeave}>
        Not now
      </Button>
    </>
  )
}
