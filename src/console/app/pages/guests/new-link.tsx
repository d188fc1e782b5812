import { useRef, useState } from 'preact/hooks'
import { api } from '../../api/client.ts'
import { type Guest, type PassLink as Link, passPath } from '../../api/guests.ts'
import { Button } from '../../components/form/button.tsx'
import { Confirm } from '../../components/form/dialog.tsx'
import { Section } from '../../components/layout/section.tsx'
import { PassLink } from './pass-link.tsx'
import { withoutHolder } from './pass-text.ts'

type Props = { readonly guest: Guest; readonly onChange: () => void }

/** Replaces the link of a pass, which ends the old one and its phones. */
export const NewLink = ({ guest, onChange }: Props) => {
  const [isAsked, setAsked] = useState(false)
  const [link, setLink] = useState<string>()
  const made = useRef('')
  const heading = useRef<HTMLHeadingElement>(null)
  const name = guest.label
  if (link !== undefined)
    return (
      <PassLink
        name={name}
        words={withoutHolder(guest.grant.words, name)}
        link={link}
        onDone={() => {
          setLink(undefined)
          requestAnimationFrame(() => heading.current?.focus())
        }}
      />
    )
  return (
    <Section title="Link" heading={heading}>
      <div class="offer">
        <p>
          <strong>Lost, or sent to the wrong person?</strong>{' '}
          <span class="quiet">A new link ends the old one.</span>
        </p>
        <Button onClick={() => setAsked(true)}>New link</Button>
      </div>
      <Confirm
        title={`Make a new link for ${name}?`}
        action="Make a new link"
        isOpen={isAsked}
        onClose={() => setAsked(false)}
        onConfirm={async () => {
          made.current = (await api.post<Link>(`${passPath(guest.id)}/link`)).link
        }}
        onDone={() => {
          setLink(made.current)
          onChange()
        }}
      >
        <p>The old link and the phones that use it stop working at once.</p>
      </Confirm>
    </Section>
  )
}
