import type { ComponentChildren } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import { Button } from '../form/button.tsx'
import { CopyButton } from './copy-button.tsx'

type Props = {
  readonly title: string
  readonly secret: string
  /** Completes the button's text: `Copy secret`. */
  readonly what: string
  /** What it is for. */
  readonly children: ComponentChildren
  readonly onDone: () => void
}

/** A secret for a program, which is never shown again. */
export const SecretOnce = ({ title, secret, what, children, onDone }: Props) => {
  const heading = useRef<HTMLHeadingElement>(null)
  useEffect(() => {
    heading.current?.focus()
    heading.current?.scrollIntoView({ block: 'nearest' })
  }, [])
  return (
    <section class="sheet once">
      <h2 ref={heading} tabIndex={-1}>
        {title}
      </h2>
      {children}
      <p>
        <code class="big">{secret}</code>
      </p>
      <div class="actions">
        <CopyButton text={secret} what={what} />
        <Button kind="main" onClick={onDone}>
          I have saved it
        </Button>
      </div>
    </section>
  )
}
