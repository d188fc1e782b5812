import { Field } from './field.tsx'

/** The first and the last day of a search, as a date field writes them; empty for no bound. */
export type Days = { readonly from: string; readonly to: string }

type Props = {
  readonly days: Days
  readonly onValue: (name: keyof Days) => (value: string) => void
}

/** Fields for both, which say so where the last day is before the first. */
export const DayFields = ({ days, onValue }: Props) => (
  <>
    <Field label="From" type="date" value={days.from} onValue={onValue('from')} />
    <Field
      label="To, that day too"
      type="date"
      value={days.to}
      onValue={onValue('to')}
      error={areReversed(days) ? 'This day is before the first one' : undefined}
    />
  </>
)

export const areReversed = ({ from, to }: Days): boolean => from !== '' && to !== '' && from > to
