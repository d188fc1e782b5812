import { useEffect, useRef } from 'preact/hooks'
import { Button } from '../form/button.tsx'
import { CopyButton } from './copy-button.tsx'

type Props = {
  readonly codes: readonly string[]
  readonly username: string
  readonly onDone: () => void
}

/** New recovery codes, to copy or print. They are never shown again. */
export const RecoveryCodes = ({ codes, username, onDone }: Props) => {
  const heading = useRef<HTMLHeadingElement>(null)
  useEffect(() => heading.current?.focus(), [])
  return (
    <div class="printable">
      <h3 ref={heading} tabIndex={-1}>
        Recovery codes for {username}
      </h3>
      <p>
        Each code logs you in once, without your phone. You will not see them again: print them, or
        save them in your password manager, not only on your phone.
      </p>
      <ol class="codes" aria-label="Recovery codes">
        {codes.map((code) => (
          <li key={code}>
            <code>{code}</code>
          </li>
        ))}
      </ol>
      <div class="actions">
        <CopyButton text={codes.join('\n')} what="codes" />
        <Button onClick={() => print()}>Print</Button>
        <Button kind="main" onClick={onDone}>
          I have saved them
        </Button>
      </div>
    </div>
  )
}
