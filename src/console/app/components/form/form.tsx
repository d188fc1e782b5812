import type { ComponentChildren } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { errorMessage } from '../../words/error.ts'
import { Button } from './button.tsx'
import { type FieldErrors, FormErrors, fieldErrorsOf } from './field-errors.ts'

type Props = {
  /** The text of its button. */
  readonly action: string
  readonly kind?: 'main' | 'danger'
  /** An error that it throws is shown beside the fields that it names, or else below them. */
  readonly onSend: () => Promise<void>
  /** Replaces the common message for an error; undefined keeps it. */
  readonly messageFor?: (error: unknown) => string | undefined
  readonly children: ComponentChildren
}

/** A form that is sent once at a time and shows what went wrong. It sends what its fields show, even if a
 * password manager has filled them without the events of a keyboard, or sends them at once. */
export const Form = ({ action, kind = 'main', onSend, messageFor, children }: Props) => {
  const [isBusy, setBusy] = useState(false)
  const [error, setError] = useState('')
  const [fieldErrors, setFieldErrors] = useState<FieldErrors>({})
  const element = useRef<HTMLFormElement>(null)
  const isSending = useRef(false)
  const newest = useRef(onSend)
  newest.current = onSend
  useEffect(() => {
    element.current?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus()
  }, [fieldErrors])
  const send = async (form: HTMLFormElement): Promise<void> => {
    if (isSending.current) return
    isSending.current = true
    readFields(form)
    await nextRender()
    setBusy(true)
    setError('')
    setFieldErrors({})
    try {
      await newest.current()
    } catch (reason) {
      const fields = fieldErrorsOf(reason)
      setFieldErrors(fields)
      if (!isShownIn(form, fields)) setError(messageFor?.(reason) ?? errorMessage(reason))
    }
    isSending.current = false
    setBusy(false)
  }
  return (
    <form
      ref={element}
      class="form"
      onSubmit={(event) => {
        event.preventDefault()
        void send(event.currentTarget)
      }}
    >
      <FormErrors.Provider value={fieldErrors}>{children}</FormErrors.Provider>
      <p class="error" role="alert">
        {error}
      </p>
      <Button type="submit" kind={kind} isBusy={isBusy}>
        {action}
      </Button>
    </form>
  )
}

/** Whether the form has every field that an error is about. */
const isShownIn = ({ elements }: HTMLFormElement, fields: FieldErrors): boolean => {
  const names = Object.keys(fields)
  return names.length > 0 && names.every((name) => elements.namedItem(name) !== null)
}

/** Has each field report its value, as if it had just been typed. */
const readFields = (form: HTMLFormElement): void => {
  for (const field of form.querySelectorAll('input')) field.dispatchEvent(new Event('input'))
}

/** Waits until what the fields reported has reached `onSend`. */
const nextRender = (): Promise<void> => new Promise((resolve) => setTimeout(resolve))
