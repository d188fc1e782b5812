import { type Static, Type as t } from '@sinclair/typebox'
import { ROLES, type Role } from '../../domain/account.ts'
import { Next, PAGE } from '../../http/request/paging.ts'
import { clearable } from '../../http/request/optional.ts'
import { Time as GivenTime, nullable, oneOf, text } from '../../http/request/text.ts'
import { Time, Unit } from '../core/schema.ts'
import type { AccountDetails, UnitCount } from './store.ts'

export const RoleName = { ...oneOf(ROLES), examples: ['admin'] }

/** An account as the person it belongs to sees it. */
export const AccountAnswer = t.Object(
  {
    id: t.String({ description: 'Public id, a UUID' }),
    username: t.String(),
    role: RoleName,
    admitted: t.Boolean({
      description: 'False while the account waits for an owner or admin to let the person in',
    }),
    phone: t.String(),
    address: t.String(),
    email: nullable(t.String()),
    unit: nullable(t.String({ description: 'The flat, room or house; set by an admin or owner' })),
    created_at: Time,
    ends_at: nullable(
      t.String({
        format: 'date-time',
        description: 'The time from which the account is treated as disabled; null for never',
      }),
    ),
    second_factor: t.Boolean({ description: 'Whether logging in requires a second factor' }),
    sessions: t.Integer({ description: 'Number of active sessions' }),
    invitation: t.Union(
      [t.Object({ id: t.String(), label: t.String() }, { $id: 'InvitationOfAccount' }), t.Null()],
      {
        description: 'The invitation the account was registered with',
      },
    ),
  },
  { $id: 'Account', additionalProperties: false },
)

export const accountJson = (account: AccountDetails): Static<typeof AccountAnswer> => ({
  id: account.publicId,
  username: account.username,
  role: account.role,
  admitted: account.admitted,
  phone: account.phone,
  address: account.address,
  email: account.email,
  unit: account.unit,
  created_at: new Date(account.createdAtMs).toISOString(),
  ends_at: account.endsAtMs === null ? null : new Date(account.endsAtMs).toISOString(),
  second_factor: account.hasSecondFactor,
  sessions: account.sessions,
  invitation: account.invitation,
})

export const ACCOUNT_EXAMPLE = {
  id: '6f1b4e0a-5a7e-4d0e-9a3b-0f5f6c2d7e81',
  username: 'ada',
  role: 'member' as Role,
  admitted: true,
  phone: '01234567890',
  address: '1 Lock Lane',
  email: null,
  unit: 'Flat 3',
  created_at: '2026-11-20T07:12:45.000Z',
  ends_at: null,
  second_factor: false,
  sessions: 1,
  invitation: null,
}

/** An account as admins and owners see it. */
export const PersonAnswer = t.Object(
  {
    ...AccountAnswer.properties,
    disabled: t.Boolean({ description: 'Whether logging in is refused' }),
    ended: t.Boolean({ description: 'Whether `ends_at` has come' }),
    registered_from: nullable(
      t.String({
        description:
          'The address, or the IPv6 /64, that a waiting person registered from; null once somebody has decided',
      }),
    ),
  },
  { $id: 'Person', additionalProperties: false },
)

export const personJson = (account: AccountDetails): Static<typeof PersonAnswer> => ({
  ...accountJson(account),
  disabled: account.isDisabled,
  ended: account.hasEnded,
  registered_from: account.waitingClient,
})

export const PERSON_EXAMPLE = {
  ...ACCOUNT_EXAMPLE,
  ends_at: '2027-03-31T22:00:00.000Z',
  disabled: false,
  ended: false,
  registered_from: null,
}

export const PeopleQuery = t.Object({
  text: t.Optional(
    text({
      min: 1,
      max: 80,
      description: 'Part of the name, phone, email or unit; case and composition do not matter',
      examples: ['ada'],
    }),
  ),
  role: t.Optional(RoleName),
  disabled: t.Optional(oneOf(['true', 'false'])),
  admitted: t.Optional({ ...oneOf(['true', 'false']), examples: ['false'] }),
  unit: t.Optional(Unit),
  ...PAGE,
})

export const PeopleAnswer = t.Object(
  { people: t.Array(PersonAnswer), next: Next },
  { $id: 'PeoplePage', additionalProperties: false },
)

export const UnitsAnswer = t.Object(
  {
    units: t.Array(
      t.Object(
        {
          unit: t.String({ examples: ['Flat 3'] }),
          accounts: t.Integer({ description: 'Number of accounts', examples: [4] }),
        },
        { $id: 'Unit', additionalProperties: false },
      ),
    ),
  },
  { $id: 'UnitList', additionalProperties: false },
)

export const unitsJson = (units: readonly UnitCount[]): Static<typeof UnitsAnswer> => ({
  units: units.map(({ unit, accounts }) => ({ unit, accounts })),
})

export const PersonParams = t.Object({
  id: t.String({ description: 'Public id, a UUID', examples: [ACCOUNT_EXAMPLE.id] }),
})

export const PersonBody = t.Object(
  {
    role: t.Optional(RoleName),
    disabled: t.Optional(
      t.Boolean({ description: 'True prevents logging in, false allows it', examples: [true] }),
    ),
    admitted: t.Optional(
      t.Boolean({
        description: 'True lets a waiting person in, false makes a member wait again',
        examples: [true],
      }),
    ),
    unit: clearable(Unit, null),
    ends_at: clearable(
      {
        ...GivenTime,
        description: 'When access ends: an RFC 3339 time in the future; null for never',
        examples: ['2027-03-31T22:00:00Z'],
      },
      null,
    ),
  },
  { $id: 'PersonUpdate', minProperties: 1 },
)

export const CodeAnswer = t.Object(
  {
    code: t.String({ description: 'Shown once; the server stores only a hash' }),
    expires_at: Time,
  },
  { $id: 'PasswordResetCode', additionalProperties: false },
)
