import { Time } from '../../time/time.tsx'
import { withTimes } from '../../time/with-times.tsx'
import {
  type AuditEvent,
  type AuditEventGroup,
  addressOf,
  describeAuditEvent,
  occurrencesIn,
} from '../../words/audit-event.ts'
import { counted } from '../../words/format.ts'

/** A group of audit events in words; it opens to show each of them as it is stored. */
export const AuditEventLine = ({ group }: { readonly group: AuditEventGroup }) => {
  const { newest, events } = group
  const count = occurrencesIn(group)
  const address = addressOf(newest)
  return (
    <details class={`audit-event ${newest.result}`}>
      <summary class="row">
        <span>
          {withTimes(describeAuditEvent(newest))}
          {count > 1 && ` ${counted(count, 'time')}`}
          {address && `, from ${address}`}
        </span>
        <Time at={newest.at} />
      </summary>
      <ol class="stored">
        {events.map((event) => (
          <li key={event.seq} value={event.seq}>
            <Stored event={event} />
          </li>
        ))}
      </ol>
    </details>
  )
}

const Stored = ({ event }: { readonly event: AuditEvent }) => (
  <p>
    <Time at={event.at} format="exact" /> <code>{event.action}</code>{' '}
    {Object.entries(event.detail).map(([name, value]) => (
      <span key={name} class="quiet">
        {name} {String(value)};{' '}
      </span>
    ))}
    {event.request_id && (
      <span class="quiet">
        request <code>{event.request_id}</code>
      </span>
    )}
  </p>
)
