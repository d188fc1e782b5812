import { useRef, useState } from 'preact/hooks'
import { api, withQuery } from '../../api/client.ts'
import type { Door, Lockdown } from '../../api/doors.ts'
import { me, role } from '../../api/session.ts'
import { LockdownWords } from '../../components/door/door-state.tsx'
import { showToast } from '../../components/feedback/toast.tsx'
import { Action } from '../../components/form/action.tsx'
import { Button } from '../../components/form/button.tsx'
import { Confirm } from '../../components/form/dialog.tsx'
import { Select } from '../../components/form/select.tsx'
import { Section } from '../../components/layout/section.tsx'

type Props = {
  /** The door; undefined for the whole home. */
  readonly door?: Door
  readonly onChange: (message: string) => void
}

type EndProps = Props & { readonly lockdown: Lockdown }

/** Says what is locked down, and ends it. */
export const EndLockdown = ({ lockdown, door, onChange }: EndProps) => (
  <div class="offer">
    <p>
      <strong>
        <LockdownWords lockdown={lockdown} />.
      </strong>{' '}
      <span class="quiet">{whoEnds(lockdown)}</span>
    </p>
    {lockdown.may_end && (
      <Action
        kind="main"
        onAct={async () => {
          await api.delete(withQuery('/v1/home/lockdown', { lock: door?.label }))
          onChange('The lockdown has ended.')
        }}
      >
        End lockdown
      </Action>
    )}
  </div>
)

/** Locks down a door or the whole home. */
export const BeginLockdown = ({ door, onChange }: Props) => {
  const [isAsked, setAsked] = useState(false)
  const what = door?.name ?? 'all doors'
  return (
    <>
      <Button onClick={() => setAsked(true)}>Lock down {what}</Button>
      <Begin
        what={what}
        door={door}
        isOpen={isAsked}
        onClose={() => setAsked(false)}
        onDone={() =>
          onChange(door ? `${door.name} is locked down.` : 'All doors are locked down.')
        }
      />
    </>
  )
}

type SectionProps = {
  readonly lockdowns: readonly Lockdown[]
  readonly door: Door
  readonly onChange: () => void
}

/** Locks down a door, and ends it. */
export const DoorLockdown = ({ lockdowns, door, onChange }: SectionProps) => {
  const heading = useRef<HTMLHeadingElement>(null)
  const own = lockdowns.find(({ lock }) => lock === door.label)
  const changed = (message: string): void => {
    showToast(message)
    heading.current?.focus()
    onChange()
  }
  return (
    <Section
      title="Lockdown"
      heading={heading}
      lead="Lets in only owners until it ends. Keys and the lock’s own apps still work."
    >
      {own ? (
        <EndLockdown lockdown={own} door={door} onChange={changed} />
      ) : (
        <div class="actions">
          <BeginLockdown door={door} onChange={changed} />
        </div>
      )}
    </Section>
  )
}

const LENGTHS = [
  { value: '1', label: '1 hour' },
  { value: '8', label: '8 hours' },
  { value: '24', label: '1 day' },
  { value: '168', label: '1 week' },
] as const

const HOUR_MS = 3_600_000

type BeginProps = {
  readonly what: string
  readonly door: Door | undefined
  readonly isOpen: boolean
  readonly onClose: () => void
  readonly onDone: () => void
}

const Begin = ({ what, door, isOpen, onClose, onDone }: BeginProps) => {
  const [hours, setHours] = useState('')
  const begin = (): Promise<void> =>
    api.put('/v1/home/lockdown', {
      ...(door ? { locks: [door.label] } : {}),
      ...(hours === ''
        ? {}
        : { until: new Date(Date.now() + Number(hours) * HOUR_MS).toISOString() }),
    })
  return (
    <Confirm
      title={`Lock down ${what}?`}
      action="Lock down"
      isDangerous
      isOpen={isOpen}
      onClose={onClose}
      onConfirm={begin}
      onDone={onDone}
    >
      <p>
        From now on, the gateway lets in only owners. It sends no command to any lock: what is open
        stays open, and the way out stays free.
      </p>
      <Select
        label="For how long"
        value={hours}
        onValue={setHours}
        options={LENGTHS}
        any="Until it is ended"
      />
    </Confirm>
  )
}

const whoEnds = ({ began_by: by, may_end: mayEnd }: Lockdown): string => {
  if (role.value === 'owner') return ''
  if (mayEnd)
    return 'You began it, so you can end it for ten minutes. After that, only an owner can.'
  return by === me.value?.username
    ? 'You began it more than ten minutes ago, so only an owner can end it.'
    : 'Only an owner can end it.'
}
