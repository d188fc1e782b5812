import { Type as t } from '@sinclair/typebox'
import { Time } from '../core/schema.ts'
import { LOCKOUT_KINDS, LOCKOUT_PLACES } from './rules.ts'

const LockoutAnswer = t.Object(
  {
    id: t.String({ description: 'Use it to clear the lockout' }),
    kind: t.Union(
      LOCKOUT_KINDS.map((kind) => t.Literal(kind)),
      {
        description:
          'What is locked out: `client`, a client at names it has not logged in with before; `name`, ' +
          'clients new to a name; `client_at_name`, one client at one name',
      },
    ),
    place: t.Union(
      LOCKOUT_PLACES.map((place) => t.Literal(place)),
      {
        description:
          'Where: `login`, or `tables`, where a browser sends name and password to `/getLogs` and ' +
          '`/getUsers`; that is no lockout of logging in. A `name` is locked out at both',
      },
    ),
    account: t.Union([t.String(), t.Null()], {
      description: 'Public id of the account with this name; null if there is none',
    }),
    username: t.Union([t.String(), t.Null()]),
    address: t.Union([t.String(), t.Null()], {
      description:
        'Last address of the client that is locked out; null for `name`, and where only owners may see it',
    }),
    failures: t.Integer(),
    failed_at: Time,
    locked_until: Time,
  },
  { $id: 'Lockout', additionalProperties: false },
)

export const LockoutsAnswer = t.Object(
  { total: t.Integer(), lockouts: t.Array(LockoutAnswer) },
  { $id: 'LockoutList', additionalProperties: false },
)

export const LockoutParams = t.Object({
  id: t.String({
    description: 'From the list of lockouts',
    examples: ['5f0c7a3e9b1d482c6e8f70a1b2c3d4e55f0c7a3e9b1d482c6e8f70a1b2c3d4e5'],
  }),
})
