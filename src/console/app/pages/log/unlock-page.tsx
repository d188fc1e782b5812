import type { ComponentChildren } from 'preact'
import { api } from '../../api/client.ts'
import { useLoad } from '../../api/load.ts'
import { role } from '../../api/session.ts'
import { ErrorState, Loading } from '../../components/feedback/states.tsx'
import { Screen } from '../../components/layout/screen.tsx'
import { UnlockBadges, whyOf } from '../../components/list/unlock-row.tsx'
import { logAddress } from '../../routing/log-filter.ts'
import { isAtLeast } from '../../routing/sections.ts'
import { Time } from '../../time/time.tsx'
import { counted } from '../../words/format.ts'
import { doorName, hasOwnName } from '../../words/door-name.ts'
import {
  type Unlock,
  clockOwner,
  isAtDoor,
  isByLock,
  isDecision,
  isGuess,
  isGuest,
  isLoss,
  phraseText,
  reasonOf,
} from '../../words/unlock.ts'
import { Receipt } from './receipt.tsx'

type Props = {
  readonly id: string
  /** The address of the list. */
  readonly back: string
}

/** One unlock: everything the log has about it, and its receipt. */
export const UnlockPage = ({ id, back }: Props) => {
  const { data, error, reload } = useLoad(`unlock ${id}`, (signal) =>
    api.get<Unlock>(`/v1/unlocks/${encodeURIComponent(id)}`, { signal }),
  )
  return (
    <Screen
      title={data ? phraseText(data) : 'Unlock'}
      lead={
        <a href={back}>
          <span aria-hidden="true">← </span>
          {isAtLeast(role.value, 'admin') ? 'Log' : 'My unlocks'}
        </a>
      }
    >
      {data ? (
        <>
          <Facts unlock={data} />
          <Receipt unlock={data} />
        </>
      ) : error ? (
        <ErrorState error={error} onRetry={reload} />
      ) : (
        <Loading what="unlock" />
      )}
    </Screen>
  )
}

const SOURCES: Readonly<Record<Unlock['source'], string>> = {
  claimed: 'An app that was logged in as this person',
  observed: 'This gateway, which refused it',
  imported: 'The legacy server, from its database',
  decided: 'This gateway, which decided it',
  reported: 'The lock itself',
  attested: 'The controller of the lock, which signed it',
}

/** What became of a decision at the lock. */
const DELIVERED: Readonly<Record<NonNullable<Unlock['delivery']>, string>> = {
  no_controller: 'It decides and records. This does not say whether the door moved.',
  offline: 'The controller of the lock was offline, so it was not asked to open.',
  asked: 'It asked the lock to open.',
  accepted: 'It asked the lock to open, and the lock took the command.',
  happened: 'It asked the lock to open, and the lock says that it did.',
  failed: 'It asked the lock to open, and it did not open.',
  unknown: 'It asked the lock to open, and the lock said nothing.',
}

type UnlockProps = { readonly unlock: Unlock }

const Facts = ({ unlock }: UnlockProps) => {
  const why = whyOf(unlock)
  return (
    <dl class="sheet facts">
      <Fact term="Result">
        {resultWords(unlock)} <UnlockBadges unlock={unlock} />
        {isDecision(unlock) && (
          <span class="hint">
            {DELIVERED[unlock.delivery ?? 'no_controller']} {why && <a href={why}>Why?</a>}
          </span>
        )}
        {isGuess(unlock) && (
          <span class="hint">
            Nobody was at the door, and the person did nothing: somebody entered wrong passwords for
            this name.{' '}
            {isAtLeast(role.value, 'admin') && (
              <a href="/console/security">See where from, under Security</a>
            )}
          </span>
        )}
        {isLoss(unlock) && (
          <span class="hint">
            An older or another database was put in place, and someone accepted that unlocks are
            missing here. Receipts and checkpoints of those no longer fit this log:{' '}
            <a href="/manual/unlock-log#when-the-log-is-stopped">more in the manual</a>.
          </span>
        )}
      </Fact>
      {!isLoss(unlock) && (
        <Fact term={isGuess(unlock) ? 'Guessed at' : 'Person'}>
          <Who unlock={unlock} />
        </Fact>
      )}
      {unlock.unit !== null && (
        <Fact term="Unit">
          {unlock.unit}
          <span class="hint">Where this person belongs now. It is not part of the log.</span>
        </Fact>
      )}
      {!isGateways(unlock) && <Fact term="Method">{unlock.method ?? 'Erased'}</Fact>}
      {isAtDoor(unlock) && (
        <Fact term="Lock">
          {doorName(unlock.lock)}
          {hasOwnName(unlock.lock) && (
            <span class="hint">
              Its name today. The log has its label, <code>{unlock.lock}</code>.
            </span>
          )}
        </Fact>
      )}
      <Fact term="Received">
        <Time at={unlock.received_at} format="exact" />, <Time at={unlock.received_at} />
        {unlock.time_uncertain && (
          <span class="hint">
            The gateway’s clock may have been wrong. The order in the log is certain, the time is
            not.
          </span>
        )}
      </Fact>
      <Happened unlock={unlock} />
      {unlock.repeat_of !== null && (
        <Fact term="Told before">
          Number {unlock.repeat_of}
          <span class="hint">
            Probably the same unlock: the phone sent it again because it got no answer, or the lock
            and the phone both reported it. Both stay in the log; counts and lists show one.
          </span>
        </Fact>
      )}
      <Fact term="Reported by">
        {isLoss(unlock) ? 'This gateway' : SOURCES[unlock.source]}
        {unlock.reporter !== null && <span class="hint">Heard through {unlock.reporter}.</span>}
      </Fact>
      {isAtDoor(unlock) && <Fact term="What it proves">{PROOFS[unlock.source](unlock)}</Fact>}
      {unlock.token !== null && (
        <Fact term="Access token">
          {unlock.token.name ?? 'A deleted one'}
          <span class="hint">
            A script or device acted for this person.{' '}
            {isDecision(unlock)
              ? 'The log contains which one.'
              : 'Which one is not part of the log.'}
          </span>
        </Fact>
      )}
      {unlock.attempt !== null && (
        <Fact term="Attempt">
          <code>{unlock.attempt}</code>
          <span class="hint">The decision and the lock’s report have the same attempt.</span>
        </Fact>
      )}
      <Fact term="Number">
        {unlock.seq} <span class="hint">The log counts from 0, without gaps.</span>
      </Fact>
      <Fact term="ID">
        <code>{unlock.id}</code>
      </Fact>
      {unlock.account && (
        <Fact term="Account">
          <code>{unlock.account}</code>
        </Fact>
      )}
    </dl>
  )
}

