import type { RecentUnlocks } from '../../api/unlocks/recent-unlocks.ts'
import { ErrorState, Loading } from '../../components/feedback/states.tsx'
import { UnlockItem, whyOf } from '../../components/list/unlock-row.tsx'
import { TestOpening } from '../../components/form/test-opening.tsx'
import { unlockAddress } from '../../routing/log-filter.ts'
import { Time } from '../../time/time.tsx'
import { capital } from '../../words/capital.ts'
import { type ToldUnlock, toldWords, withoutRepeats } from '../../words/repeats.ts'
import {
  type Unlock,
  clockOwner,
  isByLock,
  isUnconfirmed,
  isClockWrong,
  methodOf,
  phraseOf,
  provenanceOf,
  reasonOf,
  sentenceOf,
  silenceAfter,
} from '../../words/unlock.ts'

type Props = { readonly recent: RecentUnlocks }

const ROWS_MAX = 5

/** How many unlocks to load: what the gateway, the lock and the phone report of an opening is shown as one. */
export const LOADED_MAX = 3 * ROWS_MAX

/** The unlock that happened last in a sentence, and the one that arrived last for screen readers. */
export const LatestUnlock = ({ recent }: Props) => {
  const { unlocks, byTime = [], fresh, error, reload } = recent
  if (!unlocks)
    return error ? <ErrorState error={error} onRetry={reload} /> : <Loading what="log" />
  const [latest] = withoutRepeats(byTime)
  const [arrived] = unlocks
  const isNew = ({ seq, repeat_of: earlier }: Unlock) => fresh.has(seq) && earlier === null
  if (!latest)
    return (
      <div class="latest">
        <p>No unlocks yet. Each one that the phone app reports appears here.</p>
        <div class="test-opening">
          <TestOpening onRecorded={reload} />
          <p class="hint">
            No app yet? See what an opening looks like. It stays in the log, marked as a test.
          </p>
        </div>
      </div>
    )
  const phrase = phraseOf(latest)
  const why = whyOf(latest)
  return (
    <>
      <p class={`latest ${latest.result} ${fresh.has(latest.seq) ? 'fresh' : ''}`} key={latest.seq}>
        <a href={unlockAddress(latest.id)}>
          {phrase.before}
          <strong>{phrase.who}</strong>
          {phrase.after}{' '}
          <span class="how">
            <Time at={latest.happened_at} />
            {methodOf(latest)}
            {reasonOf(latest)}
            {silenceAfter(latest)}.
          </span>
        </a>
        {why && (
          <span class="hint">
            <a href={why}>Why?</a>
          </span>
        )}
        <Caveats unlock={latest} />
      </p>
      <p class="unseen" role="status" aria-live="polite">
        {arrived && isNew(arrived) && `New: ${sentenceOf(arrived)}`}
      </p>
    </>
  )
}

const Caveats = ({ unlock }: { readonly unlock: ToldUnlock }) => (
  <>
    {isByLock(unlock) && <span class="hint">{witnessWords(unlock)}</span>}
    {unlock.told > 1 && <span class="hint">It was {toldWords(unlock.told)}, and counts once.</span>}
    {isUnconfirmed(unlock) && (
      <span class="hint">Unconfirmed: the phone says so, and the lock said nothing.</span>
    )}
    {isClockWrong(unlock) && (
      <span class="hint">
        That is when the gateway received it: the {clockOwner(unlock)}’s clock is wrong.
      </span>
    )}
    {unlock.late && !unlock.doubted && unlock.source !== 'imported' && (
      <span class="hint">
        By the {clockOwner(unlock)}’s clock; the gateway received it{' '}
        <Time at={unlock.received_at} />.
      </span>
    )}
    {unlock.source === 'imported' && <span class="hint">Imported from the legacy server.</span>}
    {unlock.time_uncertain && (
      <span class="hint">The gateway’s clock may have been wrong then.</span>
    )}
  </>
)

/** Who says that a lock was opened. */
const witnessWords = (unlock: ToldUnlock): string => {
  const { source, also } = unlock
  const words = provenanceOf(unlock)
  if (also.includes('claimed'))
    return `${capital(words)}, and ${source === 'reported' ? 'so does the phone' : 'the phone says so'}.`
  return also.includes('decided') ? `The gateway let them in, and ${words}.` : `${capital(words)}.`
}

/** Whether new unlocks arrive without reloading the page. */
export const LiveMark = ({ recent: { unlocks, isLive } }: Props) =>
  unlocks && <p class={`live ${isLive ? 'on' : ''}`}>{isLive ? 'Live' : 'Connecting…'}</p>

/** The unlocks that happened last, which arrive without reloading the page. */
export const LatestUnlocks = ({ recent: { byTime = [], fresh } }: Props) =>
  byTime.length > 0 && (
    <section aria-labelledby="latest">
      <h2 id="latest" class="list-title">
        Latest
      </h2>
      <ul class="list" aria-labelledby="latest">
        {withoutRepeats(byTime)
          .slice(0, ROWS_MAX)
          .map((unlock) => (
            <li key={unlock.seq} class={fresh.has(unlock.seq) ? 'fresh' : undefined}>
              <UnlockItem unlock={unlock} />
            </li>
          ))}
      </ul>
      <p class="onward">
        <a href="/console/log">All unlocks</a>
      </p>
    </section>
  )
