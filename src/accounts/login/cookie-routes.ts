import { Elysia } from 'elysia'
import { AppError } from '../../errors.ts'
import type { Endpoints } from '../../http/router.ts'
import type { ReadBody } from '../../http/request/json-body.ts'
import { problem } from '../../http/answers.ts'
import { operation } from '../../http/endpoint.ts'
import { COOKIE_SESSION_PATH, type SessionCookies } from '../../http/request/session-cookie.ts'
import {
  COOKIE_ANSWER,
  FOREIGN_ANSWER,
  type BrowserSessions,
  secondsOf,
} from '../sessions/browser-session.ts'
import { CookieStateAnswer } from '../sessions/schema.ts'
import { LoginBody } from './schema.ts'
import type { Authentication } from './service.ts'
import type { Sessions } from '../sessions/service.ts'

type Dependencies = {
  readonly endpoints: Endpoints
  readonly readBody: ReadBody
  readonly cookies: SessionCookies
  readonly accounts: Pick<Authentication, 'login' | 'refuseMalformed'>
  readonly sessions: Pick<Sessions, 'refresh'>
  readonly browser: BrowserSessions
  /** The clock of tokens. */
  readonly now: () => number
}

/** Sessions of pages: the same as those of apps, with the tokens in cookies that no script reads. */
export const cookieRoutes = (deps: Dependencies) =>
  new Elysia().use(signingIn(deps)).use(goingOn(deps))

const signingIn = (deps: Dependencies) => {
  const { endpoints, readBody, cookies, browser, accounts } = deps
  return endpoints.group('auth').post(
    COOKIE_SESSION_PATH,
    async ({ request, caller, set }) => {
      browser.requireSameOrigin(request)
      const given = await readBody(request, LoginBody).catch(async (error: unknown) => {
        await accounts.refuseMalformed(caller)
        throw error
      })
      const device = given.device_token ?? cookies.read(request, 'device')
      const known = device === undefined ? {} : { device_token: device }
      const tokens = await accounts.login({ ...given, ...known }, caller)
      return browser.store({ request, set }, tokens)
    },
    SIGN_IN,
  )
}

const goingOn = (deps: Dependencies) => {
  const { endpoints, cookies, browser, sessions, now } = deps
  return endpoints
    .group('default')
    .get(
      COOKIE_SESSION_PATH,
      async ({ request }) => {
        const signedIn = await endpoints.authenticateRequest(request)
        const isRenewable = cookies.read(request, 'refresh') !== undefined
        return signedIn
          ? { state: 'signed_in', expires_in: secondsOf(signedIn.expiresAtMs - now()) }
          : { state: isRenewable ? 'renewable' : 'none', expires_in: 0 }
      },
      STATE,
    )
    .post(
      `${COOKIE_SESSION_PATH}/refresh`,
      async ({ request, caller, set }) => {
        browser.requireSameOrigin(request)
        const token = cookies.read(request, 'refresh')
        if (token === undefined) throw over()
        const tokens = await sessions.refresh(token, caller).catch((error: unknown) => {
          if (error instanceof AppError && error.code === 'unauthorized')
            set.headers['set-cookie'] = cookies.remove(request)
          throw error
        })
        return browser.store({ request, set }, tokens)
      },
      REFRESH,
    )
}

const over = () => new AppError('unauthorized', 'This session is over; log in again')

const BUSY = problem(503, 'unavailable', 'Server busy, try again')

const SIGN_IN = operation({
  access: 'public',
  tag: 'Sessions',
  summary: 'Sign in a browser',
  description:
    'As `POST /login`, with the tokens in cookies (HttpOnly, SameSite=Strict) instead of the answer. ' +
    'A request with such a cookie needs no `Authorization`; one that is not GET or HEAD must come ' +
    'from a page of this origin (`Sec-Fetch-Site: same-origin`, or `Origin` where that is not sent).',
  body: LoginBody,
  answers: {
    200: COOKIE_ANSWER,
    400: problem(400, 'invalid', 'Missing password'),
    401: problem(
      401,
      'otp_required',
      'Invalid username or password (`unauthorized`); after the right password, One-time code ' +
        'required (`otp_required`) or Invalid one-time code (`otp_invalid`)',
    ),
    403: FOREIGN_ANSWER,
    503: BUSY,
  },
})

const STATE = operation({
  access: 'public',
  tag: 'Sessions',
  summary: 'Is this browser signed in?',
  description:
    '`renewable` where there is no good access token, and a cookie that may give the next one.',
  answers: {
    200: {
      description: 'Whether, and for how many seconds until it must be renewed',
      schema: CookieStateAnswer,
      example: { state: 'none', expires_in: 0 },
    },
  },
})

const REFRESH = operation({
  access: 'public',
  tag: 'Sessions',
  summary: 'Go on with the session of a browser',
  description:
    'As `POST /v1/session/refresh`, with the tokens in cookies. Tabs that ask at once get the same ' +
    'next pair. Where the session is over its cookies are removed.',
  answers: {
    200: COOKIE_ANSWER,
    401: problem(401, 'unauthorized', 'This session is over; log in again'),
    403: FOREIGN_ANSWER,
  },
})
