import type { Static } from '@sinclair/typebox'
import { AppError } from '../../errors.ts'
import { problem } from '../../http/answers.ts'
import { type Endpoint, endpoint } from '../../http/endpoint.ts'
import { COOKIE_SESSION_PATH, type SessionCookies } from '../../http/request/session-cookie.ts'
import type { Clock } from '../../domain/clock.ts'
import {
  type BrowserSessions,
  COOKIE_ANSWER,
  FOREIGN_ANSWER,
  secondsOf,
} from '../sessions/browser-session.ts'
import { CookieStateAnswer } from '../sessions/schema.ts'
import type { Sessions } from '../sessions/service.ts'
import { LoginBody } from './schema.ts'
import type { Authentication } from './service.ts'

type Dependencies = {
  readonly cookies: Pick<SessionCookies, 'read' | 'remove'>
  readonly browser: BrowserSessions
  readonly accounts: Pick<Authentication, 'login' | 'deviceOf' | 'refuseMalformed'>
  readonly sessions: Pick<Sessions, 'refresh' | 'holderOf'>
  readonly clock: Pick<Clock, 'nonDecreasingMs'>
  /** Returns when the access token of a request expires, or undefined if it is not valid. */
  readonly authenticateRequest: (
    request: Request,
  ) => Promise<{ readonly expiresAtMs: number } | undefined>
}

/** Sessions of browsers: logging in, refreshing, and getting the state. */
export const cookieRoutes = (deps: Dependencies): readonly Endpoint[] => [
  logIn(deps),
  state(deps),
  refresh(deps),
]

const BUSY = problem(503, 'unavailable', 'Server busy, try again')

const logIn = ({ cookies, browser, accounts }: Dependencies) => {
  const withDevice = (request: Request, body: Static<typeof LoginBody>) => {
    const device = body.device_token ?? cookies.read(request, 'device')
    return device === undefined ? body : { ...body, device_token: device }
  }
  return endpoint(
    {
      method: 'POST',
      path: COOKIE_SESSION_PATH,
      access: 'public',
      limits: ['auth'],
      countsAs: ({ request, body }) => accounts.deviceOf(withDevice(request, body)),
      checksDisk: true,
      guard: ({ request }) => browser.requireSameOrigin(request),
      onInvalidBody: ({ caller }) => accounts.refuseMalformed(caller),
      tag: 'Sessions',
      operationId: 'logInBrowser',
      summary: 'Log in a browser',
      description:
        'Like `POST /login`, with the tokens in cookies (HttpOnly, SameSite=Strict) instead of the ' +
        'answer. A request with such a cookie needs no `Authorization`; unless it is GET or HEAD, it ' +
        'must come from a page of this origin (`Sec-Fetch-Site: same-origin`, or `Origin` if that is ' +
        'not sent).',
      body: LoginBody,
      answers: {
        200: COOKIE_ANSWER,
        400: problem(400, 'invalid', 'Missing password'),
        401: problem(
          401,
          'otp_required',
          'Invalid username or password (`unauthorized`); after the right password, One-time code ' +
            'required (`otp_required`), Invalid one-time code (`otp_invalid`) or Your access ended on 31 ' +
            'March 2027. Ask an owner. (`access_ended`)',
        ),
        403: FOREIGN_ANSWER,
        503: BUSY,
      },
    },
    async ({ request, caller, set, body }) =>
      browser.store({ request, set }, await accounts.login(withDevice(request, body), caller)),
  )
}

/** Returns the account whose session the cookies of a browser may refresh. */
const holderOf =
  ({ cookies, sessions }: Pick<Dependencies, 'cookies' | 'sessions'>) =>
  async ({ request }: { readonly request: Request }): Promise<string | undefined> => {
    const token = cookies.read(request, 'refresh')
    return token === undefined ? undefined : sessions.holderOf(token)
  }

const state = ({ cookies, sessions, clock, authenticateRequest }: Dependencies) =>
  endpoint(
    {
      method: 'GET',
      path: COOKIE_SESSION_PATH,
      access: 'public',
      countsAs: holderOf({ cookies, sessions }),
      tag: 'Sessions',
      operationId: 'getBrowserSession',
      summary: 'Get the session state of this browser',
      description:
        '`renewable` means that there is no valid access token, but a cookie that may get a new one.',
      answers: {
        200: {
          description: 'The state',
          schema: CookieStateAnswer,
          example: { state: 'none', expires_in: 0 },
        },
      },
    },
    async ({ request }) => {
      const signedIn = await authenticateRequest(request)
      if (signedIn) {
        const leftMs = signedIn.expiresAtMs - clock.nonDecreasingMs()
        return { state: 'signed_in' as const, expires_in: secondsOf(leftMs) }
      }
      const isRenewable = cookies.read(request, 'refresh') !== undefined
      return { state: isRenewable ? ('renewable' as const) : ('none' as const), expires_in: 0 }
    },
  )

const refresh = ({ cookies, browser, sessions }: Dependencies) =>
  endpoint(
    {
      method: 'POST',
      path: `${COOKIE_SESSION_PATH}/refresh`,
      access: 'public',
      countsAs: holderOf({ cookies, sessions }),
      checksDisk: true,
      guard: ({ request }) => browser.requireSameOrigin(request),
      tag: 'Sessions',
      operationId: 'refreshBrowserSession',
      summary: 'Refresh the session of a browser',
      description:
        'Like `POST /v1/session/refresh`, with the tokens in cookies. Tabs that refresh at the ' +
        'same time get the same new pair. If the session has ended, its cookies are removed.',
      answers: {
        200: COOKIE_ANSWER,
        401: problem(401, 'unauthorized', 'This session has ended; log in again'),
        403: FOREIGN_ANSWER,
      },
    },
    async ({ request, caller, set }) => {
      const token = cookies.read(request, 'refresh')
      if (token === undefined)
        throw new AppError('unauthorized', 'This session has ended; log in again')
      const tokens = await sessions.refresh(token, caller).catch((error: unknown) => {
        if (error instanceof AppError && error.code === 'unauthorized')
          set.headers['set-cookie'] = cookies.remove(request)
        throw error
      })
      return browser.store({ request, set }, tokens)
    },
  )
