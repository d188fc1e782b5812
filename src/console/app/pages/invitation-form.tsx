import type { Static } from '@sinclair/typebox'
import { useRef, useState } from 'preact/hooks'
import type { InvitationAnswer } from '../../../accounts/invitations/schema.ts'
import { api } from '../api.ts'
import { Field } from '../components/field.tsx'
import { Form } from '../components/form.tsx'
import { Section } from '../components/section.tsx'
import { Select } from '../components/select.tsx'
import { ShownOnce } from '../components/shown-once.tsx'
import { Time } from '../components/time.tsx'
import { ROLES, roleWord } from '../people.ts'
import { role as own } from '../session.ts'
import { counted } from '../words.ts'

type Made = Static<typeof InvitationAnswer>

/** Makes an invitation and shows it, this once. */
export const InvitationForm = ({ onMade }: { readonly onMade: () => void }) => {
  const [made, setMade] = useState<Made>()
  const heading = useRef<HTMLHeadingElement>(null)
  if (made)
    return (
      <ShownOnce
        title={made.label ? `Invitation for ${made.label}` : 'The invitation'}
        code={made.code}
        link={made.link}
        onDone={() => {
          setMade(undefined)
          requestAnimationFrame(() => heading.current?.focus())
        }}
      >
        <p>
          Hand it over now: nobody can look it up again. It makes{' '}
          {counted(made.uses_max, 'account')} ({roleWord(made.role).toLowerCase()}) until{' '}
          <Time at={made.expires_at} form="exact" />.
        </p>
      </ShownOnce>
    )
  return (
    <Section title="Invite somebody" heading={heading}>
      <Wish
        onMade={(one) => {
          setMade(one)
          onMade()
        }}
      />
    </Section>
  )
}

const HOURS = [
  { value: '1', label: 'an hour' },
  { value: '24', label: 'a day' },
  { value: '72', label: '3 days' },
  { value: '168', label: 'a week' },
  { value: '720', label: '30 days' },
] as const

const USES_MAX = 100

const Wish = ({ onMade }: { readonly onMade: (made: Made) => void }) => {
  const [label, setLabel] = useState('')
  const [role, setRole] = useState<Made['role']>('member')
  const [hours, setHours] = useState<string>('72')
  const [uses, setUses] = useState('1')
  const send = async (): Promise<void> =>
    onMade(
      await api.post<Made>('/v1/invitations', {
        role,
        label: label.trim(),
        expires_in_hours: Number(hours),
        uses: Number(uses),
      }),
    )
  return (
    <Form action="Make an invitation" onSend={send}>
      <Field
        label="For whom"
        value={label}
        onValue={setLabel}
        maxLength={80}
        autocomplete="off"
        hint="To know it by in the list; only admins and owners see it."
      />
      <div class="fields">
        {own.value === 'owner' && (
          <Select
            label="Role"
            value={role}
            onValue={(value) => setRole(value || 'member')}
            options={ROLES.map(({ value, is }) => ({ value, label: is }))}
          />
        )}
        <Select label="Good for" value={hours} onValue={setHours} options={HOURS} />
        <Field
          label="Accounts it makes"
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
