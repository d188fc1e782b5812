import { useState } from 'preact/hooks'
import { api } from '../../../api/client.ts'
import type { Door } from '../../../api/doors.ts'
import { type Driver, doorPath } from '../../../api/doors/driver.ts'
import { Button } from '../../../components/form/button.tsx'
import { Confirm } from '../../../components/form/dialog.tsx'
import { Time } from '../../../time/time.tsx'
import { BOLTS } from './bolt.ts'
import { DRIVER_KINDS } from './kinds.ts'

type StateProps = {
  readonly door: Door
  readonly driver: Driver
  readonly onChange: () => void
  readonly onRemoved: () => void
}

/** The state of the lock that a driver moves. */
export const DriverState = ({ door, driver, onChange, onRemoved }: StateProps) => {
  const { kind, settings, state, state_since: since, online, heard_at: heardAt } = driver
  const [isAsked, setAsked] = useState(false)
  return (
    <>
      <p class={online === false ? 'door-state stopped' : 'door-state open'}>
        {online === false ? 'The lock cannot be reached' : (state && BOLTS[state]) || 'Connected'}
        {since !== null && online !== false && (
          <>
            {' '}
            since <Time at={since} format="printed" />
          </>
        )}
      </p>
      <p class="quiet">
        By {DRIVER_KINDS[kind].label} ({Object.values(settings).join(', ')}).{' '}
        {heardAt === null ? (
          'Nothing heard from it yet.'
        ) : (
          <>
            Last heard <Time at={heardAt} />.
          </>
        )}
      </p>
      <div class="actions">
        <Button onClick={onChange}>Change</Button>
        <Button onClick={() => setAsked(true)}>Disconnect</Button>
      </div>
      <Confirm
        title="Disconnect the lock?"
        action="Disconnect"
        isDangerous
        isOpen={isAsked}
        onClose={() => setAsked(false)}
        onConfirm={() => api.delete(`${doorPath(door)}/driver`)}
        onDone={onRemoved}
      >
        <p>
          The gateway then decides and records who may open {door.name}, and nothing moves. Its
          history stays.
        </p>
      </Confirm>
    </>
  )
}
