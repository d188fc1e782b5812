import { useRef, useState } from 'preact/hooks'
import {
  type Controller,
  type ControllerCode,
  CONTROLLERS_MAX,
  loadControllers,
} from '../../api/doors/controllers.ts'
import type { Door } from '../../api/doors.ts'
import { type Driver, loadDriver } from '../../api/doors/driver.ts'
import { useLoad } from '../../api/load.ts'
import { useReloadOn } from '../../api/refresh.ts'
import { role } from '../../api/session.ts'
import { showToast } from '../../components/feedback/toast.tsx'
import { WhenLoaded } from '../../components/feedback/when-loaded.tsx'
import { Button } from '../../components/form/button.tsx'
import { Section } from '../../components/layout/section.tsx'
import { Controllers } from './controllers/controllers.tsx'
import { NewController, NewControllerCode } from './controllers/new-controller.tsx'
import { DriverForm } from './driver/driver-form.tsx'
import { DriverState } from './driver/driver-state.tsx'
import { DRIVER_KINDS } from './driver/kinds.ts'
import { LastOperation } from './driver/last-operation.tsx'
import { Operator } from './driver/operator.tsx'
import { Slots } from './driver/slots.tsx'

type Props = {
  readonly door: Door
  readonly refresh: number
  readonly onChange: () => void
}

/** What moves a lock: a driver, or controllers beside it; admins see the controllers only. */
export const HowOpened = ({ door, refresh, onChange }: Props) => {
  const isOwner = role.value === 'owner'
  const loaded = useLoad(`how opened ${door.label} ${door.controller}`, async (signal) => {
    const controllers = await loadControllers(door, signal)
    const isDriven = isOwner && controllers.length === 0
    return { controllers, driver: isDriven ? await loadDriver(door, signal) : undefined }
  })
  useReloadOn(refresh, loaded.reload)
  const [code, setCode] = useState<ControllerCode>()
  const heading = useRef<HTMLHeadingElement>(null)
  // Once nothing is known to move the door, this loads by itself; until then it would ask for a driver that is
  // not there.
  const removed = (message: string): void => {
    showToast(message)
    heading.current?.focus()
    onChange()
  }
  const changed = (message: string): void => {
    loaded.reload()
    removed(message)
  }
  const driver = loaded.data?.driver
  const slotHint = driver && DRIVER_KINDS[driver.kind].slotHint
  if (!isOwner && loaded.data?.controllers.length === 0) return null
  return (
    <>
      <Section title="How the gateway opens it" heading={heading}>
        {code ? (
          <NewControllerCode
            code={code}
            onDone={() => {
              setCode(undefined)
              changed('The door shows the controller once it has enrolled.')
            }}
          />
        ) : (
          <WhenLoaded what="lock" loaded={loaded}>
            {(moved) => (
              <>
                <Moved
                  door={door}
                  {...moved}
                  onChange={changed}
                  onRemoved={removed}
                  onCode={setCode}
                />
                {moved.driver && <LastOperation door={door} refresh={refresh} />}
              </>
            )}
          </WhenLoaded>
        )}
      </Section>
      {slotHint !== undefined && <Slots door={door} hint={slotHint} />}
      {isOwner && <Operator door={door} />}
    </>
  )
}

type MovedProps = {
  readonly door: Door
  readonly driver: Driver | undefined
  readonly controllers: readonly Controller[]
  /** Called with what to tell the person. */
  readonly onChange: (message: string) => void
  readonly onRemoved: (message: string) => void
  readonly onCode: (code: ControllerCode) => void
}

const Moved = ({ door, driver, controllers, onChange, onRemoved, onCode }: MovedProps) => {
  const [isChanging, setChanging] = useState(false)
  const changed = (message: string): void => {
    setChanging(false)
    onChange(message)
  }
  const isOwner = role.value === 'owner'
  if (isChanging)
    return (
      <>
        <DriverForm door={door} driver={driver} onSaved={() => changed('Saved.')} />
        <Button kind="quiet" onClick={() => setChanging(false)}>
          Cancel
        </Button>
      </>
    )
  if (driver)
    return (
      <DriverState
        door={door}
        driver={driver}
        onChange={() => setChanging(true)}
        onRemoved={() => onRemoved('The gateway no longer opens it.')}
      />
    )
  return (
    <>
      {controllers.length > 0 && (
        <Controllers
          door={door}
          controllers={controllers}
          onRemoved={controllers.length > 1 ? onChange : onRemoved}
        />
      )}
      {controllers.length === 0 && (
        <p>
          <strong>It does not.</strong>{' '}
          <span class="quiet">
            It decides and records who may open; your app or key moves the lock.
          </span>
        </p>
      )}
      {isOwner && (
        <div class="actions">
          {controllers.length === 0 && (
            <Button onClick={() => setChanging(true)}>Connect a lock</Button>
          )}
          {controllers.length < CONTROLLERS_MAX && <NewController door={door} onCode={onCode} />}
        </div>
      )}
    </>
  )
}
