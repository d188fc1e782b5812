import { type AuditEvent, type Told, placeOf, timesOf, wordsOfAuditEvent } from '../audit-words.ts'
import { counted } from '../words.ts'
import { Time } from './time.tsx'

/** What the audit trail tells, in words; what is kept of it shows when it is opened. */
export const RecordLine = ({ told }: { readonly told: Told }) => {
  const { newest, records } = told
  const times = timesOf(told)
  const place = placeOf(newest)
  return (
    <details class={`record ${newest.result}`}>
      <summary class="row">
        <span>
          {wordsOfAuditEvent(newest)}
          {times > 1 && ` ${counted(times, 'time')}`}
          {place && `, from ${place}`}
        </span>
        <Time at={newest.at} />
      </summary>
      <ol class="kept">
        {records.map((record) => (
          <li key={record.seq} value={record.seq}>
            <Kept record={record} />
          </li>
        ))}
      </ol>
    </details>
  )
}

/** A record as it is kept. */
const Kept = ({ record }: { readonly record: AuditEvent }) => (
  <p>
    <Time at={record.at} form="exact" /> <code>{record.action}</code>{' '}
    {Object.entries(record.detail).map(([name, value]) => (
      <span key={name} class="quiet">
        {name} {String(value)};{' '}
      </span>
    ))}
    {record.request_id && (
      <span class="quiet">
        request <code>{record.request_id}</code>
      </span>
    )}
  </p>
)
