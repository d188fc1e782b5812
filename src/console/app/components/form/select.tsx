import { useContext, useId } from 'preact/hooks'
import { foldedText } from '../../../../domain/text/folded-text.ts'
import { FormErrors } from './field-errors.ts'

export type Option<Value extends string = string> = {
  readonly value: Value
  readonly label: string
}

type Props<Value extends string> = {
  readonly label: string
  /** What the API calls it: the form shows an error about it here. */
  readonly name?: string
  readonly value: Value | ''
  readonly onValue: (value: Value | '') => void
  readonly options: readonly Option<Value>[]
  /** The option for no choice, if that is allowed. */
  readonly any?: string
  /** What is wrong with the choice, besides what the form knows. */
  readonly error?: string | undefined
}

/** A drop-down list. */
export const Select = <Value extends string>(props: Props<Value>) => {
  const { label, name, value, onValue, options, any } = props
  const id = useId()
  const formErrors = useContext(FormErrors)
  const error = props.error ?? formErrors[name ?? '']
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <select
        id={id}
        name={name}
        value={value}
        onChange={(event) => onValue(event.currentTarget.value as Value | '')}
        aria-invalid={error !== undefined}
        aria-describedby={error && `${id}-note`}
      >
        {any !== undefined && <option value="">{any}</option>}
        {options.map((option) => (
          <option key={option.value} value={option.value}>
            {option.label}
          </option>
        ))}
      </select>
      {error && (
        <p id={`${id}-note`} class="error">
          {error}
        </p>
      )}
    </div>
  )
}

/** Adds the value that an address asks for, if it is not among the options. */
export const withSelected = (
  options: readonly Option[],
  selected: string,
  label = selected,
): readonly Option[] =>
  selected === '' || options.some(({ value }) => value === selected)
    ? options
    : [...options, { value: selected, label }]

/** The options for these labels, with the one that the filter names, however it is written. */
export const labelChoice = (
  labels: readonly string[],
  selected: string,
  nameOf: (label: string) => string = (label) => label,
) => {
  const isSelected = (label: string) => foldedText(label) === foldedText(selected)
  const value = labels.find(isSelected) ?? selected
  const all = value === '' || labels.includes(value) ? labels : [...labels, value]
  return { value, options: all.map((label) => ({ value: label, label: nameOf(label) })) }
}
