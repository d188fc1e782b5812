import type { Role } from '../../../../domain/account.ts'
import { role as own } from '../../api/session.ts'
import { Field } from '../../components/form/field.tsx'
import { Select } from '../../components/form/select.tsx'
import { ROLES } from '../../words/role.ts'

/** What an invitation allows, as its fields hold it. */
export type Terms = { readonly role: Role; readonly hours: string; readonly uses: string }

/** Returns the terms as the API takes them. */
export const termsBody = ({ role, hours, uses }: Terms) => ({
  role,
  expires_in_hours: Number(hours),
  uses: Number(uses),
})

const HOURS = [
  { value: '1', label: '1 hour' },
  { value: '24', label: '1 day' },
  { value: '72', label: '3 days' },
  { value: '168', label: '1 week' },
  { value: '720', label: '30 days' },
] as const

const USES_MAX = 100

type Props = {
  readonly value: Terms
  readonly onValue: (value: Terms) => void
  readonly usesLabel: string
}

/** The role, for owners only, and how long and how often an invitation can be used. */
export const TermsFields = ({ value, onValue, usesLabel }: Props) => (
  <>
    {own.value === 'owner' && (
      <Select
        label="Role"
        value={value.role}
        onValue={(role) => onValue({ ...value, role: role || 'member' })}
        options={ROLES}
      />
    )}
    <Select
      label="Valid for"
      value={value.hours}
      onValue={(hours) => onValue({ ...value, hours })}
      options={HOURS}
    />
    <Field
      label={usesLabel}
      name="uses"
      type="number"
      value={value.uses}
      onValue={(uses) => onValue({ ...value, uses })}
      min={1}
      max={USES_MAX}
      required
      inputMode="numeric"
    />
  </>
)
