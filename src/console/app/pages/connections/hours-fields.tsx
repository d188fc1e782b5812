import { Field } from '../../components/form/field.tsx'

type Props = {
  readonly from: string
  readonly to: string
  readonly onChange: (part: { readonly from: string } | { readonly to: string }) => void
}

/** Hours of the day, which may end on the next one. */
export const HoursFields = ({ from, to, onChange }: Props) => (
  <div class="hours">
    <Field
      label="From"
      type="time"
      required
      value={from}
      onValue={(value) => onChange({ from: value })}
    />
    <Field
      label="Until"
      type="time"
      required
      value={to}
      onValue={(value) => onChange({ to: value })}
    />
  </div>
)
