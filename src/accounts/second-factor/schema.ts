import { Type as t } from '@sinclair/typebox'
import { text } from '../../http/request/text.ts'
import { Otp, Password } from '../core/schema.ts'

export const PasswordBody = t.Object({ password: Password })

export const ProofBody = t.Object({ password: Password, otp: Otp })

export const ConfirmBody = t.Object({
  otp: text({ max: 64, description: 'What the app shows now, six digits', examples: ['492039'] }),
})

export const SecondFactorAnswer = t.Object(
  {
    is_on: t.Boolean(),
    is_required: t.Boolean({ description: 'Whether owners and admins must have one' }),
    recovery_codes: t.Integer({ description: 'Recovery codes that were not used yet' }),
  },
  { additionalProperties: false },
)

export const EnrolmentAnswer = t.Object(
  {
    uri: t.String({ description: 'For an app on the same phone to open' }),
    secret: t.String({ description: 'Base32, for an app to be typed into' }),
    qr_svg: t.String({ description: 'The URI as a QR code, an SVG picture' }),
  },
  { additionalProperties: false },
)

export const RecoveryCodesAnswer = t.Object(
  { recovery_codes: t.Array(t.String()) },
  { additionalProperties: false },
)

export const PersonParams = t.Object({
  id: t.String({
    description: 'Public id of the person',
    examples: ['6f1b4e0a-5a7e-4d0e-9a3b-0f5f6c2d7e81'],
  }),
})
