import { Type as t } from '@sinclair/typebox'
import { clearable } from '../../http/request/optional.ts'
import { nullable, text } from '../../http/request/text.ts'
import { Address, Email, Password, Phone, Time, Username } from '../core/schema.ts'
import { ACCOUNT_EXAMPLE, AccountAnswer, RoleName } from '../people/schema.ts'
import { SessionAnswer } from '../sessions/schema.ts'
import { TokenAnswer } from '../tokens/schema.ts'

export const ContactBody = t.Object(
  {
    phone: clearable(Phone, ''),
    address: clearable(Address, ''),
    email: clearable(Email, null),
  },
  { $id: 'ContactUpdate', minProperties: 1 },
)

const NewPassword = { ...Password, examples: ['nine quiet green keys'] }

export const PasswordBody = t.Object(
  { current_password: Password, new_password: NewPassword },
  { $id: 'PasswordChange' },
)

export const EraseBody = t.Object({ password: Password }, { $id: 'PasswordConfirmation' })

export const ResetBody = t.Object(
  {
    username: Username,
    code: text({
      min: 1,
      max: 100,
      controls: 'whitespace',
      description: 'The one-time code; case and hyphens do not matter',
      examples: ['7QJK-0M3V-X8TB-4ZPN-HC5W-9RFD-2YGE'],
    }),
    new_password: NewPassword,
  },
  { $id: 'PasswordReset' },
)

export const ExportAnswer = t.Object(
  {
    exported_at: Time,
    account: AccountAnswer,
    sessions: t.Array(SessionAnswer),
    access_tokens: t.Array(TokenAnswer),
    registered_from: nullable(
      t.String({ description: 'The address you registered from, while you wait to be let in' }),
    ),
    known_clients: t.Array(t.Object({ logged_in_at: Time }, { $id: 'KnownClient' })),
    failed_logins: t.Array(
      t.Object(
        {
          address: nullable(t.String()),
          failures: t.Integer(),
          failed_at: Time,
          locked_until: nullable(Time),
        },
        { $id: 'FailedLogins' },
      ),
    ),
    second_factor: nullable(
      t.Object({ on_since: Time, recovery_codes: t.Integer() }, { $id: 'ExportedSecondFactor' }),
    ),
    password_reset: nullable(t.Object({ expires_at: Time }, { $id: 'ExportedPasswordReset' })),
    invitations_made: t.Array(
      t.Object(
        {
          id: t.String(),
          label: t.String(),
          unit: nullable(t.String()),
          role: RoleName,
          made_at: Time,
          expires_at: Time,
        },
        { $id: 'ExportedInvitation' },
      ),
    ),
    audit: t.Array(t.Object({}, { description: 'An audit event by or about the person' })),
    unlocks: t.Array(t.Object({}, { description: 'As in `GET /v1/unlocks`' })),
    grants: t.Array(t.Object({}, { description: 'As in `GET /v1/grants`' })),
    attempts: t.Array(
      t.Object({}, { description: 'What you tried to open, and what was decided' }),
    ),
    slots: t.Array(
      t.Object({}, { description: 'Your slots: codes, fingers, cards and phones that locks know' }),
    ),
    targets: t.Array(t.Object({}, { description: 'By what you hear of your own unlocks' })),
  },
  { $id: 'AccountExport' },
)

export const EXPORT_EXAMPLE = {
  exported_at: '2026-11-22T18:30:02.125Z',
  account: ACCOUNT_EXAMPLE,
  sessions: [],
  access_tokens: [],
  registered_from: null,
  known_clients: [{ logged_in_at: '2026-11-20T07:12:45.000Z' }],
  failed_logins: [],
  second_factor: null,
  password_reset: null,
  invitations_made: [],
  audit: [],
  unlocks: [],
  grants: [],
  attempts: [],
  slots: [],
  targets: [],
}
