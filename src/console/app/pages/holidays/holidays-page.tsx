import type { Static } from '@sinclair/typebox'
import { useRef, useState } from 'preact/hooks'
import type { HolidaysAnswer } from '../../../../locks/home/schema.ts'
import { api } from '../../api/client.ts'
import type { Grant, Holiday } from '../../api/doors.ts'
import { useLoad } from '../../api/load.ts'
import { showToast } from '../../components/feedback/toast.tsx'
import { WhenLoaded } from '../../components/feedback/when-loaded.tsx'
import { Action } from '../../components/form/action.tsx'
import { Field } from '../../components/form/field.tsx'
import { Form } from '../../components/form/form.tsx'
import { DoorSections } from '../../components/layout/door-sections.tsx'
import { Screen } from '../../components/layout/screen.tsx'
import { Section } from '../../components/layout/section.tsx'
import { homeZone } from '../../time/time.tsx'
import { dayIn } from '../../time/zone.ts'
import { counted, dayText } from '../../words/format.ts'

/** The holidays of the home, on which access may be closed or have other hours. */
export const HolidaysPage = () => {
  const loaded = useLoad('holidays', async (signal) => {
    const { holidays } = await api.get<Static<typeof HolidaysAnswer>>('/v1/holidays', { signal })
    return [...holidays].sort((one, other) => one.date.localeCompare(other.date))
  })
  const heading = useRef<HTMLHeadingElement>(null)
  const changed = (message: string): void => {
    showToast(message)
    loaded.reload()
    heading.current?.focus()
  }
  return (
    <Screen
      title="Holidays"
      actions={<DoorSections />}
      lead="Days on which doors may stay closed or have other hours."
    >
      <Affected />
      <AddHoliday onAdded={changed} />
      <Section title="Calendar" heading={heading}>
        <WhenLoaded what="holidays" loaded={loaded}>
          {(holidays) =>
            holidays.length === 0 ? (
              <p class="quiet">No holidays yet.</p>
            ) : (
              <Years holidays={holidays} onRemoved={changed} />
            )
          }
        </WhenLoaded>
      </Section>
    </Screen>
  )
}

const GRANTS_MAX = 100

/** How much access depends on holidays. */
const Affected = () => {
  const { data } = useLoad('grants on holidays', async (signal) => {
    const query = { state: 'now', limit: GRANTS_MAX }
    return api.get<{ grants: readonly Grant[]; next: string | null }>('/v1/grants', {
      query,
      signal,
    })
  })
  if (!data) return null
  const closed = data.grants.filter(({ holidays }) => holidays === 'closed').length
  const other = data.grants.filter(({ holidays }) => typeof holidays !== 'string').length
  return (
    <p class="affected">
      {data.next !== null && `Of the newest ${GRANTS_MAX}: `}
      {closed === 0
        ? 'No rule closes'
        : `${counted(closed, 'rule')} ${closed === 1 ? 'closes' : 'close'}`}{' '}
      on these days{other > 0 && `, and ${other} ${other === 1 ? 'has' : 'have'} other hours`}.
    </p>
  )
}

type AddProps = { readonly onAdded: (message: string) => void }

const AddHoliday = ({ onAdded }: AddProps) => {
  const [date, setDate] = useState('')
  const [name, setName] = useState('')
  const add = async (): Promise<void> => {
    await api.put(`/v1/holidays/${date}`, { name: name.trim() })
    setDate('')
    setName('')
    onAdded(`${name.trim()} is a holiday.`)
  }
  return (
    <Section title="Add a holiday">
      <Form action="Add" onSend={add}>
        <div class="fields">
          <Field label="Day" name="date" type="date" value={date} onValue={setDate} required />
          <Field
            label="Name"
            name="name"
            value={name}
            onValue={setName}
            maxLength={100}
            autocomplete="off"
            required
          />
        </div>
      </Form>
    </Section>
  )
}

type YearsProps = {
  readonly holidays: readonly Holiday[]
  readonly onRemoved: (message: string) => void
}

const Years = ({ holidays, onRemoved }: YearsProps) => {
  const thisYear = dayIn(homeZone(), Date.now()).slice(0, 4)
  const years = [...new Set(holidays.map(({ date }) => date.slice(0, 4)))]
  return (
    <>
      {years.map((year) => (
        <details key={year} class="year" open={year >= thisYear}>
          <summary>
            <h3>{year}</h3>
          </summary>
          <ul class="list" aria-label={year}>
            {holidays
              .filter(({ date }) => date.startsWith(year))
              .map((holiday) => (
                <li key={holiday.date} class="row with-action">
                  <span>
                    <strong>{dayText(holiday.date, { weekday: 'short' })}</strong> {holiday.name}
                  </span>
                  <Action
                    kind="quiet"
                    label={`Remove: ${holiday.name}`}
                    onAct={async () => {
                      await api.delete(`/v1/holidays/${holiday.date}`)
                      onRemoved(`${holiday.name} was removed.`)
                    }}
                  >
                    Remove
                  </Action>
                </li>
              ))}
          </ul>
        </details>
      ))}
    </>
  )
}
