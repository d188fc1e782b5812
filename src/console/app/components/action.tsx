import type { ComponentChildren } from 'preact'
import { useState } from 'preact/hooks'
import { wordsOf } from '../words.ts'
import { Button } from './button.tsx'

type Props = {
  readonly kind?: 'main' | 'plain' | 'quiet'
  /** Does it; what it throws is told beside the button. */
  readonly onAct: () => Promise<void>
  /** What the button is for, where its words do not say that by themselves. */
  readonly label?: string
  readonly children: ComponentChildren
}

/** A button that does something at once, and tells where it could not. */
export const Action = ({ kind = 'plain', onAct, label, children }: Props) => {
  const [isBusy, setBusy] = useState(false)
  const [fault, setFault] = useState('')
  const act = async (): Promise<void> => {
    setBusy(true)
    setFault('')
    try {
      await onAct()
    } catch (error) {
      setFault(wordsOf(error))
    }
    setBusy(false)
  }
  return (
    <div class="action">
      <Button kind={kind} isBusy={isBusy} aria-label={label} onClick={() => void act()}>
        {children}
      </Button>
      <p class="fault" role="alert">
        {fault}
      </p>
    </div>
  )
}
