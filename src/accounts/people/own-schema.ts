import { type Static, type TSchema, Type as t } from '@sinclair/typebox'
import { ROLES, type Role } from '../../domain/account.ts'
import { oneOf, text } from '../../http/request/text.ts'
import type { AccountDetails } from './store.ts'
import { Address, Email, Password, Phone, Time, Username } from '../core/schema.ts'
import { SessionAnswer } from '../sessions/schema.ts'

export const RoleName = { ...oneOf(ROLES), examples: ['admin'] }

const Maybe = <Value extends TSchema>(value: Value) => t.Union([value, t.Null()])

/** An account as its own person is told of it. */
export const OwnAnswer = t.Object(
  {
    id: t.String({ description: 'Public id, a UUID' }),
    username: t.String(),
    role: RoleName,
    phone: t.String(),
    address: t.String(),
    email: Maybe(t.String()),
    created_at: Time,
    second_factor: t.Boolean({ description: 'Whether logging in asks for a second factor' }),
    sessions: t.Integer({ description: 'How many logins stand' }),
    invitation: t.Union([t.Object({ id: t.String(), label: t.String() }), t.Null()], {
      description: 'The one that the account was made with',
    }),
  },
  { additionalProperties: false },
)

export const ownJson = (person: AccountDetails): Static<typeof OwnAnswer> => ({
  id: person.publicId,
  username: person.username,
  role: person.role,
  phone: person.phone,
  address: person.address,
  email: person.email,
  created_at: new Date(person.createdAtMs).toISOString(),
  second_factor: person.hasSecondFactor,
  sessions: person.sessions,
  invitation: person.invitation,
})

export const OWN_EXAMPLE = {
  id: '6f1b4e0a-5a7e-4d0e-9a3b-0f5f6c2d7e81',
  username: 'ada',
  role: 'member' as Role,
  phone: '01234567890',
  address: '1 Lock Lane',
  email: null,
  created_at: '2026-11-20T07:12:45.000Z',
  second_factor: false,
  sessions: 1,
  invitation: null,
}

export const ContactBody = t.Object(
  {
    phone: t.Optional(Phone),
    address: t.Optional(Address),
    email: t.Optional(t.Union([Email, t.Null()], { examples: ['ada@example.org'] })),
  },
  { minProperties: 1 },
)

export const PasswordBody = t.Object({
  current_password: Password,
  new_password: { ...Password, examples: ['nine quiet green keys'] },
})

export const EraseBody = t.Object({ password: Password })

export const ResetBody = t.Object({
  username: Username,
  code: text({
    min: 1,
    max: 100,
    description: 'As it was given, in either case, with or without hyphens',
    examples: ['7QJK-0M3V-X8TB-4ZPN-HC5W-9RFD-2YGE'],
  }),
  new_password: { ...Password, examples: ['nine quiet green keys'] },
})

export const OwnExportAnswer = t.Object({
  exported_at: Time,
  account: OwnAnswer,
  sessions: t.Array(SessionAnswer),
  known_clients: t.Array(t.Object({ logged_in_at: Time })),
  failed_logins: t.Array(
    t.Object({
      address: Maybe(t.String()),
      failures: t.Integer(),
      failed_at: Time,
      waits_until: Maybe(Time),
    }),
  ),
  second_factor: Maybe(t.Object({ on_since: Time, recovery_codes: t.Integer() })),
  password_reset: Maybe(t.Object({ expires_at: Time })),
  invitations_made: t.Array(
    t.Object({
      id: t.String(),
      label: t.String(),
      role: RoleName,
      made_at: Time,
      expires_at: Time,
    }),
  ),
  audit: t.Array(t.Object({}, { description: 'A record by or about the person' })),
  unlocks: t.Array(t.Object({}, { description: 'As `GET /v1/unlocks` shows it' })),
})
