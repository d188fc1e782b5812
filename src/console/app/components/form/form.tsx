import type { ComponentChildren } from 'preact'
import { useState } from 'preact/hooks'
import { errorMessage } from '../../words/error.ts'
import { Button } from './button.tsx'

type Props = {
  /** The text of its button. */
  readonly action: string
  readonly kind?: 'main' | 'danger'
  /** An error that it throws is shown below the fields. */
  readonly onSend: () => Promise<void>
  /** Replaces the common message for an error; undefined keeps it. */
  readonly messageFor?: (error: unknown) => string | undefined
  readonly children: ComponentChildren
}

/** A form that is sent once at a time and shows what went wrong. */
export const Form = ({ action, kind = 'main', onSend, messageFor, children }: Props) => {
  const [isBusy, setBusy] = useState(false)
  const [error, setError] = useState('')
  const send = async (): Promise<void> => {
    if (isBusy) return
    setBusy(true)
    setError('')
    try {
      await onSend()
    } catch (reason) {
      setError(messageFor?.(reason) ?? errorMessage(reason))
    }
    setBusy(false)
  }
  return (
    <form
      class="form"
      onSubmit={(event) => {
        event.preventDefault()
        void send()
      }}
    >
      {children}
      <p class="error" role="alert">
        {error}
      </p>
      <Button type="submit" kind={kind} isBusy={isBusy}>
        {action}
      </Button>
    </form>
  )
}
