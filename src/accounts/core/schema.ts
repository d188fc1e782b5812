import { Type as t } from '@sinclair/typebox'
import { text } from '../../http/request/text.ts'
import { LOCKOUT_KINDS } from '../lockout/rules.ts'

export const DEVICE_COOKIE_EXAMPLE =
  'd2hvZXZlciByZWFkcyB0aGlzAAABmq3p5QCkM7vQ1pUuZ0f6wJ8sL2yXbTnHcR9eVg5oKiA3xDlqPm'

export const Username = text({
  min: 1,
  max: 50,
  description: 'Name to sign in with',
  examples: ['ada'],
})

/** Normalising costs the square of a run of combining marks, so nobody may send many. */
const PASSWORD_CHARACTERS_MAX = 1024

export const Password = text({
  max: PASSWORD_CHARACTERS_MAX,
  controls: 'any',
  description: 'Compared in full, up to 1024 characters, after Unicode normalisation (NFKC)',
  examples: ['correct horse battery'],
})

export const CODE_EXAMPLE = '7QJK-3MPN-0V8T-XW2H-5RBD-9CFA-ESYG'
export const Phone = text({ max: 32, examples: ['01234567890'] })
export const Address = text({ max: 200, controls: 'whitespace', examples: ['1 Lock Lane'] })
export const Email = text({ max: 254, examples: ['ada@example.org'] })

export const RegisterBody = t.Object({
  username: Username,
  password: Password,
  phone: Phone,
  address: Address,
  email: t.Optional(Email),
  invitation: t.Optional(
    text({
      max: 64,
      description: 'Code of an invitation; needed where the owner has said so',
      examples: [CODE_EXAMPLE],
    }),
  ),
})

export const SetupBody = t.Object({
  code: text({
    min: 1,
    max: 64,
    description: 'As the service printed it at its start',
    examples: [CODE_EXAMPLE],
  }),
  username: Username,
  password: Password,
  phone: t.Optional(Phone),
  address: t.Optional(Address),
  email: t.Optional(Email),
})

const OTP_CHARACTERS_MAX = 64

export const Otp = text({
  max: OTP_CHARACTERS_MAX,
  description: 'Six digits from the authenticator app, or a recovery code; spaces do not matter',
  examples: ['492039'],
})

export const LoginBody = t.Object({
  username: Username,
  password: Password,
  otp: t.Optional(Otp),
  device_token: t.Optional(
    text({
      max: 100,
      description: 'From an earlier login on this device: others’ failures do not keep it waiting',
      examples: [DEVICE_COOKIE_EXAMPLE],
    }),
  ),
})

const RefreshToken = t.String({
  description: 'Good for one use at `POST /v1/session/refresh`; to be kept like a password',
  examples: ['b3BlbiBzZXNhbWUsIG9wZW4gc2VzYW1lLCBvcGVuIQ'],
})

export const TokenAnswer = t.Object(
  {
    access_token: t.String({
      description: 'JWT (HS256) with `sub`, `public_id`, `sid`, `jti`, `iat`, `exp`, `iss`, `aud`',
    }),
    token_type: t.Literal('Bearer'),
    expires_in: t.Integer({ description: 'Seconds for which the access token is good' }),
    refresh_token: RefreshToken,
  },
  { additionalProperties: false },
)

export const LoginAnswer = t.Object(
  {
    ...TokenAnswer.properties,
    device_token: t.String({
      description:
        'To be kept, and sent with the next login: for 90 days, or until all sessions of the account ' +
        'are ended, it tells this device from a stranger’s who guesses at the same name. It opens ' +
        'nothing.',
    }),
  },
  { additionalProperties: false },
)

/** What signing in a browser answers. */
export const CookieAnswer = t.Object(
  {
    state: t.Literal('signed_in'),
    expires_in: t.Integer({ description: 'Seconds until the session must be renewed' }),
  },
  { additionalProperties: false },
)

export const CookieStateAnswer = t.Object(
  {
    state: t.Union([t.Literal('signed_in'), t.Literal('renewable'), t.Literal('none')]),
    expires_in: t.Integer({ description: 'Seconds until the session must be renewed' }),
  },
  { additionalProperties: false },
)

export const RefreshBody = t.Object({
  refresh_token: text({
    min: 1,
    max: 100,
    description: 'From the login or the refresh before',
    examples: ['b3BlbiBzZXNhbWUsIG9wZW4gc2VzYW1lLCBvcGVuIQ'],
  }),
})

export const Time = t.String({ format: 'date-time', description: 'RFC 3339, UTC' })

export const SessionAnswer = t.Object(
  {
    id: t.String({ description: 'UUID, as `sid` in its access tokens' }),
    current: t.Boolean({ description: 'True for the session of the token that asks' }),
    begun_at: Time,
    used_at: Time,
    expires_at: Time,
    address: t.String({ description: 'Where it was begun or last refreshed' }),
    user_agent: t.String({ description: 'What the app or browser calls itself (User-Agent)' }),
  },
  { additionalProperties: false },
)

export const SessionsAnswer = t.Object(
  { sessions: t.Array(SessionAnswer) },
  { additionalProperties: false },
)

export const AccountQuery = t.Object({
  account: t.Optional(
    t.String({
      maxLength: 36,
      description: 'Public id of another person, for admins and owners',
      examples: ['6f1b4e0a-5a7e-4d0e-9a3b-0f5f6c2d7e81'],
    }),
  ),
})

export const SessionParams = t.Object({
  id: t.String({ description: 'UUID', examples: ['0c6f8a52-7d39-4c8f-8a2e-51f0d4b7c913'] }),
})

const LockoutAnswer = t.Object(
  {
    id: t.String({ description: 'To lift it by' }),
    kind: t.Union(
      LOCKOUT_KINDS.map((kind) => t.Literal(kind)),
      {
        description:
          'Who waits: a client at names new to it, strangers at a name, a client at a name',
      },
    ),
    account: t.Union([t.String(), t.Null()], { description: 'Public id, where the name has one' }),
    username: t.Union([t.String(), t.Null()]),
    address: t.Union([t.String(), t.Null()], { description: 'Last seen of the client that waits' }),
    failures: t.Integer(),
    failed_at: Time,
    locked_until: Time,
  },
  { additionalProperties: false },
)

export const LockoutsAnswer = t.Object(
  { total: t.Integer(), lockouts: t.Array(LockoutAnswer) },
  { additionalProperties: false },
)

export const LockoutParams = t.Object({
  id: t.String({
    description: 'From the list',
    examples: ['5f0c7a3e9b1d482c6e8f70a1b2c3d4e55f0c7a3e9b1d482c6e8f70a1b2c3d4e5'],
  }),
})
