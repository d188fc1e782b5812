type Props<Value extends string> = {
  /** What is chosen, for whoever cannot see it. */
  readonly label: string
  readonly name: string
  readonly options: readonly Choice<Value>[]
  readonly value: Value
  readonly onValue: (value: Value) => void
  readonly disabled?: boolean
}

export type Choice<Value extends string> = {
  readonly value: Value
  readonly is: string
  readonly means: string
}

/** One of a few, each with what it means. */
export const Choices = <Value extends string>(props: Props<Value>) => {
  const { label, name, options, value: chosen, onValue, disabled = false } = props
  return (
    <fieldset class="choices" disabled={disabled}>
      <legend class="unseen">{label}</legend>
      {options.map(({ value, is, means }) => (
        <label key={value} class="choice">
          <input
            type="radio"
            name={name}
            value={value}
            checked={chosen === value}
            onChange={() => onValue(value)}
          />
          <span>
            <strong>{is}</strong>
            <span>{means}</span>
          </span>
        </label>
      ))}
    </fieldset>
  )
}
