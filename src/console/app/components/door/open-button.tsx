import type { ComponentChildren } from 'preact'
import { useRef, useState } from 'preact/hooks'
import { ApiError, ConnectionLost, api } from '../../api/client.ts'
import type { Decision, Door } from '../../api/doors.ts'
import { useOutcome } from '../../api/doors/delivery.ts'
import { randomId } from '../../api/random-id.ts'
import { whyAddress } from '../../routing/doors.ts'
import { isBadOutcome, outcomeWords } from '../../words/decision.ts'
import { errorMessage } from '../../words/error.ts'
import { Button } from '../form/button.tsx'
import { Refusal } from './refusal.tsx'

type Outcome =
  | { readonly decision: Decision; readonly attempt: string }
  | { readonly error: string }

type Props = {
  readonly door: Door
  /** Called after the gateway has decided. */
  readonly onDecided: () => void
}

/** Asks the gateway to open a door, and says what it decided. */
export const OpenButton = ({ door, onDecided }: Props) => {
  const { label, name, may_open: mayOpen } = door
  const [isBusy, setBusy] = useState(false)
  const [outcome, setOutcome] = useState<Outcome>()
  const nextId = useAttemptId()
  const open = async (): Promise<void> => {
    setBusy(true)
    setOutcome(undefined)
    const attempt = nextId()
    const abort = new AbortController()
    const timer = setTimeout(() => abort.abort(), ANSWER_MS_MAX)
    try {
      const path = `/v1/locks/${encodeURIComponent(label)}/unlock`
      const { signal } = abort
      const decision = await api.post<Decision>(path, { id: attempt.id }, {}, { signal })
      setOutcome({ decision, attempt: attempt.id })
      attempt.answered()
      onDecided()
    } catch (error) {
      const isUnanswered = error instanceof ConnectionLost || abort.signal.aborted
      if (!isUnanswered) attempt.answered()
      setOutcome({ error: isUnanswered ? UNANSWERED : messageOf(error) })
    }
    clearTimeout(timer)
    setBusy(false)
  }
  return (
    <div class="opening">
      <Button
        kind={mayOpen ? 'main' : 'plain'}
        isBusy={isBusy}
        aria-label={isBusy ? `${ASKING} ${name}` : `Open: ${name}`}
        onClick={() => void open()}
      >
        {isBusy ? ASKING : 'Open'}
      </Button>
      <div role="status">{outcome && <Answer outcome={outcome} label={label} />}</div>
    </div>
  )
}

const ASKING = 'Asking the gateway…'

const Answer = ({ outcome, label }: { readonly outcome: Outcome; readonly label: string }) => {
  if ('error' in outcome) return <p class="answer denied">{outcome.error}</p>
  const { decision, reason, next_at: nextAt, use } = outcome.decision
  if (decision === 'permitted')
    return (
      <PermittedAnswer label={label} outcome={outcome}>
        {use && ` This was visit ${use.number} of ${use.max}.`}
      </PermittedAnswer>
    )
  return (
    <p class="answer denied">
      <Refusal reason={reason} nextAt={nextAt} /> <a href={whyAddress(label)}>Why?</a>
    </p>
  )
}

type PermittedProps = {
  readonly label: string
  readonly outcome: Exclude<Outcome, { readonly error: string }>
  readonly children: ComponentChildren
}

/** Says what becomes of a permitted attempt at the lock, as soon as that is known. */
const PermittedAnswer = ({ label, outcome, children }: PermittedProps) => {
  const known = useOutcome(label, outcome.attempt, outcome.decision.delivery)
  return (
    <p class={isBadOutcome(known) ? 'answer denied' : 'answer permitted'}>
      {outcomeWords(known)}
      {children}
    </p>
  )
}

/** Nobody is let in without a record of it. */
const UNRECORDED =
  'Nothing can be recorded right now, so nobody is let in. Use your key; the owner is told.'

/** Nobody else presses the button again. */
const UNANSWERED =
  'The gateway does not answer. Connect to the home Wi-Fi and press Open again, or use your key.'

/** How long a person at the door waits; the gateway answers within seconds or not at all. */
const ANSWER_MS_MAX = 15_000

const messageOf = (error: unknown): string =>
  error instanceof ApiError && error.status === 503 ? UNRECORDED : errorMessage(error)

/** How long a lost answer may be requested again; after that, pressing is a new attempt. */
const REPEAT_MS_MAX = 120_000

/** Returns the id of each attempt: the previous one while its answer is missing, so that the gateway does not
 * count one attempt twice. */
const useAttemptId = () => {
  const pending = useRef<{ readonly id: string; readonly beganMs: number } | undefined>(undefined)
  return () => {
    const nowMs = Date.now()
    const isStale = nowMs - (pending.current?.beganMs ?? 0) > REPEAT_MS_MAX
    if (isStale || !pending.current) pending.current = { id: randomId(), beganMs: nowMs }
    return {
      id: pending.current.id,
      answered: (): void => {
        pending.current = undefined
      },
    }
  }
}
