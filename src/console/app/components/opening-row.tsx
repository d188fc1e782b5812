import { eventAddress } from '../log-filter.ts'
import { type Opening, happenedAt, lockWords, whoOf } from '../opening.ts'
import { Time } from './time.tsx'

/** A line of the log, which leads to the page of its event. */
export const OpeningRow = ({ opening }: { readonly opening: Opening }) => (
  <a class="row opening" id={`event-${opening.seq}`} href={eventAddress(opening.id)}>
    <strong>{whoOf(opening)}</strong>
    {opening.method !== null && <span>{opening.method}</span>}
    <span class="quiet">{lockWords(opening.lock)}</span>
    {opening.result === 'denied' && <span class="badge stop">refused</span>}
    <Badges opening={opening} />
    <Time at={happenedAt(opening)} />
  </a>
)

/** What is out of the ordinary about its record. */
export const Badges = ({ opening: { late, source, time_uncertain } }: Props) => (
  <>
    {source === 'imported' ? (
      <span class="badge">imported</span>
    ) : (
      late && <span class="badge warning">told late</span>
    )}
    {time_uncertain && <span class="badge warning">time uncertain</span>}
  </>
)

type Props = { readonly opening: Opening }
