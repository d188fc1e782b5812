import type { ComponentChildren } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import { Button } from '../form/button.tsx'
import { CopyButton } from './copy-button.tsx'
import { QrCode } from './qr-code.tsx'

type Props = {
  readonly title: string
  readonly code: string
  /** Opens a page with the code filled in. */
  readonly link: string
  /** What it is for and how long it is valid. */
  readonly children: ComponentChildren
  readonly onDone: () => void
}

/** A code that is never shown again: as text, as a link and as a QR code of the link. */
export const ShownOnce = ({ title, code, link, children, onDone }: Props) => {
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
      <QrCode text={link} label={`QR code of ${link}`} />
      <div class="once-text">
        <p>
          <span class="quiet">Code</span> <code class="big">{code}</code>
        </p>
        <p>
          <span class="quiet">Link</span> <code>{link}</code>
        </p>
        <div class="actions">
          <CopyButton text={link} what="link" />
          <CopyButton text={code} what="code" />
          <Button kind="main" onClick={onDone}>
            Done
          </Button>
        </div>
      </div>
    </section>
  )
}
