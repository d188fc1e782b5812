import { Type as t } from '@sinclair/typebox'
import { text } from '../../http/request/text.ts'
import { Password } from '../core/schema.ts'

const OTP_CHARACTERS_MAX = 64

export const Otp = text({
  max: OTP_CHARACTERS_MAX,
  controls: 'whitespace',
  description:
    'Six digits from the authenticator app, or a recovery code. Spaces and hyphens are ignored',
  examples: ['492039'],
})

export const PasswordBody = t.Object({ password: Password }, { $id: 'PasswordConfirmation' })

export const ProofBody = t.Object({ password: Password, otp: Otp }, { $id: 'SecondFactorProof' })

export const ConfirmBody = t.Object(
  {
    otp: text({
      max: OTP_CHARACTERS_MAX,
      controls: 'whitespace',
      description: 'The six digits that the authenticator app shows now',
      examples: ['492039'],
    }),
  },
  { $id: 'SecondFactorConfirmation' },
)

export const SecondFactorAnswer = t.Object(
  {
    is_on: t.Boolean(),
    is_required: t.Boolean({ description: 'Whether owners and admins must have one' }),
    recovery_codes: t.Integer({ description: 'Number of unused recovery codes' }),
  },
  { $id: 'SecondFactor', additionalProperties: false },
)

export const EnrolmentAnswer = t.Object(
  {
    uri: t.String({ description: 'For an authenticator app on the same phone to open' }),
    secret: t.String({ description: 'Base32, to type into an authenticator app' }),
    qr_svg: t.String({ description: 'The URI as a QR code (SVG)' }),
  },
  { $id: 'SecondFactorEnrolment', additionalProperties: false },
)

export const RecoveryCodesAnswer = t.Object(
  { recovery_codes: t.Array(t.String()) },
  { $id: 'RecoveryCodes', additionalProperties: false },
)

export const PersonParams = t.Object({
  id: t.String({
    description: 'Public id of the account',
    examples: ['6f1b4e0a-5a7e-4d0e-9a3b-0f5f6c2d7e81'],
  }),
})