/** Whether the gateway itself did or saw it. */
const isGateways = ({ source }: Unlock): boolean => source === 'observed' || source === 'decided'

const resultWords = (unlock: Unlock): string => {
  if (isGuess(unlock)) return 'Locked out'
  if (isLoss(unlock)) return 'Unlocks lost'
  return RESULTS[unlock.result] + reasonOf(unlock)
}

const RESULTS: Readonly<Record<Unlock['result'], string>> = {
  unlocked: 'Unlocked',
  denied: 'Turned away',
  permitted: 'Let in by the gateway',
  released: 'Released by the lock',
  failed: 'Did not open',
}

/** What an entry proves about the door, besides that it is in the log. */
const PROOFS: Readonly<Record<Unlock['source'], (unlock: Unlock) => string>> = {
  claimed: () => 'Somebody logged in as this person says so. Nothing else confirms it.',
  observed: () => 'The gateway refused it.',
  imported: () => 'The legacy server had it. Nothing else confirms it.',
  decided: ({ result }) =>
    result === 'permitted'
      ? 'The gateway let them in, by its rules. Whether the door opened, only the lock can say.'
      : 'The gateway refused it, by its rules.',
  reported: () => 'The lock says so, without a signature.',
  attested: ({ result }) =>
    `The controller of the lock signed it: no phone can make it up. ${SIGNED[result]}`,
}

const SIGNED: Readonly<Record<Unlock['result'], string>> = {
  unlocked: 'Its sensor saw the door open.',
  released: 'It has no sensor, so the door may have stayed shut.',
  failed: 'The door stayed shut.',
  permitted: '',
  denied: '',
}

type FactProps = { readonly term: string; readonly children: ComponentChildren }

const Fact = ({ term, children }: FactProps) => (
  <div>
    <dt>{term}</dt>
    <dd>{children}</dd>
  </div>
)

const Who = ({ unlock }: UnlockProps) => {
  const { username, account } = unlock
  if (username === null)
    return (
      <>
        Erased
        <span class="hint">
          Name, account and method were erased for good. The receipt is still valid.
        </span>
      </>
    )
  if (username === '')
    return (
      <>
        Unknown
        <span class="hint">
          The lock did not say who it was, or named somebody without an account here.
        </span>
      </>
    )
  if (isGuest(unlock))
    return (
      <>
        {username}
        <span class="hint">A guest, by the name that the host gave them.</span>
      </>
    )
  if (account === null)
    return (
      <>
        {username}
        <span class="hint">
          A name from the {isByLock(unlock) ? 'lock' : 'legacy server’s log'}, without an account
          here.
        </span>
      </>
    )
  return (
    <>
      <a href={logAddress({ account })}>{username}</a>
      <span class="hint">The name at that time.</span>
    </>
  )
}

const Happened = ({ unlock }: UnlockProps) => {
  const { occurred_at: at, happened_at, delay_ms: delayMs, late, doubted, source } = unlock
  // What the gateway saw itself happened when it was received.
  if (isGateways(unlock)) return null
  const whose = clockOwner(unlock)
  if (at === null)
    return <Fact term="Happened">Not stated by the {whose === 'lock' ? 'lock' : 'app'}</Fact>
  if (source === 'imported')
    return (
      <Fact term="Happened">
        <Time at={at} format="exact" />
        <span class="hint">By the legacy server’s clock.</span>
      </Fact>
    )
  if (doubted)
    return (
      <Fact term="Happened">
        <Time at={happened_at} format="exact" />
        <span class="hint">
          When the gateway received it. The {whose}’s clock said <Time at={at} format="exact" />,{' '}
          {delayWords(delayMs ?? 0)}, which is not plausible.
        </span>
      </Fact>
    )
  return (
    <Fact term="Happened">
      <Time at={at} format="exact" />
      <span class="hint">
        By the {whose}’s clock, {delayWords(delayMs ?? 0)}.
        {late && ` Reported late, for example by a ${whose} without a network.`}
      </span>
    </Fact>
  )
}

const delayWords = (delayMs: number): string => {
  if (delayMs < 0) return `at least ${largestUnit(-delayMs)} after the gateway received it`
  return delayMs < 1000
    ? 'less than a second before the gateway received it'
    : `${largestUnit(delayMs)} before the gateway received it`
}

const UNITS = [
  [86_400_000, 'day'],
  [3_600_000, 'hour'],
  [60_000, 'minute'],
  [1000, 'second'],
] as const

/** A length of time in the largest unit that fits. */
const largestUnit = (ms: number): string => {
  const [unitMs, unit] = UNITS.find(([size]) => ms >= size) ?? UNITS[3]
  return counted(Math.floor(ms / unitMs), unit)
}
