import { useEffect, useRef } from 'preact/hooks'
import { Button } from './button.tsx'
import { CopyButton } from './copy-button.tsx'

type Props = {
  readonly codes: readonly string[]
  readonly username: string
  readonly onKept: () => void
}

/** Recovery codes, which nobody can look up again: to be copied or printed. */
export const RecoveryCodes = ({ codes, username, onKept }: Props) => {
  const heading = useRef<HTMLHeadingElement>(null)
  useEffect(() => heading.current?.focus(), [])
  return (
    <div class="keepsake">
      <h3 ref={heading} tabIndex={-1}>
        Recovery codes of {username}
      </h3>
      <p>
        Each signs you in once, without the phone. They are shown this once: print them, or keep
        them with your passwords, and not on the phone alone.
      </p>
      <ol class="codes" aria-label="Recovery codes">
        {codes.map((code) => (
          <li key={code}>
            <code>{code}</code>
          </li>
        ))}
      </ol>
      <div class="actions">
        <CopyButton text={codes.join('\n')} what="the codes" />
        <Button onClick={() => print()}>Print</Button>
        <Button kind="main" onClick={onKept}>
          I have kept them
        </Button>
      </div>
    </div>
  )
}
