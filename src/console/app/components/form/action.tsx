import type { ComponentChildren } from 'preact'
import { useState } from 'preact/hooks'
import { errorMessage } from '../../words/error.ts'
import { Button } from './button.tsx'

type Props = {
  readonly kind?: 'main' | 'plain' | 'quiet'
  /** An error that it throws is shown beside the button. */
  readonly onAct: () => Promise<void>
  /** What the button does, if its text alone does not say so. */
  readonly label?: string
  readonly children: ComponentChildren
}

/** A button that acts at once, and shows an error if that fails. */
export const Action = ({ kind = 'plain', onAct, label, children }: Props) => {
  const [isBusy, setBusy] = useState(false)
  const [error, setError] = useState('')
  const act = async (): Promise<void> => {
    setBusy(true)
    setError('')
    try {
      await onAct()
    } catch (reason) {
      setError(errorMessage(reason))
    }
    setBusy(false)
  }
  return (
    <div class="action">
      <Button kind={kind} isBusy={isBusy} aria-label={label} onClick={() => void act()}>
        {children}
      </Button>
      <p class="error" role="alert">
        {error}
      </p>
    </div>
  )
}
