import { useState } from 'preact/hooks'
import { type Controller, removeController } from '../../../api/doors/controllers.ts'
import type { Door } from '../../../api/doors.ts'
import { role } from '../../../api/session.ts'
import { Note } from '../../../components/feedback/states.tsx'
import { Button } from '../../../components/form/button.tsx'
import { ConfirmPassword } from '../../../components/form/confirm-password.tsx'
import { Time } from '../../../time/time.tsx'
import { missingWords } from './missing.ts'

type Props = {
  readonly door: Door
  readonly controllers: readonly Controller[]
  /** Called with what to tell the person. */
  readonly onRemoved: (message: string) => void
}

/** The controllers of a door: whether they answer, and what never arrived from them. */
export const Controllers = ({ door, controllers, onRemoved }: Props) => (
  <ul class="list" aria-label="Controllers">
    {controllers.map((controller) => (
      <li key={controller.id}>
        <Row door={door} controller={controller} onRemoved={onRemoved} />
      </li>
    ))}
  </ul>
)

type RowProps = Omit<Props, 'controllers'> & { readonly controller: Controller }

const Row = ({ door, controller, onRemoved }: RowProps) => {
  const { name, enrolled_at: enrolledAt, missing } = controller
  const [isAsked, setAsked] = useState(false)
  return (
    <div class="row with-action">
      <div>
        <strong>{name}</strong>
        <State controller={controller} />
        <p class="quiet">
          Enrolled <Time at={enrolledAt} format="printed" />.
        </p>
        {missing.length > 0 && <p class="check">{missingWords(missing)}</p>}
        {controller.state === 'forked' && <Forked />}
      </div>
      {role.value === 'owner' && (
        <>
          <Button aria-label={`Remove: ${name}`} onClick={() => setAsked(true)}>
            Remove
          </Button>
          <ConfirmPassword
            title={`Remove ${name}?`}
            action="Remove"
            isDangerous
            isOpen={isAsked}
            onClose={() => setAsked(false)}
            onConfirm={(password) => removeController(controller, password)}
            onDone={() => onRemoved(`${name} was removed.`)}
          >
            <p>
              It gets no more commands for {door.name}, and the gateway takes no more reports from
              it. To use the device again, enrol it with a new code.
            </p>
          </ConfirmPassword>
        </>
      )}
    </div>
  )
}

const State = ({ controller: { state, seen_at: seenAt } }: { readonly controller: Controller }) => {
  if (state === 'online') return <p class="door-state open">Online</p>
  if (state === 'forked') return <p class="door-state stopped">No longer trusted</p>
  return (
    <p class="door-state stopped">
      Offline, last seen <Time at={seenAt} />
    </p>
  )
}

/** What a fork means, and what to do about it. */
const Forked = () => (
  <Note kind="warning">
    <p>
      Two different reports of it have the same number: its key was copied, or an older image of the
      device was restored. The gateway sends it no commands.
    </p>
    <p>
      Look at the device. Then remove it here, delete its state folder, and enrol it again.{' '}
      <a href="/manual/controller#a-fork">More in the manual</a>.
    </p>
  </Note>
)
