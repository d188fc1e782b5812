import { useId } from 'preact/hooks'

type Props<Value extends string> = {
  readonly label: string
  readonly value: Value | ''
  readonly onValue: (value: Value | '') => void
  readonly options: readonly { readonly value: Value; readonly label: string }[]
  /** What stands for no choice, where there may be none. */
  readonly any?: string
}

/** One of some, or none. */
export const Select = <Value extends string>({
  label,
  value,
  onValue,
  options,
  any,
}: Props<Value>) => {
  const id = useId()
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <select
        id={id}
        value={value}
        onChange={(event) => onValue(event.currentTarget.value as Value | '')}
      >
        {any !== undefined && <option value="">{any}</option>}
        {options.map((option) => (
          <option key={option.value} value={option.value}>
            {option.label}
          </option>
        ))}
      </select>
    </div>
  )
}
