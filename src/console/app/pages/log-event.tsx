import type { ComponentChildren } from 'preact'
import { Badges } from '../components/opening-row.tsx'
import { Screen } from '../components/screen.tsx'
import { ErrorState, Loading } from '../components/states.tsx'
import { Time } from '../components/time.tsx'
import { api } from '../api.ts'
import { useLoad } from '../load.ts'
import { logAddress } from '../log-filter.ts'
import { isAtLeast } from '../nav.ts'
import { type Opening, deedOf, lockWords, reasonWords, whoOf } from '../opening.ts'
import { role } from '../session.ts'
import { counted } from '../words.ts'
import { Receipt } from './log-receipt.tsx'

type Props = {
  readonly id: string
  /** Where its list is. */
  readonly back: string
}

/** One event of the log: all that is kept of it, in words, and its proof. */
export const EventPage = ({ id, back }: Props) => {
  const { data, error, reload } = useLoad(`event ${id}`, (signal) =>
    api.get<Opening>(`/v1/unlocks/${encodeURIComponent(id)}`, { signal }),
  )
  return (
    <Screen
      title={data ? `${whoOf(data)} ${deedOf(data)}` : 'One opening'}
      lead={
        <a href={back}>
          <span aria-hidden="true">← </span>
          {isAtLeast(role.value, 'admin') ? 'The log' : 'My openings'}
        </a>
      }
    >
      {data ? (
        <>
          <Facts opening={data} />
          <Receipt opening={data} />
        </>
      ) : error ? (
        <ErrorState error={error} onRetry={reload} />
      ) : (
        <Loading what="the event" />
      )}
    </Screen>
  )
}

const SOURCES: Readonly<Record<Opening['source'], string>> = {
  claimed: 'An app said so, with the token of this account',
  observed: 'This gateway itself, which refused it',
  imported: 'The legacy server; it was in the database that was taken over from it',
}

const Facts = ({ opening }: { readonly opening: Opening }) => (
  <dl class="sheet facts">
    <Fact term="Result">
      {opening.result === 'unlocked' ? 'Opened' : 'Refused'}
      {opening.reason && `: ${reasonWords[opening.reason]}`} <Badges opening={opening} />
    </Fact>
    <Fact term="Person">
      <Who opening={opening} />
    </Fact>
    <Fact term="Method">{opening.method ?? 'Erased'}</Fact>
    <Fact term="Lock">{lockWords(opening.lock)}</Fact>
    <Fact term="Received">
      <Time at={opening.received_at} form="exact" />, <Time at={opening.received_at} />
      {opening.time_uncertain && (
        <span class="hint">
          The gateway’s clock was not to be trusted then. The order in the log is certain, the time
          is not.
        </span>
      )}
    </Fact>
    <Happened opening={opening} />
    <Fact term="Who says so">{SOURCES[opening.source]}</Fact>
    <Fact term="Number">
      {opening.seq} <span class="hint">The log counts from 0, without gaps.</span>
    </Fact>
    <Fact term="Id">
      <code>{opening.id}</code>
    </Fact>
    {opening.account && (
      <Fact term="Account">
        <code>{opening.account}</code>
      </Fact>
    )}
  </dl>
)

type FactProps = { readonly term: string; readonly children: ComponentChildren }

const Fact = ({ term, children }: FactProps) => (
  <div>
    <dt>{term}</dt>
    <dd>{children}</dd>
  </div>
)

const Who = ({ opening: { username, account } }: { readonly opening: Opening }) => {
  if (username === null)
    return (
      <>
        Erased
        <span class="hint">
          Name, account and method were removed for good; the proof still holds.
        </span>
      </>
    )
  if (account === null)
    return (
      <>
        {username}
        <span class="hint">A name in the legacy server’s log, without an account here.</span>
      </>
    )
  return (
    <>
      <a href={logAddress({ account })}>{username}</a>
      <span class="hint">The name as it was then.</span>
    </>
  )
}

const Happened = ({ opening }: { readonly opening: Opening }) => {
  const { occurred_at: at, delay_ms: delayMs, late, source } = opening
  if (at === null) return <Fact term="Happened">The app did not say; it sends at once.</Fact>
  if (source === 'imported')
    return (
      <Fact term="Happened">
        <Time at={at} form="exact" />
        <span class="hint">By the legacy server’s clock.</span>
      </Fact>
    )
  return (
    <Fact term="Happened">
      <Time at={at} form="exact" />
      <span class="hint">
        By the phone’s clock, {delayWords(delayMs ?? 0)}
        {late && ': told late, as by a phone without a network'}.
      </span>
    </Fact>
  )
}

const delayWords = (delayMs: number): string => {
  if (delayMs < 0) return `which was ahead of the gateway’s by at least ${spanWords(-delayMs)}`
  return delayMs < 1000
    ? 'as the gateway heard of it'
    : `${spanWords(delayMs)} before the gateway heard of it`
}

const UNITS = [
  [86_400_000, 'day'],
  [3_600_000, 'hour'],
  [60_000, 'minute'],
  [1000, 'second'],
] as const

/** A length of time in the largest unit that it fills. */
const spanWords = (ms: number): string => {
  const [unitMs, unit] = UNITS.find(([one]) => ms >= one) ?? UNITS[3]
  return counted(Math.floor(ms / unitMs), unit)
}
