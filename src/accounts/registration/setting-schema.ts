import { Type as t } from '@sinclair/typebox'
import { oneOf } from '../../http/request/text.ts'
import { REGISTRATIONS } from './settings.ts'

const RegistrationName = { ...oneOf(REGISTRATIONS), examples: ['invite'] }

export const SettingsBody = t.Object(
  { registration: t.Optional(RegistrationName) },
  { minProperties: 1 },
)

export const SettingsAnswer = t.Object(
  {
    registration: t.Object(
      {
        value: RegistrationName,
        is_fixed: t.Boolean({ description: 'Whether the environment decides it' }),
      },
      { additionalProperties: false },
    ),
  },
  { additionalProperties: false },
)
