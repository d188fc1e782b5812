import type { ComponentChildren } from 'preact'
import { useState } from 'preact/hooks'
import { Confirm } from '../../components/form/dialog.tsx'
import { Field, PasswordField } from '../../components/form/field.tsx'
import { WRONG_CODE, WRONG_PASSWORD, withFieldErrors } from '../../components/form/field-errors.ts'

type Props = {
  readonly title: string
  readonly action: string
  readonly isDangerous?: boolean
  readonly isOpen: boolean
  readonly onClose: () => void
  readonly onConfirmed: (proof: {
    readonly password: string
    readonly otp: string
  }) => Promise<void>
  readonly onDone: () => void
  readonly children: ComponentChildren
}

/** Asks for password and code again, so that an unlocked phone alone is not enough. */
export const ConfirmIdentity = ({ onConfirmed, onClose, children, ...rest }: Props) => {
  const [password, setPassword] = useState('')
  const [otp, setOtp] = useState('')
  return (
    <Confirm
      {...rest}
      onClose={() => {
        setPassword('')
        setOtp('')
        onClose()
      }}
      onConfirm={withFieldErrors(
        {
          wrong_password: { field: 'password', message: WRONG_PASSWORD },
          otp_invalid: { field: 'otp', message: WRONG_CODE },
        },
        () => onConfirmed({ password, otp }),
      )}
    >
      {children}
      <PasswordField
        label="Password"
        value={password}
        onValue={setPassword}
        name="password"
        autocomplete="current-password"
      />
      <Field
        label="One-time code"
        value={otp}
        onValue={setOtp}
        name="otp"
        required
        autocomplete="one-time-code"
        maxLength={64}
        spellcheck={false}
        hint="Six digits from the app, or a recovery code."
      />
    </Confirm>
  )
}
