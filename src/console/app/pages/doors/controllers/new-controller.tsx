import { useEffect, useRef, useState } from 'preact/hooks'
import { type ControllerCode, makeControllerCode } from '../../../api/doors/controllers.ts'
import type { Door } from '../../../api/doors.ts'
import { CopyButton } from '../../../components/codes/copy-button.tsx'
import { Button } from '../../../components/form/button.tsx'
import { ConfirmPassword } from '../../../components/form/confirm-password.tsx'
import { Time } from '../../../time/time.tsx'

type Props = {
  readonly door: Door
  readonly onCode: (code: ControllerCode) => void
}

/** Makes a one-time code that enrols a controller. */
export const NewController = ({ door, onCode }: Props) => {
  const [isAsked, setAsked] = useState(false)
  return (
    <>
      <Button onClick={() => setAsked(true)}>Add a controller</Button>
      <ConfirmPassword
        title={`Add a controller to ${door.name}?`}
        action="Make a code"
        isOpen={isAsked}
        onClose={() => setAsked(false)}
        onConfirm={async (password) => onCode(await makeControllerCode(door, password))}
        onDone={() => {}}
      >
        <p>
          A controller is a small computer beside the lock, such as a Raspberry Pi with a relay. It
          opens the door for everyone whom the gateway lets in, and signs what happened.
        </p>
      </ConfirmPassword>
    </>
  )
}

type CodeProps = { readonly code: ControllerCode; readonly onDone: () => void }

/** A code that enrols a controller, with the command for the device. It is never shown again. */
export const NewControllerCode = ({ code, onDone }: CodeProps) => {
  const heading = useRef<HTMLHeadingElement>(null)
  useEffect(() => {
    heading.current?.focus()
    heading.current?.scrollIntoView({ block: 'nearest' })
  }, [])
  return (
    <div class="once-text">
      <h3 ref={heading} tabIndex={-1}>
        Run this on the controller
      </h3>
      <p>
        Until <Time at={code.expires_at} format="clock" />, and once. With --dry-run it only prints
        what it would do: <a href="/manual/controller#the-commands-that-move-it">the manual</a> has
        the commands that move a lock.
      </p>
      <pre class="command">
        <code>{code.command}</code>
      </pre>
      <p>
        <span class="quiet">Code</span> <code class="big">{code.code}</code>
      </p>
      <img
        class="qr"
        alt="QR code of the command"
        src={`data:image/svg+xml,${encodeURIComponent(code.qr_svg)}`}
      />
      <div class="actions">
        <CopyButton text={code.command} what="command" />
        <CopyButton text={code.code} what="code" />
        <Button kind="main" onClick={onDone}>
          Done
        </Button>
      </div>
    </div>
  )
}
