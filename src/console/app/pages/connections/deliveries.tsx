import { useState } from 'preact/hooks'
import { api } from '../../api/client.ts'
import { usePages } from '../../api/load.ts'
import { useReloadOn } from '../../api/refresh.ts'
import { type Delivery, type Target, targetPath } from '../../api/targets.ts'
import { showToast } from '../../components/feedback/toast.tsx'
import { Button } from '../../components/form/button.tsx'
import { Choices } from '../../components/form/choices.tsx'
import { Confirm } from '../../components/form/dialog.tsx'
import { Section } from '../../components/layout/section.tsx'
import { List } from '../../components/list/list.tsx'
import { Time } from '../../time/time.tsx'
import { answerWords } from '../../words/answer.ts'
import { counted } from '../../words/format.ts'
import { EVENTS } from '../../words/when.ts'

type Props = {
  readonly target: Target
  /** Counts up when there may be news. */
  readonly refresh: number
  readonly onChange: () => void
}

const ROWS = 20

/** The messages to a connection, newest first, including those that are waiting. */
export const Deliveries = ({ target, refresh, onChange }: Props) => {
  const path = `${targetPath(target.id)}/deliveries`
  const pages = usePages<Delivery>(path, { limit: ROWS }, 'deliveries', 'before')
  useReloadOn(refresh, pages.reload)
  const [asked, setAsked] = useState<Delivery>()
  const [isOpen, setOpen] = useState(false)
  return (
    <Section title="Messages">
      <List
        label="Messages"
        pages={pages}
        keyOf={({ id }) => id}
        row={(delivery) => (
          <Row
            delivery={delivery}
            onAgain={() => {
              setAsked(delivery)
              setOpen(true)
            }}
          />
        )}
        empty="Nothing yet."
      />
      {asked && (
        <Again
          key={asked.id}
          target={target}
          delivery={asked}
          isOpen={isOpen}
          onClose={() => setOpen(false)}
          onDone={() => {
            pages.reload()
            onChange()
          }}
        />
      )}
    </Section>
  )
}

type RowProps = { readonly delivery: Delivery; readonly onAgain: () => void }

const Row = ({ delivery, onAgain }: RowProps) => {
  const { state, attempts, created_at: at, due_at: dueAt, status, answer } = delivery
  return (
    <div class="row with-action">
      <div>
        <strong>{eventOf(delivery)}</strong>{' '}
        <span class={state === 'delivered' ? 'badge' : 'badge warning'}>{STATES[state]}</span>
        <p class="quiet">
          <Time at={at} />
          {attempts > 1 && `, tried ${counted(attempts, 'time')}`}
          {dueAt !== null && attempts > 0 && (
            <>
              , again <Time at={dueAt} format="coming" />
            </>
          )}
          {answerWords({ status, answer })}
        </p>
      </div>
      {state !== 'waiting' && (
        <Button kind="quiet" aria-label={`Send again: ${eventOf(delivery)}`} onClick={onAgain}>
          Send again
        </Button>
      )}
    </div>
  )
}

const eventOf = ({ event, seq }: Delivery): string =>
  seq === null ? EVENTS[event] : `${EVENTS[event]}, no. ${seq}`

const STATES: Readonly<Record<Delivery['state'], string>> = {
  waiting: 'waiting',
  delivered: 'sent',
  dead: 'given up',
  dropped: 'not sent',
}

type AgainProps = {
  readonly target: Target
  readonly delivery: Delivery
  readonly isOpen: boolean
  readonly onClose: () => void
  readonly onDone: () => void
}

/** Sends one again or, to a webhook, everything since. */
const Again = ({ target, delivery, isOpen, onClose, onDone }: AgainProps) => {
  const { id, seq } = delivery
  const [which, setWhich] = useState<'one' | 'since'>('one')
  const hasSince = seq !== null && target.kind === 'webhook'
  return (
    <Confirm
      title="Send it again?"
      action="Send again"
      isOpen={isOpen}
      onClose={onClose}
      onConfirm={async () => {
        const { replayed } = await api.post<{ readonly replayed: number }>(
          `${targetPath(target.id)}/replay`,
          which === 'since' ? { since_seq: seq } : { delivery: id },
        )
        showToast(`${counted(replayed, 'message')} will be sent again.`)
      }}
      onDone={onDone}
    >
      <p>
        {eventOf(delivery)}. The receiver can recognize the repetition by its id, which stays the
        same.
      </p>
      {hasSince && (
        <Choices
          label="What"
          name="which"
          value={which}
          onValue={setWhich}
          options={[
            { value: 'one', label: 'Only this one', description: 'One message.' },
            {
              value: 'since',
              label: 'This one and all later ones',
              description: 'Every unlock and refusal from this one on.',
            },
          ]}
        />
      )}
    </Confirm>
  )
}
