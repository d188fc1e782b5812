import { useState } from 'preact/hooks'
import { ApiError, api } from '../../api/client.ts'
import type { Person } from '../../api/person.ts'
import { FieldError } from '../../components/form/field-errors.ts'
import { Field } from '../../components/form/field.tsx'
import { Form } from '../../components/form/form.tsx'
import { Section } from '../../components/layout/section.tsx'
import { showToast } from '../../components/feedback/toast.tsx'
import { endOfDay, lastDayOf, lastDayText, today } from '../../time/last-day.ts'
import { isDay } from '../../time/zone.ts'

type Props = { readonly person: Person; readonly onChange: () => void }

/** Sets the last day of somebody's access. */
export const PersonEndDate = ({ person, onChange }: Props) => {
  const { id, username, ends_at: endsAt, ended } = person
  const current = endsAt === null ? '' : lastDayOf(endsAt)
  const [day, setDay] = useState(current)
  const send = async (): Promise<void> => {
    if (day === current) return
    if (day !== '' && !isDay(day)) throw new FieldError({ ends_at: 'There is no such day.' })
    const end = day === '' ? null : endOfDay(day)
    await api.patch(`/v1/people/${id}`, { ends_at: end })
    showToast(
      end === null
        ? `${username}’s access does not end.`
        : `${username}’s access ends on ${lastDayText(end)}.`,
    )
    onChange()
  }
  return (
    <Section
      title="End date"
      lead={
        endsAt === null
          ? `${username}’s access does not end.`
          : `${username}’s access ${ended ? 'ended' : 'ends'} on ${lastDayText(endsAt)}.`
      }
    >
      <Form action="Save" onSend={send} messageFor={messageFor}>
        <Field
          label="Last day"
          name="ends_at"
          type="date"
          value={day}
          onValue={setDay}
          min={today()}
          hint={`After that day, ${username} can neither log in nor open a door. Leave it empty for no end.`}
        />
      </Form>
    </Section>
  )
}

const messageFor = (error: unknown): string | undefined =>
  error instanceof ApiError && error.code === 'last_owner'
    ? 'The gateway needs an owner whose access does not end. Make somebody else an owner first.'
    : undefined
