import type { ComponentChildren } from 'preact'

type Props = {
  readonly isChecked: boolean
  readonly onChecked: (isChecked: boolean) => void
  readonly children: ComponentChildren
}

/** A box to tick, with its label. */
export const Checkbox = ({ isChecked, onChecked, children }: Props) => (
  <label class="checkbox">
    <input
      type="checkbox"
      checked={isChecked}
      onChange={(event) => onChecked(event.currentTarget.checked)}
    />
    <span>{children}</span>
  </label>
)
