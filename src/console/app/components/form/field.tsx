import { useContext, useEffect, useId, useRef, useState } from 'preact/hooks'
import { PASSWORD_RULE } from '../../words/password-rule.ts'
import { FormErrors } from './field-errors.ts'

type Props = {
  readonly label: string
  /** What the API calls it: the form shows an error about it here. */
  readonly name?: string
  readonly value: string
  readonly onValue: (value: string) => void
  readonly hint?: string
  /** What is wrong with the value, besides what the form knows; shown instead of the hint. */
  readonly error?: string | undefined
  readonly type?: 'text' | 'password' | 'email' | 'tel' | 'search' | 'date' | 'time' | 'number'
  readonly required?: boolean
  /** Takes the focus when it appears. */
  readonly autoFocus?: boolean
  readonly autocomplete?: Autocomplete
  readonly autocapitalize?: 'none' | 'characters'
  readonly spellcheck?: boolean
  readonly inputMode?: 'numeric'
  /** In characters, as the server counts them. */
  readonly maxLength?: number
  /** Suggestions; any other text may be typed as well. */
  readonly suggestions?: readonly string[]
  readonly min?: number | string
  readonly max?: number | string
}

/** A browser counts the UTF-16 code units of a text, and cuts what is filled in; a decomposed letter
 * has up to four. The server says what is too long. */
const CODE_UNITS_MAX = 4

type Autocomplete =
  | 'username'
  | 'current-password'
  | 'new-password'
  | 'one-time-code'
  | 'tel'
  | 'email'
  | 'street-address'
  | 'off'

/** A text field, with its label above and a hint or an error below. */
export const Field = (props: Props) => {
  const {
    label,
    value,
    onValue,
    hint,
    error: ownError,
    maxLength,
    suggestions,
    autoFocus = false,
    ...rest
  } = props
  const id = useId()
  const input = useRef<HTMLInputElement>(null)
  const formErrors = useContext(FormErrors)
  const error = ownError ?? formErrors[props.name ?? '']
  // The attribute works only while a document loads.
  useEffect(() => {
    if (autoFocus) input.current?.focus()
  }, [])
  // The types of Preact do not know an input whose type is not a literal.
  const attributes: object = {
    ...rest,
    ...(maxLength === undefined ? {} : { maxLength: maxLength * CODE_UNITS_MAX }),
  }
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input
        {...attributes}
        ref={input}
        id={id}
        value={value}
        list={suggestions && `${id}-suggestions`}
        onInput={(event) => onValue(event.currentTarget.value)}
        aria-invalid={error !== undefined}
        aria-describedby={hint || error ? `${id}-note` : undefined}
      />
      {suggestions && (
        <datalist id={`${id}-suggestions`}>
          {suggestions.map((suggestion) => (
            <option key={suggestion} value={suggestion} />
          ))}
        </datalist>
      )}
      {(hint || error) && (
        <p id={`${id}-note`} class={error ? 'error' : 'hint'}>
          {error ?? hint}
        </p>
      )}
    </div>
  )
}

type PasswordProps = Omit<Props, 'type'> & {
  readonly autocomplete: 'current-password' | 'new-password'
}

/** A password field with a button that shows the password. For a new one, it says what that needs. */
export const PasswordField = (props: PasswordProps) => {
  const [isShown, setShown] = useState(false)
  return (
    <div class="with-button">
      <Field
        autocapitalize="none"
        spellcheck={false}
        required
        {...(props.autocomplete === 'new-password' ? { hint: PASSWORD_RULE } : {})}
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

type UsernameProps = Pick<Props, 'value' | 'onValue' | 'autoFocus'>

/** The name to log in with. */
export const UsernameField = (props: UsernameProps) => (
  <Field
    label="User name"
    name="username"
    required
    maxLength={50}
    autocomplete="username"
    autocapitalize="none"
    spellcheck={false}
    {...props}
  />
)
