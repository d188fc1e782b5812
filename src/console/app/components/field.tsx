import { useId, useState } from 'preact/hooks'

type Props = {
  readonly label: string
  readonly value: string
  readonly onValue: (value: string) => void
  readonly hint?: string
  /** What is wrong with what was typed. */
  readonly error?: string | undefined
  readonly type?:
    | 'text'
    | 'password'
    | 'email'
    | 'tel'
    | 'search'
    | 'date'
    | 'datetime-local'
    | 'number'
  readonly required?: boolean
  readonly autoFocus?: boolean
  readonly autocomplete?: Autocomplete
  readonly autocapitalize?: 'none' | 'characters'
  readonly spellcheck?: boolean
  readonly inputMode?: 'numeric'
  readonly maxLength?: number
  /** What is offered while somebody types; anything else may be typed, too. */
  readonly choices?: readonly string[]
  readonly min?: number
  readonly max?: number
}

type Autocomplete =
  | 'username'
  | 'current-password'
  | 'new-password'
  | 'one-time-code'
  | 'tel'
  | 'email'
  | 'street-address'
  | 'off'

/** A line to type into, with its label above and a hint or a fault below. */
export const Field = ({ label, value, onValue, hint, error, choices, ...rest }: Props) => {
  const id = useId()
  // Their types know no input whose type is not written out.
  const attributes: object = rest
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input
        {...attributes}
        id={id}
        value={value}
        list={choices && `${id}-choices`}
        onInput={(event) => onValue(event.currentTarget.value)}
        aria-invalid={error !== undefined}
        aria-describedby={hint || error ? `${id}-said` : undefined}
      />
      {choices && (
        <datalist id={`${id}-choices`}>
          {choices.map((choice) => (
            <option key={choice} value={choice} />
          ))}
        </datalist>
      )}
      {(hint || error) && (
        <p id={`${id}-said`} class={error ? 'fault' : 'hint'}>
          {error ?? hint}
        </p>
      )}
    </div>
  )
}

type PasswordProps = Omit<Props, 'type'> & {
  readonly autocomplete: 'current-password' | 'new-password'
}

/** A password, which the person may look at while typing. */
export const PasswordField = (props: PasswordProps) => {
  const [isShown, setShown] = useState(false)
  return (
    <div class="with-button">
      <Field
        autocapitalize="none"
        spellcheck={false}
        required
        {...props}
        type={isShown ? 'text' : 'password'}
      />
      <button
        type="button"
        class="show"
        aria-pressed={isShown}
        aria-label={`Show ${props.label.toLowerCase()}`}
        onClick={() => setShown(!isShown)}
      >
        Show
      </button>
    </div>
  )
}
