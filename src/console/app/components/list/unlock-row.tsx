import { unlockAddress } from '../../routing/log-filter.ts'
import { Time } from '../../time/time.tsx'
import { type ToldUnlock, toldWords } from '../../words/repeats.ts'
import {
  REASONS,
  type Unlock,
  actionOf,
  isAtDoor,
  isClockWrong,
  lockName,
  whoOf,
} from '../../words/unlock.ts'

type Props = {
  readonly unlock: ToldUnlock
  /** Whether it stands under the heading of its day. */
  readonly isUnderDay?: boolean
}

/** A row of the log, which links to the page of the unlock. */
export const UnlockRow = ({ unlock, isUnderDay = false }: Props) => (
  <a
    class={isUnderDay ? 'row unlock of-day' : 'row unlock'}
    id={`unlock-${unlock.seq}`}
    href={unlockAddress(unlock.id)}
  >
    <span class="by">
      <strong>{whoOf(unlock)}</strong>
      {unlock.unit !== null && <span class="quiet"> {unlock.unit}</span>}
    </span>
    {isAtDoor(unlock) ? (
      <>
        <span class="how">{howOf(unlock)}</span>
        <span class="where">{lockName(unlock.lock)}</span>
      </>
    ) : (
      <span class="how alone">{actionOf(unlock)}</span>
    )}
    <span class="marks">
      {unlock.result === 'denied' && isAtDoor(unlock) && (
        <span class="badge stop">turned away</span>
      )}
      {unlock.result === 'permitted' && <span class="badge">let in</span>}
      <UnlockBadges unlock={unlock} />
      {unlock.told > 1 && <span class="badge">{toldWords(unlock.told)}</span>}
    </span>
    <Time at={unlock.happened_at} format={isUnderDay ? 'minute' : 'relative'} />
  </a>
)

/** The method, or why the gateway refused whatever it would have been. */
const howOf = ({ source, reason, method }: Unlock): string | null =>
  (source === 'observed' || source === 'decided') && reason ? REASONS[reason] : method

/** Shows if an unlock was imported, was reported late or has an uncertain time. */
export const UnlockBadges = ({ unlock }: { readonly unlock: Unlock }) => (
  <>
    {unlock.source === 'imported' ? (
      <span class="badge">imported</span>
    ) : (
      unlock.late && <span class="badge warning">reported late</span>
    )}
    {isClockWrong(unlock) && <span class="badge warning">phone’s clock wrong</span>}
    {unlock.time_uncertain && <span class="badge warning">time uncertain</span>}
  </>
)
