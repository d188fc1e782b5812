import type { ComponentChildren } from 'preact'
import { useState } from 'preact/hooks'
import { Confirm } from './dialog.tsx'
import { PasswordField } from './field.tsx'
import { WRONG_PASSWORD, withFieldErrors } from './field-errors.ts'

type Props = {
  readonly title: string
  readonly action: string
  readonly isDangerous?: boolean
  readonly isOpen: boolean
  readonly onClose: () => void
  readonly onConfirm: (password: string) => Promise<void>
  readonly onDone: () => void
  readonly children: ComponentChildren
}

/** Asks for confirmation with the password, so that an unlocked phone alone is not enough. */
export const ConfirmPassword = ({ onConfirm, onClose, children, ...rest }: Props) => {
  const [password, setPassword] = useState('')
  return (
    <Confirm
      {...rest}
      onClose={() => {
        setPassword('')
        onClose()
      }}
      onConfirm={withFieldErrors(WRONG, () => onConfirm(password))}
    >
      {children}
      <PasswordField
        label="Your password"
        name="password"
        value={password}
        onValue={setPassword}
        autocomplete="current-password"
      />
    </Confirm>
  )
}

const WRONG = { wrong_password: { field: 'password', message: WRONG_PASSWORD } }
