import { useRef, useState } from 'preact/hooks'
import { api } from '../../../api/client.ts'
import type { Door } from '../../../api/doors.ts'
import { type Driver, doorPath, loadDriver } from '../../../api/driver.ts'
import { useLoad } from '../../../api/load.ts'
import { useReloadOn } from '../../../api/refresh.ts'
import { showToast } from '../../../components/feedback/toast.tsx'
import { WhenLoaded } from '../../../components/feedback/when-loaded.tsx'
import { Button } from '../../../components/form/button.tsx'
import { Confirm } from '../../../components/form/dialog.tsx'
import { Section } from '../../../components/layout/section.tsx'
import { Time } from '../../../time/time.tsx'
import { BOLTS } from '../../../words/bolt.ts'
import { DriverForm } from './driver-form.tsx'
import { DRIVER_KINDS } from './kinds.ts'
import { LastOperation } from './last-operation.tsx'
import { Operator } from './operator.tsx'
import { Slots } from './slots.tsx'

type Props = {
  readonly door: Door
  readonly refresh: number
  readonly onChange: () => void
}

/** The driver of a lock, its slots, and as whom Home Assistant may open it. */
export const DoorDriver = ({ door, refresh, onChange }: Props) => {
  const loaded = useLoad(`driver ${door.label} ${door.controller}`, (signal) =>
    loadDriver(door, signal),
  )
  useReloadOn(refresh, loaded.reload)
  const [isChanging, setChanging] = useState(false)
  const heading = useRef<HTMLHeadingElement>(null)
  const changed = (message: string): void => {
    setChanging(false)
    showToast(message)
    heading.current?.focus()
    onChange()
  }
  const driven = loaded.data?.driver
  const slotHint = driven && DRIVER_KINDS[driven.kind].slotHint
  return (
    <>
      <Section title="How the gateway opens it" heading={heading}>
        <WhenLoaded what="lock" loaded={loaded}>
          {({ driver }) => {
            if (isChanging)
              return (
                <>
                  <DriverForm
                    door={door}
                    driver={driver}
                    onSaved={() => {
                      changed('Saved.')
                      if (driver) loaded.reload()
                    }}
                  />
                  <Button kind="quiet" onClick={() => setChanging(false)}>
                    Cancel
                  </Button>
                </>
              )
            if (!driver)
              return (
                <div class="offer">
                  <p>
                    <strong>It does not.</strong>{' '}
                    <span class="quiet">
                      It decides and records who may open; your app or key moves the lock.
                    </span>
                  </p>
                  <Button onClick={() => setChanging(true)}>Connect a lock</Button>
                </div>
              )
            return (
              <State
                door={door}
                driver={driver}
                refresh={refresh}
                onChange={() => setChanging(true)}
                onRemoved={() => changed('The gateway no longer opens it.')}
              />
            )
          }}
        </WhenLoaded>
      </Section>
      {slotHint !== undefined && <Slots door={door} hint={slotHint} />}
      <Operator door={door} />
    </>
  )
}

type StateProps = {
  readonly door: Door
  readonly driver: Driver
  readonly refresh: number
  readonly onChange: () => void
  readonly onRemoved: () => void
}

const State = ({ door, driver, refresh, onChange, onRemoved }: StateProps) => {
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
      <LastOperation door={door} refresh={refresh} />
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
