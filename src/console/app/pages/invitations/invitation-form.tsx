import type { Static } from '@sinclair/typebox'
import { useRef, useState } from 'preact/hooks'
import type { InvitationAnswer } from '../../../../accounts/invitations/schema.ts'
import { useUnits } from '../../api/units.ts'
import { UNIT_CHARACTERS_MAX } from '../../words/unit.ts'
import { api } from '../../api/client.ts'
import { Field } from '../../components/form/field.tsx'
import { Form } from '../../components/form/form.tsx'
import { Section } from '../../components/layout/section.tsx'
import { ShownOnce } from '../../components/codes/shown-once.tsx'
import { Time } from '../../time/time.tsx'
import { roleName } from '../../words/role.ts'
import { MANY } from './sheet.ts'
import { type Terms, TermsFields, termsBody } from './terms-fields.tsx'
import { counted } from '../../words/format.ts'

type Created = Static<typeof InvitationAnswer>

/** Creates an invitation and shows it once. */
export const InvitationForm = ({ onCreated }: { readonly onCreated: () => void }) => {
  const [created, setCreated] = useState<Created>()
  const heading = useRef<HTMLHeadingElement>(null)
  if (created)
    return (
      <ShownOnce
        title={titleOf(created)}
        code={created.code}
        link={created.link}
        onDone={() => {
          setCreated(undefined)
          requestAnimationFrame(() => heading.current?.focus())
        }}
      >
        <p>
          Share it now: you will not see it again. It is valid for{' '}
          {counted(created.uses_max, 'account')} ({roleName(created.role)}) until{' '}
          <Time at={created.expires_at} format="exact" />.
        </p>
      </ShownOnce>
    )
  return (
    <Section
      title="Invite someone"
      heading={heading}
      lead={
        <>
          For a whole house, <a href={MANY}>invite many at once</a> and print a sheet of cards.
        </>
      }
    >
      <NewInvitation
        onCreated={(invitation) => {
          setCreated(invitation)
          onCreated()
        }}
      />
    </Section>
  )
}

const titleOf = ({ label, unit }: Created): string => {
  const whom = [label, unit].filter(Boolean).join(', ')
  return whom ? `Invitation for ${whom}` : 'Invitation'
}

const NewInvitation = ({ onCreated }: { readonly onCreated: (created: Created) => void }) => {
  const [label, setLabel] = useState('')
  const [unit, setUnit] = useState('')
  const units = useUnits()
  const [terms, setTerms] = useState<Terms>({ role: 'member', hours: '72', uses: '1' })
  const send = async (): Promise<void> =>
    onCreated(
      await api.post<Created>('/v1/invitations', {
        ...termsBody(terms),
        label: label.trim(),
        unit: unit.trim(),
      }),
    )
  return (
    <Form action="Create invitation" onSend={send}>
      <Field
        label="For whom"
        name="label"
        value={label}
        onValue={setLabel}
        maxLength={80}
        autocomplete="off"
        hint="A note for the list below. Only admins and owners see it."
      />
      <div class="fields">
        <Field
          label="Unit (optional)"
          name="unit"
          value={unit}
          onValue={setUnit}
          maxLength={UNIT_CHARACTERS_MAX}
          autocomplete="off"
          suggestions={units}
          hint="Their flat, room or house."
        />
        <TermsFields value={terms} onValue={setTerms} usesLabel="Number of accounts" />
      </div>
    </Form>
  )
}
