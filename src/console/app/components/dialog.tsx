import type { ComponentChildren } from 'preact'
import { useEffect, useId, useRef } from 'preact/hooks'
import { Button } from './button.tsx'
import { Form } from './form.tsx'

type Props = {
  readonly title: string
  readonly isOpen: boolean
  readonly onClose: () => void
  readonly children: ComponentChildren
}

/** A dialog above the page (the browser's own): Escape closes it, and focus comes back. */
const Dialog = ({ title, isOpen, onClose, children }: Props) => {
  const dialog = useRef<HTMLDialogElement>(null)
  const id = useId()
  useEffect(() => {
    if (isOpen) dialog.current?.showModal()
    else dialog.current?.close()
  }, [isOpen])
  return (
    <dialog ref={dialog} class="dialog" aria-labelledby={id} onClose={onClose}>
      {isOpen && (
        <>
          <h2 id={id}>{title}</h2>
          {children}
        </>
      )}
    </dialog>
  )
}

type ConfirmProps = Props & {
  /** What it does, in a word or two: `Erase ada`. */
  readonly action: string
  readonly isDangerous?: boolean
  /** Does it; the dialog closes afterwards, or tells why it could not be done. */
  readonly onConfirm: () => Promise<void>
  /** Called when it is done and the dialog is closed: now focus can go elsewhere. */
  readonly onDone?: () => void
}

/** Asks before something that cannot be undone. What must be typed for it stands in `children`. */
export const Confirm = ({
  action,
  isDangerous = false,
  onConfirm,
  onDone,
  children,
  ...rest
}: ConfirmProps) => {
  const isDone = useRef(false)
  const close = (): void => {
    rest.onClose()
    if (isDone.current) onDone?.()
    isDone.current = false
  }
  return (
    <Dialog {...rest} onClose={close}>
      <Form
        action={action}
        kind={isDangerous ? 'danger' : 'main'}
        onSend={async () => {
          await onConfirm()
          isDone.current = true
          rest.onClose()
        }}
      >
        {children}
      </Form>
      <Button kind="quiet" onClick={rest.onClose}>
        Cancel
      </Button>
    </Dialog>
  )
}
