import { useState } from 'preact/hooks'
import { QrCode } from '../../components/codes/qr-code.tsx'
import { Note } from '../../components/feedback/states.tsx'
import { Button } from '../../components/form/button.tsx'
import { Confirm } from '../../components/form/dialog.tsx'
import { Screen } from '../../components/layout/screen.tsx'
import { Time } from '../../time/time.tsx'
import { counted } from '../../words/format.ts'
import { roleName } from '../../words/role.ts'
import { type Created, isPrinted } from './sheet.ts'

type Props = {
  readonly created: readonly Created[]
  readonly onDone: () => void
}

/** Cards on a printed page, A4 or Letter: two in a row. */
const CARDS_PER_PAGE = 8

/** Invitations as a sheet of cards to print. They are never shown again. */
export const InvitationSheet = ({ created, onDone }: Props) => {
  const [isAsked, setAsked] = useState(false)
  return (
    <Screen
      title={counted(created.length, 'invitation')}
      isUntitledOnPaper
      actions={
        <>
          <Button kind="main" onClick={() => print()}>
            Print
          </Button>
          <Button onClick={() => (isPrinted.value ? onDone() : setAsked(true))}>Done</Button>
        </>
      }
    >
      <div class="screen-only">
        <Note kind="warning">
          Print the cards now, or save them as a PDF: the codes are shown only once, and nobody can
          look them up later. Anyone who has a card can register with it.
        </Note>
      </div>
      <div class="cards">
        {pagesOf(created).map((page) => (
          <div key={page[0]?.id} class="cards-page">
            {page.map((invitation) => (
              <Card key={invitation.id} invitation={invitation} />
            ))}
          </div>
        ))}
      </div>
      <Confirm
        title="Put the cards away?"
        action="Put away"
        isDangerous
        isOpen={isAsked}
        onClose={() => setAsked(false)}
        onConfirm={() => Promise.resolve()}
        onDone={onDone}
      >
        <p>
          You have not printed them here, and their codes will not be shown again. The invitations
          stay in the list, where you can revoke them.
        </p>
      </Confirm>
    </Screen>
  )
}

const pagesOf = (created: readonly Created[]): readonly (readonly Created[])[] =>
  Array.from({ length: Math.ceil(created.length / CARDS_PER_PAGE) }, (_, page) =>
    created.slice(page * CARDS_PER_PAGE, (page + 1) * CARDS_PER_PAGE),
  )

/** What one letterbox gets. */
const Card = ({ invitation }: { readonly invitation: Created }) => {
  const { unit, label, code, link, role, uses_max: uses, expires_at: until } = invitation
  const [address = ''] = link.split('#')
  const name = unit ?? label
  return (
    <article class="card" aria-label={name ? `Card for ${name}` : 'Card'}>
      <QrCode text={link} label={`QR code of ${link}`} />
      <div class="card-text">
        <h2>{name || 'Invitation'}</h2>
        {unit !== null && label !== '' && <p class="card-label">{label}</p>}
        <p>
          {uses === 1 ? 'One person' : `${uses} people`} can register with this card
          {role !== 'member' && ` as ${roleName(role)}`} until <Time at={until} format="printed" />.
        </p>
      </div>
      <p class="card-foot">
        Scan the code with a phone, or open <strong>{address}</strong> and enter
        <code>{code}</code>
      </p>
    </article>
  )
}
