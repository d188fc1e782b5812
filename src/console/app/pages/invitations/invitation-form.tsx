import type { Static } from '@sinclair/typebox'
import { useRef, useState } from 'preact/hooks'
import type { InvitationAnswer } from '../../../../accounts/invitations/schema.ts'
import { useUnits } from '../../api/units.ts'
import { UNIT_CHARACTERS_MAX } from '../../words/unit.ts'
import { api } from '../../api/client.ts'
import { Field } from '../../components/form/field.tsx'
import { Form } from '../../components/form/form.tsx'
import { Section } from '../../components/layout/section.tsx'
import { Select } from '../../components/form/select.tsx'
import { ShownOnce } from '../../components/codes/shown-once.tsx'
import { Time } from '../../time/time.tsx'
import { ROLES, roleName } from '../../words/role.ts'
import { role as own } from '../../api/session.ts'
import { MANY } from './sheet.ts'
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

export const HOURS = [
  { value: '1', label: '1 hour' },
  { value: '24', label: '1 day' },
  { value: '72', label: '3 days' },
  { value: '168', label: '1 week' },
  { value: '720', label: '30 days' },
] as const

export const USES_MAX = 100

const NewInvitation = ({ onCreated }: { readonly onCreated: (created: Created) => void }) => {
  const [label, setLabel] = useState('')
  const [unit, setUnit] = useState('')
  const units = useUnits()
  const [role, setRole] = useState<Created['role']>('member')
  const [hours, setHours] = useState<string>('72')
  const [uses, setUses] = useState('1')
  const send = async (): Promise<void> =>
    onCreated(
      await api.post<Created>('/v1/invitations', {
        role,
        label: label.trim(),
        unit: unit.trim(),
        expires_in_hours: Number(hours),
        uses: Number(uses),
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
        {own.value === 'owner' && (
          <Select
            label="Role"
            value={role}
            onValue={(value) => setRole(value || 'member')}
            options={ROLES}
          />
        )}
        <Select label="Valid for" value={hours} onValue={setHours} options={HOURS} />
        <Field
          label="Number of accounts"
          name="uses"
          type="number"
          value={uses}
          onValue={setUses}
          min={1}
          max={USES_MAX}
          required
          inputMode="numeric"
        />
      </div>
    </Form>
  )
}
