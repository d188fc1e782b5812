import { useState } from 'preact/hooks'
import { api } from '../../api/client.ts'
import { gateway } from '../../api/session.ts'
import { addDays, dayIn, startOfDay } from '../../time/zone.ts'
import { withTimes } from '../../time/with-times.tsx'
import type { Finding } from '../../words/finding.ts'
import { dayText, sentence } from '../../words/format.ts'
import { showToast } from '../feedback/toast.tsx'
import { Action } from '../form/action.tsx'
import { Button } from '../form/button.tsx'
import { Confirm } from '../form/dialog.tsx'
import { Field } from '../form/field.tsx'

type Props = {
  readonly finding: Finding
  /** Called after it was accepted, or the acceptance withdrawn. */
  readonly onChange: () => void
}

/** Something that needs attention, with what to do about it; an owner may accept a warning. */
export const FindingItem = ({ finding, onChange }: Props) => {
  const { state, says, fix, page, id, accepted } = finding
  return (
    <li class={accepted ? 'accepted' : state}>
      <p>{withTimes(sentence(says))}</p>
      {accepted ? (
        <p class="hint">
          Accepted until {lastDayOf(accepted.until)}
          {accepted.by && ` by ${accepted.by}`}: “{accepted.reason}”
        </p>
      ) : (
        <p class="hint">
          {fix && sentence(fix)}{' '}
          {page && page !== location.pathname && <a href={page}>{linkWords(page)}</a>}
        </p>
      )}
      {id !== undefined &&
        (accepted ? (
          <Withdraw id={id} says={says} onChange={onChange} />
        ) : (
          <Accept id={id} says={says} onChange={onChange} />
        ))}
    </li>
  )
}

const linkWords = (page: string): string => {
  if (page.startsWith('/console/security')) return 'Open Security'
  return page.startsWith('/console/people/') ? 'Open the account' : 'How to do it'
}

type AcceptProps = Pick<Props, 'onChange'> & { readonly id: string; readonly says: string }

const pathOf = (id: string): string => `/v1/doctor/acceptances/${id}`

const DAYS_DEFAULT = 90
const DAYS_MAX = 365

const zoneOf = (): string => gateway.value?.zone ?? 'UTC'

/** The day at whose end an acceptance ends. */
const lastDayOf = (until: string): string =>
  dayText(dayIn(zoneOf(), Date.parse(until) - 1), { year: 'numeric' })

const Accept = ({ id, says, onChange }: AcceptProps) => {
  const today = dayIn(zoneOf(), Date.now())
  const [isOpen, setOpen] = useState(false)
  const [reason, setReason] = useState('')
  const [day, setDay] = useState(addDays(today, DAYS_DEFAULT))
  const accept = async (): Promise<void> => {
    const until = new Date(startOfDay(zoneOf(), addDays(day, 1))).toISOString()
    await api.put(pathOf(id), { reason, until })
    showToast('Accepted.')
  }
  return (
    <>
      <Button kind="quiet" aria-label={`Accept: ${says}`} onClick={() => setOpen(true)}>
        Accept…
      </Button>
      <Confirm
        title="Accept this warning?"
        action="Accept"
        isOpen={isOpen}
        onClose={() => setOpen(false)}
        onConfirm={accept}
        onDone={onChange}
      >
        <p>{withTimes(sentence(says))}</p>
        <p class="hint">
          It stays in the list, but no longer asks for attention until that day is over or it is
          about something else.
        </p>
        <Field
          label="Why is it all right?"
          value={reason}
          onValue={setReason}
          maxLength={200}
          required
          autoFocus
        />
        <Field
          label="Until"
          type="date"
          value={day}
          onValue={setDay}
          min={today}
          max={addDays(today, DAYS_MAX)}
          required
        />
      </Confirm>
    </>
  )
}

const Withdraw = ({ id, says, onChange }: AcceptProps) => (
  <Action
    kind="quiet"
    label={`Warn again: ${says}`}
    onAct={async () => {
      await api.delete(pathOf(id))
      onChange()
    }}
  >
    Warn again
  </Action>
)
