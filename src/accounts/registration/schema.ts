import { Type as t } from '@sinclair/typebox'
import { optional } from '../../http/request/optional.ts'
import { oneOf, text } from '../../http/request/text.ts'
import { Address, CODE_EXAMPLE, Email, Password, Phone, Username } from '../core/schema.ts'
import { FIRST_RUN_STEPS, REGISTRATIONS } from './settings.ts'

export const RegisterBody = t.Object(
  {
    username: Username,
    password: Password,
    phone: Phone,
    address: Address,
    email: optional(Email),
    invitation: optional(
      text({
        max: 64,
        controls: 'whitespace',
        description: 'Invitation code, if registering needs one',
        examples: [CODE_EXAMPLE],
      }),
    ),
  },
  { $id: 'Registration' },
)

export const SetupBody = t.Object(
  {
    code: text({
      min: 1,
      max: 64,
      controls: 'whitespace',
      description: 'The setup code that the server printed when it started',
      examples: [CODE_EXAMPLE],
    }),
    username: Username,
    password: Password,
    phone: optional(Phone),
    address: optional(Address),
    email: optional(Email),
  },
  { $id: 'OwnerRegistration' },
)

export const SetupAnswer = t.Object(
  { needed: t.Boolean() },
  { $id: 'SetupState', additionalProperties: false },
)

const RegistrationName = { ...oneOf(REGISTRATIONS), examples: ['invite'] }

const FirstRunStep = {
  ...oneOf(FIRST_RUN_STEPS),
  description: 'The step of the console’s first run that comes next',
  examples: ['done'],
}

export const SettingsBody = t.Object(
  { registration: t.Optional(RegistrationName), first_run: t.Optional(FirstRunStep) },
  { $id: 'SettingsUpdate', minProperties: 1 },
)

export const SettingsAnswer = t.Object(
  {
    registration: t.Object(
      {
        value: RegistrationName,
        is_fixed: t.Boolean({ description: 'Whether REGISTRATION is set on the gateway' }),
      },
      { $id: 'RegistrationSetting', additionalProperties: false },
    ),
    first_run: FirstRunStep,
  },
  { $id: 'Settings', additionalProperties: false },
)

export const WaitingListQuery = t.Object({
  registered_from: t.Optional(
    text({
      min: 1,
      max: 45,
      description: 'Only those who registered from this address, as `/v1/people` shows it',
      examples: ['192.168.1.40'],
    }),
  ),
})

export const WaitingListAnswer = t.Object(
  { erased: t.Integer() },
  { $id: 'WaitingListCleared', additionalProperties: false },
)
