import { Field } from './field.tsx'

/** The first and the last day of a search, as a date field has them; empty for no bound. */
export type DateRange = { readonly from: string; readonly to: string }

type Props = {
  readonly range: DateRange
  readonly onValue: (name: keyof DateRange) => (value: string) => void
  /** What else is wrong with a day. */
  readonly errors?: Readonly<Partial<Record<keyof DateRange, string>>>
}

/** Fields for both days, with an error if the last day is before the first. */
export const DateRangeFields = ({ range, onValue, errors = {} }: Props) => (
  <>
    <Field
      label="From"
      type="date"
      value={range.from}
      onValue={onValue('from')}
      error={errors.from}
    />
    <Field
      label="Until (inclusive)"
      type="date"
      value={range.to}
      onValue={onValue('to')}
      error={isReversed(range) ? 'This day is before the first one.' : errors.to}
    />
  </>
)

export const isReversed = ({ from, to }: DateRange): boolean =>
  from !== '' && to !== '' && from > to
