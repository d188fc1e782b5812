import { useEffect, useRef, useState } from 'preact/hooks'
import { gateway } from '../../api/session.ts'
import { CopyButton } from '../../components/codes/copy-button.tsx'
import { QrCode } from '../../components/codes/qr-code.tsx'
import { Button } from '../../components/form/button.tsx'
import { Field } from '../../components/form/field.tsx'
import { passText } from './pass-text.ts'

type Props = {
  readonly name: string
  /** What the pass opens and when. */
  readonly words: string
  readonly link: string
  readonly onDone: () => void
}

/** The link of a pass, which is never shown again: to scan, to copy, and as a text to send. */
export const PassLink = ({ name, words, link, onDone }: Props) => {
  const heading = useRef<HTMLHeadingElement>(null)
  // Only this page knows them.
  const [wifi, setWifi] = useState('')
  const [wifiPassword, setWifiPassword] = useState('')
  useEffect(() => {
    heading.current?.focus()
    heading.current?.scrollIntoView({ block: 'nearest' })
  }, [])
  const text = passText({
    name,
    words,
    link,
    isWarned: gateway.value?.private_ca === true,
    wifi,
    wifiPassword,
  })
  return (
    <section class="sheet once">
      <h2 ref={heading} tabIndex={-1}>
        The pass for {name}
      </h2>
      <p>Send it now, and only to them: you will not see this link again.</p>
      <QrCode text={link} label={`QR code of the link for ${name}`} />
      <h3>Text to send</h3>
      <p class="text-shown">{text}</p>
      <div class="actions">
        {canShare() && (
          <Button kind="main" onClick={() => void share(text)}>
            Send…
          </Button>
        )}
        <CopyButton text={text} what="text" />
        <CopyButton text={link} what="link" />
        <Button kind={canShare() ? 'plain' : 'main'} onClick={onDone}>
          Done
        </Button>
      </div>
      <details>
        <summary>Add your guest Wi-Fi to the text</summary>
        <div class="fields below-summary">
          <Field
            label="Name of the Wi-Fi"
            value={wifi}
            onValue={setWifi}
            autocomplete="off"
            autocapitalize="none"
            spellcheck={false}
          />
          <Field
            label="Its password"
            value={wifiPassword}
            onValue={setWifiPassword}
            autocomplete="off"
            autocapitalize="none"
            spellcheck={false}
            hint="Neither leaves this page; the gateway does not get them."
          />
        </div>
      </details>
    </section>
  )
}

/** Desktop browsers and plain HTTP have no share sheet, although the types say so. */
const canShare = (): boolean => typeof (navigator.share as unknown) === 'function'

/** Opens the share sheet of the phone. Closing it is no error. */
const share = (text: string): Promise<void> => navigator.share({ text }).catch(() => undefined)
