import { api } from '../../api/client.ts'
import { useLoad } from '../../api/load.ts'
import { role } from '../../api/session.ts'
import { ErrorState, Loading } from '../../components/feedback/states.tsx'
import { Screen } from '../../components/layout/screen.tsx'
import { UnlockBadges, whyOf } from '../../components/list/unlock-row.tsx'
import { isAtLeast } from '../../routing/sections.ts'
import { Time } from '../../time/time.tsx'
import { capital } from '../../words/capital.ts'
import { doorName, hasOwnName } from '../../words/door-name.ts'
import {
  type Unlock,
  isAtDoor,
  isByGateway,
  isDecision,
  isGuess,
  isGuest,
  isLoss,
  openedWords,
  phraseText,
  reasonOf,
  silenceOf,
} from '../../words/unlock.ts'
import { Receipt } from './receipt.tsx'
import { Fact } from './unlock/fact.tsx'
import { Happened } from './unlock/happened.tsx'
import { Proof } from './unlock/proof.tsx'
import { Reporter } from './unlock/reporter.tsx'
import { Statement } from './unlock/statement.tsx'
import { Who } from './unlock/who.tsx'

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
  failed: 'It asked the lock to open, but the lock did not open.',
  unknown: 'It asked the lock to open, and the lock said nothing.',
}

/** How it ended at the lock, as far as an entry of the log or the lock itself says; nothing for a refusal, which
 * never reached the lock. */
const outcomeOf = (unlock: Unlock): string => {
  if (unlock.result === 'denied') return ''
  const { outcome, delivery } = unlock
  const words = openedWords(unlock) || (outcome?.reason ? silenceOf(unlock) : '')
  return words ? `${capital(words)}.` : DELIVERED[delivery ?? 'no_controller']
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
            {outcomeOf(unlock)} {why && <a href={why}>Why?</a>}
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
      {!isByGateway(unlock) && <Fact term="Method">{unlock.method ?? 'Erased'}</Fact>}
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
        {unlock.reporter !== null && <Reporter source={unlock.source} reporter={unlock.reporter} />}
      </Fact>
      {isAtDoor(unlock) && <Proof unlock={unlock} />}
      {(unlock.source === 'attested' || isGuest(unlock)) && <Statement unlock={unlock} />}
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
