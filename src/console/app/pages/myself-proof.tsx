import type { ComponentChildren } from 'preact'
import { useState } from 'preact/hooks'
import { Confirm } from '../components/dialog.tsx'
import { Field, PasswordField } from '../components/field.tsx'
import { WRONG_CODE, WRONG_PASSWORD, useFieldFaults } from '../field-faults.ts'

type Props = {
  readonly title: string
  readonly action: string
  readonly isDangerous?: boolean
  readonly isOpen: boolean
  readonly onClose: () => void
  readonly onProven: (proof: { readonly password: string; readonly otp: string }) => Promise<void>
  readonly onDone: () => void
  readonly children: ComponentChildren
}

/** Asks for password and code before something that an open phone alone shall not do. */
export const ProvenAct = ({ onProven, onClose, children, ...rest }: Props) => {
  const [password, setPassword] = useState('')
  const [otp, setOtp] = useState('')
  const { faults, placing } = useFieldFaults({
    wrong_password: { at: 'password', words: WRONG_PASSWORD },
    otp_invalid: { at: 'otp', words: WRONG_CODE },
  })
  return (
    <Confirm
      {...rest}
      onClose={() => {
        setPassword('')
        setOtp('')
        onClose()
      }}
      onConfirm={placing(() => onProven({ password, otp }))}
    >
      {children}
      <PasswordField
        label="Password"
        value={password}
        onValue={setPassword}
        error={faults.password}
        autocomplete="current-password"
      />
      <Field
        label="One-time code"
        value={otp}
        onValue={setOtp}
        error={faults.otp}
        required
        autocomplete="one-time-code"
        maxLength={64}
        spellcheck={false}
        hint="Six digits from the app, or a recovery code."
      />
    </Confirm>
  )
}
