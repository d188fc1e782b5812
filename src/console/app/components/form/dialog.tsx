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

/** The browser's own modal dialog: Escape closes it, and focus returns. */
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
  /** The dialog closes afterwards, or shows the error that it throws. */
  readonly onConfirm: () => Promise<void>
  /** Called after it is done and the dialog is closed, when focus can move elsewhere. */
  readonly onDone?: () => void
}

/** Asks for confirmation. `children` holds the explanation and any fields. */
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
