import { Type as t } from '@sinclair/typebox'
import { text } from '../http/text.ts'

const Username = text({ min: 1, max: 50, description: 'Name to sign in with', examples: ['ada'] })

/** Normalising costs the square of a run of combining marks, so nobody may send many. */
const PASSWORD_CHARACTERS_MAX = 1024

const Password = text({
  max: PASSWORD_CHARACTERS_MAX,
  controls: 'any',
  description: 'Compared in full, up to 1024 characters, after Unicode normalisation (NFKC)',
  examples: ['correct horse battery'],
})

export const RegisterBody = t.Object({
  username: Username,
  password: Password,
  phone: text({ max: 32, examples: ['01234567890'] }),
  address: text({ max: 200, controls: 'whitespace', examples: ['1 Lock Lane'] }),
  email: t.Optional(text({ max: 254, examples: ['ada@example.org'] })),
})

export const LoginBody = t.Object({ username: Username, password: Password })

export const LoginAnswer = t.Object(
  {
    access_token: t.String({
      description: 'JWT (HS256) with `sub`, `public_id`, `sid`, `jti`, `iat`, `exp`, `iss`, `aud`',
    }),
    token_type: t.Literal('Bearer'),
    expires_in: t.Integer({ description: 'Seconds for which the token is good' }),
  },
  { additionalProperties: false },
)
