import { AppError } from '../../errors.ts'
import { type Account, hasRole } from '../../domain/account.ts'
import { type Caller, signedIn } from '../../http/authorization.ts'
import type { Endpoints } from '../../http/router.ts'
import type { ReadBody } from '../../http/request/json-body.ts'
import { message, problem } from '../../http/answers.ts'
import { operation } from '../../http/endpoint.ts'
import { readQuery } from '../../http/request/query.ts'
import { type SessionCookies, carriesSession } from '../../http/request/session-cookie.ts'
import { AccountQuery } from '../core/schema.ts'
import {
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
  readonly endpoints: Endpoints
  readonly readBody: ReadBody
  readonly sessions: Sessions
  readonly cookies: Pick<SessionCookies, 'remove'>
  readonly findAccount: (publicId: string) => Promise<Account | undefined>
  readonly tokenLifetimeMs: number
}

/** Going on with a login, and ending it: one's own, or as an admin anybody's. */
export const sessionRoutes = (deps: Dependencies) => {
  const { endpoints, readBody, sessions, cookies, findAccount, tokenLifetimeMs } = deps

  /** The caller, or whom an admin asks about. */
  const askedAbout = async (request: Request, caller: Caller): Promise<Account> => {
    const { account: publicId } = readQuery(request, AccountQuery)
    const own = signedIn(caller.account)
    if (publicId === undefined || publicId === own.publicId) return own
    const other = hasRole(own, 'admin') ? await findAccount(publicId) : undefined
    if (!other) throw new AppError('not_found', 'No such account')
    return other
  }

  return endpoints
    .group('default')
    .post(
      '/v1/session/refresh',
      async ({ request, caller }) => {
        const { refresh_token: refreshToken } = await readBody(request, RefreshBody)
        return tokenAnswer(await sessions.refresh(refreshToken, caller), tokenLifetimeMs)
      },
      REFRESH,
    )
    .post(
      '/v1/session/logout',
      async ({ request, caller, set }) => {
        await sessions.end(caller, caller.sessionId ?? '', false)
        if (carriesSession(request.headers)) set.headers['set-cookie'] = cookies.remove(request)
        return { msg: 'Logged out' }
      },
      LOGOUT,
    )
    .get(
      '/v1/sessions',
      async ({ request, caller }) => {
        const { id } = await askedAbout(request, caller)
        const all = await sessions.list(id)
        return { sessions: all.map((one) => sessionAnswer(one, caller)) }
      },
      LIST,
    )
    .use(endpoints.changeLimits())
    .delete(
      '/v1/sessions',
      async ({ request, caller }) => {
        const ended = await sessions.endAll(
          caller,
          await askedAbout(request, caller),
          caller.sessionId,
        )
        return { msg: ended === 1 ? '1 session ended' : `${ended} sessions ended` }
      },
      END_OTHERS,
    )
    .delete(
      '/v1/sessions/:id',
      async ({ params, caller }) => {
        await sessions.end(caller, params.id, hasRole(caller.account, 'admin'))
        return { msg: 'Session ended' }
      },
      END,
    )
}

const REFRESH = operation({
  access: 'public',
  tag: 'Sessions',
  summary: 'Get the next tokens',
  description:
    'Gives a new access token and the next refresh token; the one that was sent is used up. Sent ' +
    'again within ten seconds, as after a lost answer, it gives the same next one. Sent again ' +
    'later it ends the session, because somebody else may have it (RFC 9700).',
  body: RefreshBody,
  answers: {
    200: { description: 'The next pair', schema: TokenAnswer, example: TOKEN_EXAMPLE },
    400: problem(400, 'invalid', 'Missing refresh_token'),
    401: problem(401, 'unauthorized', 'This session is over; log in again'),
  },
})

const LOGOUT = operation({
  access: 'member',
  tag: 'Sessions',
  summary: 'Log out',
  description:
    'Ends the session of the token that asks: its tokens fail from the next request on. A browser’s cookies are removed.',
  answers: { 200: message('The session is over', 'Logged out') },
})

const LIST = operation({
  access: 'member',
  tag: 'Sessions',
  summary: 'Where one is logged in',
  description: 'One’s own sessions, the last used first; an admin may ask for anybody’s.',
  query: AccountQuery,
  answers: {
    200: {
      description: 'The sessions that stand',
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
    400: problem(400, 'invalid', 'Invalid account'),
    404: problem(404, 'not_found', 'No such account'),
  },
})

const END_OTHERS = operation({
  access: 'member',
  tag: 'Sessions',
  summary: 'End all other sessions',
  description:
    'Ends every session of one’s own but that of the token that asks; with `account` an admin ends ' +
    'all of that person.',
  query: AccountQuery,
  answers: {
    200: message('They are over', '2 sessions ended'),
    400: problem(400, 'invalid', 'Invalid account'),
    404: problem(404, 'not_found', 'No such account'),
  },
})

const END = operation({
  access: 'member',
  tag: 'Sessions',
  summary: 'End a session',
  description: 'One of one’s own; an admin may end anybody’s.',
  params: SessionParams,
  answers: {
    200: message('It is over', 'Session ended'),
    404: problem(404, 'not_found', 'No such session'),
  },
})
