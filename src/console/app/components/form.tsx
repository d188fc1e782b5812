import type { ComponentChildren } from 'preact'
import { useState } from 'preact/hooks'
import { wordsOf } from '../words.ts'
import { Button } from './button.tsx'

type Props = {
  /** What its button says. */
  readonly action: string
  readonly kind?: 'main' | 'danger'
  /** Does it; what it throws is told below the fields. */
  readonly onSend: () => Promise<void>
  /** Words for a fault of its own; nothing leaves it to the common ones. */
  readonly faultWords?: (error: unknown) => string | undefined
  readonly children: ComponentChildren
}

/** A form that is sent once at a time and tells what went wrong. */
export const Form = ({ action, kind = 'main', onSend, faultWords, children }: Props) => {
  const [isBusy, setBusy] = useState(false)
  const [fault, setFault] = useState('')
  const send = async (): Promise<void> => {
    if (isBusy) return
    setBusy(true)
    setFault('')
    try {
      await onSend()
    } catch (error) {
      setFault(faultWords?.(error) ?? wordsOf(error))
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
      <p class="fault" role="alert">
        {fault}
      </p>
      <Button type="submit" kind={kind} isBusy={isBusy}>
        {action}
      </Button>
    </form>
  )
}
