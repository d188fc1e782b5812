import type { ComponentChildren } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import { Button } from './button.tsx'
import { CopyButton } from './copy-button.tsx'
import { QrPicture } from './qr-picture.tsx'

type Props = {
  readonly title: string
  readonly code: string
  /** Leads to a page that has the code filled in. */
  readonly link: string
  /** What it is for and how long it is good. */
  readonly children: ComponentChildren
  readonly onDone: () => void
}

/** A code that nobody can look up again: as text, as a link and as a picture of the link. */
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
      <QrPicture text={link} label={`QR code of ${link}`} />
      <div class="once-text">
        <p>
          <span class="quiet">Code</span> <code class="big">{code}</code>
        </p>
        <p>
          <span class="quiet">Link</span> <code>{link}</code>
        </p>
        <div class="actions">
          <CopyButton text={link} what="the link" />
          <CopyButton text={code} what="the code" />
          <Button kind="main" onClick={onDone}>
            Done
          </Button>
        </div>
      </div>
    </section>
  )
}
