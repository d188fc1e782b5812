import type { Static } from '@sinclair/typebox'
import { useEffect, useRef, useState } from 'preact/hooks'
import type {
  EnrolmentAnswer,
  RecoveryCodesAnswer,
} from '../../../../accounts/second-factor/schema.ts'
import { api } from '../../api/client.ts'
import { Button } from '../../components/form/button.tsx'
import { CopyButton } from '../../components/codes/copy-button.tsx'
import { Field, PasswordField } from '../../components/form/field.tsx'
import { Form } from '../../components/form/form.tsx'
import { QrCode } from '../../components/codes/qr-code.tsx'
import { WRONG_CODE, WRONG_PASSWORD, withFieldErrors } from '../../components/form/field-errors.ts'

type Started = Static<typeof EnrolmentAnswer>
type Props = { readonly onCodes: (codes: readonly string[]) => Promise<void> }

/** Sets up a second factor: the password, the secret for the phone, and the first code. */
export const Enrolment = ({ onCodes }: Props) => {
  const [started, setStarted] = useState<Started>()
  if (!started) return <Start onStarted={setStarted} />
  return <Confirm started={started} onCodes={onCodes} onCancel={() => setStarted(undefined)} />
}

const Start = ({ onStarted }: { readonly onStarted: (started: Started) => void }) => {
  const [password, setPassword] = useState('')
  const send = async (): Promise<void> =>
    onStarted(await api.post<Started>('/v1/me/second-factor', { password }))
  return (
    <Form
      action="Set up"
      onSend={withFieldErrors(
        { wrong_password: { field: 'password', message: WRONG_PASSWORD } },
        send,
      )}
    >
      <PasswordField
        label="Your password"
        value={password}
        onValue={setPassword}
        name="password"
        autocomplete="current-password"
        hint="You also need an authenticator app on your phone. Any will do."
      />
    </Form>
  )
}

type ConfirmProps = Props & { readonly started: Started; readonly onCancel: () => void }

const Confirm = ({ started, onCodes, onCancel }: ConfirmProps) => {
  const [otp, setOtp] = useState('')
  const step = useRef<HTMLHeadingElement>(null)
  useEffect(() => step.current?.focus(), [])
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
        1. Scan this with the app
      </h3>
      <QrCode text={started.uri} label="QR code with the secret for an authenticator app" />
      <p>
        On this phone: <a href={started.uri}>open it in the app</a>. To enter it by hand:{' '}
        <code class="big">{started.secret.replaceAll(/(.{4})(?=.)/g, '$1 ')}</code>
      </p>
      <CopyButton text={started.secret} what="secret" />
      <h3>2. Enter the code that it shows</h3>
      <Form
        action="Turn on"
        onSend={withFieldErrors({ otp_invalid: { field: 'otp', message: WRONG_CODE } }, send)}
      >
        <Field
          label="One-time code"
          value={otp}
          onValue={setOtp}
          name="otp"
          required
          autocomplete="one-time-code"
          inputMode="numeric"
          maxLength={64}
          spellcheck={false}
          hint="Six digits. You will be logged out everywhere else."
        />
      </Form>
      <Button kind="quiet" onClick={onCancel}>
        Not now
      </Button>
    </>
  )
}
