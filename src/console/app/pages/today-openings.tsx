import { OpeningRow } from '../components/opening-row.tsx'
import { ErrorState, Loading } from '../components/states.tsx'
import { Time } from '../components/time.tsx'
import { eventAddress } from '../log-filter.ts'
import { byOf, deedOf, happenedAt, lastOf, reasonWords, sentenceOf, whoOf } from '../opening.ts'
import type { Recent } from '../recent.ts'

type Props = { readonly recent: Recent }

/** Who was at the door last, in a sentence. */
export const LastOpening = ({ recent: { openings, fresh, error, reload } }: Props) => {
  if (!openings)
    return error ? <ErrorState error={error} onRetry={reload} /> : <Loading what="the log" />
  const last = lastOf(openings)
  if (!last)
    return (
      <p class="last">
        Nobody has opened the door yet. The phone app records each opening, and it shows here.
      </p>
    )
  return (
    <>
      <p class={`last ${last.result} ${fresh.has(last.seq) ? 'fresh' : ''}`} key={last.seq}>
        <a href={eventAddress(last.id)}>
          <strong>{whoOf(last)}</strong> {deedOf(last)} <Time at={happenedAt(last)} />
          {byOf(last)}
          {last.reason && `: ${reasonWords[last.reason]}`}.
        </a>
        {last.late && last.source !== 'imported' && (
          <span class="hint">
            By the phone’s clock; the gateway heard of it <Time at={last.received_at} />.
          </span>
        )}
        {last.source === 'imported' && <span class="hint">By the legacy server’s record.</span>}
        {last.time_uncertain && (
          <span class="hint">The gateway’s clock was not to be trusted then.</span>
        )}
      </p>
      <p class="unseen" role="status" aria-live="polite">
        {fresh.has(last.seq) && `New: ${sentenceOf(last)}`}
      </p>
    </>
  )
}

/** The newest of the log, which come without loading the page again. */
export const LatestOpenings = ({ recent: { openings, fresh, isFollowing } }: Props) =>
  openings && (
    <section aria-labelledby="latest">
      <header class="title">
        <h2 id="latest">Latest</h2>
        <p class={`live ${isFollowing ? 'on' : ''}`}>{isFollowing ? 'Live' : 'Connecting…'}</p>
      </header>
      {openings.length > 0 ? (
        <>
          <ul class="list" aria-labelledby="latest">
            {openings.map((opening) => (
              <li key={opening.seq} class={fresh.has(opening.seq) ? 'fresh' : undefined}>
                <OpeningRow opening={opening} />
              </li>
            ))}
          </ul>
          <p class="onward">
            <a href="/console/log">All openings</a>
          </p>
        </>
      ) : (
        <p class="empty">Nothing yet.</p>
      )}
    </section>
  )
