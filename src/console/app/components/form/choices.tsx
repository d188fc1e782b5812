type Props<Value extends string> = {
  /** Names the group for screen readers. */
  readonly label: string
  readonly name: string
  readonly options: readonly Choice<Value>[]
  readonly value: Value
  readonly onValue: (value: Value) => void
  readonly disabled?: boolean
}

export type Choice<Value extends string> = {
  readonly value: Value
  readonly label: string
  readonly description: string
}

/** Radio buttons, each with a description. */
export const Choices = <Value extends string>(props: Props<Value>) => {
  const { label, name, options, value: chosen, onValue, disabled = false } = props
  return (
    <fieldset class="choices" disabled={disabled}>
      <legend class="unseen">{label}</legend>
      {options.map((option) => (
        <label key={option.value} class={chosen === option.value ? 'choice chosen' : 'choice'}>
          <input
            type="radio"
            name={name}
            value={option.value}
            checked={chosen === option.value}
            onChange={() => onValue(option.value)}
          />
          <span>
            <strong>{option.label}</strong>
            <span>{option.description}</span>
          </span>
        </label>
      ))}
    </fieldset>
  )
}
