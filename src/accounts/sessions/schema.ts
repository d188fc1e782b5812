import { type Static, Type as t } from '@sinclair/typebox'
import type { Caller } from '../../http/authorization.ts'
import { oneOf, text } from '../../http/request/text.ts'
import { AccountQuery, Time } from '../core/schema.ts'
import type { Tokens } from './service.ts'
import type { Session } from './store.ts'

const REFRESH_TOKEN_EXAMPLE = 'b3BlbiBzZXNhbWUsIG9wZW4gc2VzYW1lLCBvcGVuIQ'

export const TokenAnswer = t.Object(
  {
    access_token: t.String({
      description: 'JWT (HS256) with `sub`, `public_id`, `sid`, `jti`, `iat`, `exp`, `iss`, `aud`',
    }),
    token_type: t.Literal('Bearer'),
    expires_in: t.Integer({ description: 'Seconds until the access token expires' }),
    refresh_token: t.String({
      description: 'For one use at `POST /v1/session/refresh`. Keep it like a password',
      examples: [REFRESH_TOKEN_EXAMPLE],
    }),
  },
  { $id: 'Tokens', additionalProperties: false },
)

/** Returns tokens as a login and a refresh answer them (RFC 6749 section 5.1). */
export const tokenAnswer = (
  { accessToken, refreshToken }: Tokens,
  lifetimeMs: number,
): Static<typeof TokenAnswer> => ({
  access_token: accessToken,
  token_type: 'Bearer',
  expires_in: Math.floor(lifetimeMs / 1000),
  refresh_token: refreshToken,
})

export const TOKEN_EXAMPLE = {
  access_token: 'eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9…',
  token_type: 'Bearer',
  expires_in: 1800,
  refresh_token: REFRESH_TOKEN_EXAMPLE,
}

export const RefreshBody = t.Object(
  {
    refresh_token: text({
      min: 1,
      max: 100,
      description: 'From the login or the last refresh',
      examples: [REFRESH_TOKEN_EXAMPLE],
    }),
  },
  { $id: 'TokenRefresh' },
)

const SecondsLeft = t.Integer({ description: 'Seconds until the session must be refreshed' })

/** The answer to a browser that logs in or refreshes. */
export const CookieAnswer = t.Object(
  { state: t.Literal('signed_in'), expires_in: SecondsLeft },
  { $id: 'BrowserSession', additionalProperties: false },
)

export const CookieStateAnswer = t.Object(
  {
    state: t.Union([t.Literal('signed_in'), t.Literal('renewable'), t.Literal('none')]),
    expires_in: SecondsLeft,
  },
  { $id: 'BrowserSessionState', additionalProperties: false },
)

export const SessionAnswer = t.Object(
  {
    id: t.String({ description: 'UUID, the `sid` of its access tokens' }),
    current: t.Boolean({ description: 'True for the session that makes this request' }),
    begun_at: Time,
    used_at: Time,
    expires_at: Time,
    address: t.String({ description: 'Client address at the login or the last refresh' }),
    user_agent: t.String({ description: 'User-Agent header at the login or the last refresh' }),
  },
  { $id: 'Session', additionalProperties: false },
)

export const sessionAnswer = (
  session: Session,
  { sessionId }: Pick<Caller, 'sessionId'>,
): Static<typeof SessionAnswer> => ({
  id: session.id,
  current: session.id === sessionId,
  begun_at: new Date(session.createdAtMs).toISOString(),
  used_at: new Date(session.usedAtMs).toISOString(),
  expires_at: new Date(session.expiresAtMs).toISOString(),
  address: session.address,
  user_agent: session.userAgent,
})

export const SessionsAnswer = t.Object(
  { sessions: t.Array(SessionAnswer) },
  { $id: 'SessionList', additionalProperties: false },
)

export const EndSessionsQuery = t.Object({
  ...AccountQuery.properties,
  tokens: t.Optional({
    ...oneOf(['keep', 'revoke']),
    default: 'keep',
    description: 'Whether access tokens are revoked too',
  }),
})

export const SessionParams = t.Object({
  id: t.String({ description: 'UUID', examples: ['0c6f8a52-7d39-4c8f-8a2e-51f0d4b7c913'] }),
})
