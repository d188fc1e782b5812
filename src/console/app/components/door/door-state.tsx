import type { Door, Lockdown } from '../../api/doors.ts'
import { Time } from '../../time/time.tsx'
import { Refusal } from './refusal.tsx'

type Props = {
  readonly door: Door
  /** The lockdown of this door or of the whole home. */
  readonly lockdown: Lockdown | undefined
}

/** Whether a door is open to the person who looks at it, in words. */
export const DoorState = ({ door, lockdown }: Props) => {
  const { state, may_open: mayOpen, reason, next_at: nextAt } = door
  if (state === 'retired') return <p class="door-state">Retired</p>
  if (state === 'disabled') return <p class="door-state shut">Switched off</p>
  if (lockdown)
    return (
      <p class="door-state stopped">
        <LockdownWords lockdown={lockdown} />
        {mayOpen && '. Owners may still open it'}
      </p>
    )
  if (mayOpen) return <p class="door-state open">Open to you now</p>
  return (
    <p class="door-state shut">
      <Refusal reason={reason} nextAt={nextAt} />
    </p>
  )
}

/** Who locked down a door, and until when. */
export const LockdownWords = ({
  lockdown: { began_by: by, until },
}: {
  readonly lockdown: Lockdown
}) => (
  <>
    Locked down by {by ?? 'somebody at the gateway'}
    {until === null ? (
      ' until somebody ends it'
    ) : (
      <>
        {' '}
        until <Time at={until} format="coming" />
      </>
    )}
  </>
)
