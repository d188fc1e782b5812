import type { Static } from '@sinclair/typebox'
import { useState } from 'preact/hooks'
import type { CreatedAnswer } from '../../../../accounts/invitations/schema.ts'
import { api } from '../../api/client.ts'
import { FieldError } from '../../components/form/field-errors.ts'
import { Form } from '../../components/form/form.tsx'
import { Select } from '../../components/form/select.tsx'
import { TextArea } from '../../components/form/text-area.tsx'
import { Screen } from '../../components/layout/screen.tsx'
import { randomId } from '../../api/random-id.ts'
import { counted } from '../../words/format.ts'
import { InvitationSheet } from './invitation-sheet.tsx'
import { type Invited, type LineKind, faultOf, invitedOn } from './lines.ts'
import { type Created, sheet } from './sheet.ts'
import { type Terms, TermsFields, termsBody } from './terms-fields.tsx'

/** Creates an invitation for each flat or person of a house, and shows them as a sheet of cards. */
export const InviteManyPage = () => {
  const created = sheet.value
  if (created)
    return (
      <InvitationSheet key="sheet" created={created} onDone={() => (sheet.value = undefined)} />
    )
  return (
    <Screen
      key="form"
      title="Invite many"
      lead={
        <>
          <a href="/console/invitations">
            <span aria-hidden="true">← </span>Invitations
          </a>
        </>
      }
    >
      <section class="sheet" aria-label="New invitations">
        <p>
          Each line becomes an invitation, and each invitation a card with a QR code. Print the
          cards, cut them apart, and put them into the letterboxes.
        </p>
        <NewInvitations onCreated={(all) => (sheet.value = all)} />
      </section>
    </Screen>
  )
}

const KINDS = [
  { value: 'unit', label: 'Flat, room or house' },
  { value: 'label', label: 'Person' },
] as const satisfies readonly { value: LineKind; label: string }[]

const HINTS: Readonly<Record<LineKind, string>> = {
  unit: 'Flat 1, or with a name: Flat 1, Miller. The card shows both.',
  label: 'Ada, or with the flat: Ada, Flat 1. The card shows both.',
}

type Answer = Extract<Static<typeof CreatedAnswer>, { readonly invitations: unknown }>

const NewInvitations = ({
  onCreated,
}: {
  readonly onCreated: (all: readonly Created[]) => void
}) => {
  const [kind, setKind] = useState<LineKind>('unit')
  const [text, setText] = useState('')
  const [terms, setTerms] = useState<Terms>({ role: 'member', hours: '168', uses: '1' })
  // If the answer is lost, sending the same again replaces the invitations whose codes nobody has.
  const [key] = useState(randomId)
  const invited = invitedOn(text, kind)
  const fault = faultOf(invited)
  const send = async (): Promise<void> => {
    if (fault) throw new FieldError({ lines: fault })
    const bodies = invited.map((one) => ({ ...one, ...termsBody(terms) }))
    const headers = { 'idempotency-key': key }
    onCreated((await api.post<Answer>('/v1/invitations', bodies, headers)).invitations)
  }
  return (
    <Form
      action={
        invited.length > 0 && !fault
          ? `Create ${counted(invited.length, 'invitation')}`
          : 'Create invitations'
      }
      onSend={send}
    >
      <Select
        label="One line for each"
        value={kind}
        onValue={(value) => setKind(value || 'unit')}
        options={KINDS}
      />
      <TextArea
        label={kind === 'unit' ? 'Flats, rooms or houses' : 'People'}
        name="lines"
        value={text}
        onValue={setText}
        rows={8}
        hint={HINTS[kind]}
        error={fault}
      />
      {!fault && <Preview invited={invited} />}
      <div class="fields">
        <TermsFields value={terms} onValue={setTerms} usesLabel="Accounts per invitation" />
      </div>
    </Form>
  )
}

/** Invitations shown before they are created. */
const PREVIEW_ROWS = 3

/** Shows how the first lines are read. */
const Preview = ({ invited }: { readonly invited: readonly Invited[] }) => {
  if (invited.length === 0) return null
  const more = invited.length - PREVIEW_ROWS
  return (
    <table class="preview">
      <caption class="unseen">How the lines are read</caption>
      <thead>
        <tr>
          <th scope="col">Unit</th>
          <th scope="col">For whom</th>
        </tr>
      </thead>
      <tbody>
        {invited.slice(0, PREVIEW_ROWS).map(({ unit, label }, index) => (
          <tr key={index}>
            <td>{unit || '–'}</td>
            <td>{label || '–'}</td>
          </tr>
        ))}
        {more > 0 && (
          <tr>
            <td colSpan={2} class="quiet">
              and {more} more
            </td>
          </tr>
        )}
      </tbody>
    </table>
  )
}
