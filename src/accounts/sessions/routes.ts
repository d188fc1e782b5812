import { invalid, message, problem } from '../../http/answers.ts'
import { type Endpoint, endpoint } from '../../http/endpoint.ts'
import { type SessionCookies, carriesSession } from '../../http/request/session-cookie.ts'
import { OWNERS_ONLY } from '../core/authorization.ts'
import { AccountQuery } from '../core/schema.ts'
import {
  EndSessionsQuery,
  RefreshBody,
  SessionParams,
  SessionsAnswer,
  TOKEN_EXAMPLE,
  TokenAnswer,
  sessionAnswer,
  tokenAnswer,
} from './schema.ts'
import type { Sessions } from './service.ts'

type Dependencies = {
  readonly sessions: Pick<Sessions, 'refresh' | 'holderOf' | 'listOf' | 'end' | 'endAll'>
  readonly cookies: Pick<SessionCookies, 'remove'>
  readonly tokenLifetimeMs: number
}

/** Refreshing, listing and ending sessions: your own or, for admins, anyone's but an owner's. */
export const sessionRoutes = (deps: Dependencies): readonly Endpoint[] => [
  refresh(deps),
  logOut(deps),
  list(deps),
  endOthers(deps),
  end(deps),
]

const OWNER_NEEDED = problem(403, 'owner_needed', OWNERS_ONLY)

const refresh = ({ sessions, tokenLifetimeMs }: Dependencies) =>
  endpoint(
    {
      method: 'POST',
      path: '/v1/session/refresh',
      access: 'public',
      countsAs: ({ body }) => sessions.holderOf(body.refresh_token),
      checksDisk: true,
      tag: 'Sessions',
      operationId: 'refreshTokens',
      summary: 'Get new tokens',
      description:
        'Returns a new access token and a new refresh token, and voids the old one. Sending the ' +
        'old one again within ten seconds, as after a lost answer, returns the same new one. ' +
        'Sending it again later ends the session, because someone else may have it (RFC 9700).',
      body: RefreshBody,
      answers: {
        200: { description: 'The next pair', schema: TokenAnswer, example: TOKEN_EXAMPLE },
        400: problem(400, 'invalid', 'Missing refresh_token'),
        401: problem(401, 'unauthorized', 'This session has ended; log in again'),
      },
    },
    async ({ caller, body }) =>
      tokenAnswer(await sessions.refresh(body.refresh_token, caller), tokenLifetimeMs),
  )

const logOut = ({ sessions, cookies }: Dependencies) =>
  endpoint(
    {
      method: 'POST',
      path: '/v1/session/logout',
      access: 'member',
      checksDisk: true,
      tag: 'Sessions',
      operationId: 'logOut',
      summary: 'Log out',
      description:
        'Ends the session that makes this request: its tokens fail from the next request on. Removes ' +
        'the cookies of a browser.',
      answers: { 200: message('The session has ended', 'Logged out') },
    },
    async ({ request, caller, set }) => {
      await sessions.end(caller, caller.sessionId ?? '')
      if (carriesSession(request.headers)) set.headers['set-cookie'] = cookies.remove(request)
      return { msg: 'Logged out' }
    },
  )

const list = ({ sessions }: Dependencies) =>
  endpoint(
    {
      method: 'GET',
      path: '/v1/sessions',
      access: 'member',
      tag: 'Sessions',
      operationId: 'listSessions',
      summary: 'List sessions',
      description:
        'Your own, most recently used first. Admins can list anyone’s but an owner’s, owners ' +
        'everyone’s.',
      query: AccountQuery,
      answers: {
        200: {
          description: 'The open sessions',
          schema: SessionsAnswer,
          example: {
            sessions: [
              {
                id: '0c6f8a52-7d39-4c8f-8a2e-51f0d4b7c913',
                current: true,
                begun_at: '2026-11-20T07:12:45.000Z',
                used_at: '2026-11-22T18:30:02.125Z',
                expires_at: '2026-12-22T18:30:02.125Z',
                address: '192.168.1.34',
                user_agent: 'LockApp/2.1 (Android 16)',
              },
            ],
          },
        },
        400: invalid(AccountQuery, 'account'),
        403: OWNER_NEEDED,
        404: problem(404, 'not_found', 'No such account'),
      },
    },
    async ({ account, caller, query }) => {
      const publicId = query.account ?? account.publicId
      const open = await sessions.listOf({ by: caller, publicId })
      return { sessions: open.map((session) => sessionAnswer(session, caller)) }
    },
  )

const endOthers = ({ sessions }: Dependencies) =>
  endpoint(
    {
      method: 'DELETE',
      path: '/v1/sessions',
      access: 'member',
      checksDisk: true,
      limits: ['changes'],
      tag: 'Sessions',
      operationId: 'endOtherSessions',
      summary: 'End all other sessions',
      description:
        'Ends all of your sessions except the one that makes this request. With `account`, an admin ' +
        'ends all sessions of that account, unless it is an owner’s. Access tokens stay valid unless ' +
        'you add `tokens=revoke`.',
      query: EndSessionsQuery,
      answers: {
        200: message('The sessions have ended', '2 sessions ended'),
        400: invalid(EndSessionsQuery, 'tokens'),
        403: OWNER_NEEDED,
        404: problem(404, 'not_found', 'No such account'),
      },
    },
    async ({ account, caller, query }) => {
      const ended = await sessions.endAll({
        by: caller,
        publicId: query.account ?? account.publicId,
        keptId: caller.sessionId,
        withTokens: query.tokens === 'revoke',
      })
      return { msg: ended === 1 ? '1 session ended' : `${ended} sessions ended` }
    },
  )

const end = ({ sessions }: Dependencies) =>
  endpoint(
    {
      method: 'DELETE',
      path: '/v1/sessions/:id',
      access: 'member',
      checksDisk: true,
      limits: ['changes'],
      tag: 'Sessions',
      operationId: 'endSession',
      summary: 'End a session',
      description: 'One of your own. Admins can end anyone’s but an owner’s, owners everyone’s.',
      params: SessionParams,
      answers: {
        200: message('The session has ended', 'Session ended'),
        403: OWNER_NEEDED,
        404: problem(404, 'not_found', 'No such session'),
      },
    },
    async ({ caller, params }) => {
      await sessions.end(caller, params.id)
      return { msg: 'Session ended' }
    },
  )
