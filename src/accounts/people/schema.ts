import { type Static, Type as t } from '@sinclair/typebox'
import { ROLES, type Role } from '../../domain/account.ts'
import { Next, PAGE } from '../../http/request/paging.ts'
import { nullable, oneOf, text } from '../../http/request/text.ts'
import { Time } from '../core/schema.ts'
import type { AccountDetails } from './store.ts'

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
    created_at: Time,
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
  created_at: new Date(account.createdAtMs).toISOString(),
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
  created_at: '2026-11-20T07:12:45.000Z',
  second_factor: false,
  sessions: 1,
  invitation: null,
}

/** An account as admins and owners see it. */
export const PersonAnswer = t.Object(
  {
    ...AccountAnswer.properties,
    disabled: t.Boolean({ description: 'Whether logging in is refused' }),
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
  registered_from: account.waitingClient,
})

export const PERSON_EXAMPLE = { ...ACCOUNT_EXAMPLE, disabled: false, registered_from: null }

export const PeopleQuery = t.Object({
  text: t.Optional(
    text({
      min: 1,
      max: 80,
      description: 'Part of the name, phone or email; case and composition do not matter',
      examples: ['ada'],
    }),
  ),
  role: t.Optional(RoleName),
  disabled: t.Optional(oneOf(['true', 'false'])),
  admitted: t.Optional({ ...oneOf(['true', 'false']), examples: ['false'] }),
  ...PAGE,
})

export const PeopleAnswer = t.Object(
  { people: t.Array(PersonAnswer), next: Next },
  { $id: 'PeoplePage', additionalProperties: false },
)

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
