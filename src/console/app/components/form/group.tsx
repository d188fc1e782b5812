import type { ComponentChildren } from 'preact'
import { useContext, useId } from 'preact/hooks'
import { FormErrors } from './field-errors.ts'

type Props = {
  readonly label: string
  /** What the API calls it: the form shows an error about it here. */
  readonly name?: string
  /** Whether only screen readers need the label. */
  readonly isUnseen?: boolean
  readonly hint?: ComponentChildren
  readonly children: ComponentChildren
}

/** Several fields that answer one question, with an error about them below. */
export const Group = ({ label, name = '', isUnseen = false, hint, children }: Props) => {
  const id = useId()
  const error = useContext(FormErrors)[name]
  return (
    <fieldset class="group-field" name={name} aria-describedby={hint || error ? id : undefined}>
      <legend class={isUnseen ? 'unseen' : undefined}>{label}</legend>
      {children}
      {(hint || error) && (
        <p id={id} class={error ? 'error' : 'hint'}>
          {error ?? hint}
        </p>
      )}
    </fieldset>
  )
}
