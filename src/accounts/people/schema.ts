import { type Static, Type as t } from '@sinclair/typebox'
import { Next, PAGE } from '../../http/request/paging.ts'
import { oneOf, text } from '../../http/request/text.ts'
import { OWN_EXAMPLE, OwnAnswer, RoleName, ownJson } from './own-schema.ts'
import type { AccountDetails } from './store.ts'
import { Time } from '../core/schema.ts'

/** An account as admins and owners are told of it. */
export const PersonAnswer = t.Object(
  {
    ...OwnAnswer.properties,
    disabled: t.Boolean({ description: 'Whether signing in is refused' }),
  },
  { additionalProperties: false },
)

export const personJson = (person: AccountDetails): Static<typeof PersonAnswer> => ({
  ...ownJson(person),
  disabled: person.isDisabled,
})

export const PERSON_EXAMPLE = { ...OWN_EXAMPLE, disabled: false }

export const PeopleQuery = t.Object({
  text: t.Optional(
    text({
      min: 1,
      max: 80,
      description: 'Part of the name, phone or email; ASCII letters of either case are the same',
      examples: ['ada'],
    }),
  ),
  role: t.Optional(RoleName),
  disabled: t.Optional(oneOf(['true', 'false'])),
  ...PAGE,
})

export const PeopleAnswer = t.Object(
  { people: t.Array(PersonAnswer), next: Next },
  { additionalProperties: false },
)

export const PersonParams = t.Object({
  id: t.String({ description: 'Public id, a UUID', examples: [OWN_EXAMPLE.id] }),
})

export const PersonBody = t.Object(
  {
    role: t.Optional(RoleName),
    disabled: t.Optional(
      t.Boolean({ description: 'True refuses signing in, false allows it', examples: [true] }),
    ),
  },
  { minProperties: 1 },
)

export const CodeAnswer = t.Object(
  {
    code: t.String({ description: 'Told once; only its hash is kept' }),
    expires_at: Time,
  },
  { additionalProperties: false },
)
