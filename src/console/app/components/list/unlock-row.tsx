import { whyAddress } from '../../routing/doors.ts'
import { unlockAddress } from '../../routing/log-filter.ts'
import { Time } from '../../time/time.tsx'
import { type ToldUnlock, toldWords } from '../../words/repeats.ts'
import { doorName } from '../../words/door-name.ts'
import {
  REASONS,
  type Unlock,
  actionOf,
  clockOwner,
  isAtDoor,
  isByLock,
  isClockWrong,
  isDecision,
  isGuest,
  isUnconfirmed,
  openedWords,
  isUnasked,
  provenanceOf,
  silenceOf,
  whoOf,
} from '../../words/unlock.ts'

type Props = {
  readonly unlock: ToldUnlock
  /** Whether it stands under the heading of its day. */
  readonly isUnderDay?: boolean
  /** Whether it links to the page of the unlock, which a host does not see of their guests. */
  readonly isLinked?: boolean
}

/** A row of the log, with a way to the explanation if the gateway refused it. */
export const UnlockItem = (props: Props) => {
  const { unlock } = props
  const why = whyOf(unlock)
  if (why === undefined) return <UnlockRow {...props} />
  return (
    <div class="with-why">
      <UnlockRow {...props} />
      <a class="button quiet" href={why} aria-label={`Why was ${whoOf(unlock)} refused?`}>
        Why?
      </a>
    </div>
  )
}

/** The address of the explanation of a refusal; undefined if there is none. */
export const whyOf = (unlock: Unlock): string | undefined => {
  const { result, lock, account, happened_at: at } = unlock
  return isDecision(unlock) && result === 'denied' && account !== null
    ? whyAddress(lock, { holder: `account:${account}`, at })
    : undefined
}

/** A row of the log, which may link to the page of the unlock. */
const UnlockRow = ({ unlock, isUnderDay = false, isLinked = true }: Props) => {
  const attributes = {
    class: isUnderDay ? 'row unlock of-day' : 'row unlock',
    id: `unlock-${unlock.seq}`,
  }
  const content = <Content unlock={unlock} isUnderDay={isUnderDay} />
  return isLinked ? (
    <a {...attributes} href={unlockAddress(unlock.id)}>
      {content}
    </a>
  ) : (
    <div {...attributes}>{content}</div>
  )
}

type ContentProps = { readonly unlock: ToldUnlock; readonly isUnderDay: boolean }

const Content = ({ unlock, isUnderDay }: ContentProps) => (
  <>
    <span class="by">
      <strong>{whoOf(unlock)}</strong>
      {unlock.unit !== null && <span class="quiet"> {unlock.unit}</span>}
      {isGuest(unlock) && <span class="quiet"> guest</span>}
    </span>
    {isAtDoor(unlock) ? (
      <>
        <span class="how">{howOf(unlock)}</span>
        <span class="where">{doorName(unlock.lock)}</span>
      </>
    ) : (
      <span class="how alone">{actionOf(unlock)}</span>
    )}
    <span class="marks">
      {/* A mark, because phones may give methods any name. */}
      {RESULT_MARKS[unlock.result] !== '' && (
        <span class={unlock.result === 'failed' ? 'badge stop' : 'badge'}>
          {RESULT_MARKS[unlock.result]}
        </span>
      )}
      {isUnasked(unlock) && <span class="badge warning">unasked</span>}
      {silenceOf(unlock) && <span class="badge says warning">{silenceOf(unlock)}</span>}
      {openedWords(unlock) && <span class="badge says">{openedWords(unlock)}</span>}
      {isUnconfirmed(unlock) && <span class="badge warning">unconfirmed</span>}
      {unlock.result === 'denied' && isAtDoor(unlock) && (
        <span class="badge stop">{isDecision(unlock) ? 'refused' : 'turned away'}</span>
      )}
      <UnlockBadges unlock={unlock} />
      {unlock.told > 1 && <span class="badge">{toldWords(unlock.told)}</span>}
    </span>
    <Time at={unlock.happened_at} format={isUnderDay ? 'minute' : 'relative'} />
  </>
)

/** Empty if the rest of the row says it. */
const RESULT_MARKS: Readonly<Record<Unlock['result'], string>> = {
  permitted: 'let in',
  released: '',
  failed: 'did not open',
  unlocked: '',
  denied: '',
}

/** The method, or why the gateway refused whatever it would have been. */
const howOf = (unlock: Unlock): string | null => {
  const { source, reason, method } = unlock
  if (source !== 'claimed' && source !== 'imported' && reason) return REASONS[reason]
  if (isUnasked(unlock)) return 'without asking the gateway'
  return isGuest(unlock) ? 'with a pass' : method
}

/** Shows if an unlock came by an access token, was imported, was reported late or has an uncertain time. */
export const UnlockBadges = ({ unlock }: { readonly unlock: Unlock }) => (
  <>
    {unlock.token !== null && <span class="badge">by {unlock.token.name ?? 'an old token'}</span>}
    {isByLock(unlock) && <span class="badge says">{provenanceOf(unlock)}</span>}
    {unlock.source === 'imported' ? (
      <span class="badge">imported</span>
    ) : (
      unlock.late && <span class="badge warning">reported late</span>
    )}
    {isClockWrong(unlock) && <span class="badge warning">{clockOwner(unlock)}’s clock wrong</span>}
    {unlock.time_uncertain && <span class="badge warning">time uncertain</span>}
  </>
)
