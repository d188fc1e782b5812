import { useId } from 'preact/hooks'

type Props = {
  readonly label: string
  /** The form shows an error about it here. */
  readonly name: string
  readonly value: string
  readonly onValue: (value: string) => void
  readonly hint: string
  /** What is wrong with the value; shown instead of the hint. */
  readonly error: string | undefined
  readonly rows: number
}

/** A field for several lines. */
export const TextArea = ({ label, name, value, onValue, hint, error, rows }: Props) => {
  const id = useId()
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <textarea
        id={id}
        name={name}
        value={value}
        rows={rows}
        required
        autocomplete="off"
        spellcheck={false}
        onInput={(event) => onValue(event.currentTarget.value)}
        aria-invalid={error !== undefined}
        aria-describedby={`${id}-note`}
      />
      <p id={`${id}-note`} class={error ? 'error' : 'hint'}>
        {error ?? hint}
      </p>
    </div>
  )
}
