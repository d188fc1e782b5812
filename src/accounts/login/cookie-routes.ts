import { Elysia } from 'elysia'
import { AppError } from '../../errors.ts'
import type { Endpoints } from '../../http/router.ts'
import { roleError } from '../../http/errors.ts'
import type { ReadBody } from '../../http/request/json-body.ts'
import { problem } from '../../http/answers.ts'
import { operation } from '../../http/endpoint.ts'
import { COOKIE_SESSION_PATH, type SessionCookies } from '../../http/request/session-cookie.ts'
import { CookieAnswer, CookieStateAnswer, LoginBody, SetupBody } from '../core/schema.ts'
import type { Authentication } from './service.ts'
import type { Sessions, Tokens } from '../sessions/service.ts'
import type { FirstOwner } from '../registration/first-owner.ts'

type Dependencies = {
  readonly endpoints: Endpoints
  readonly readBody: ReadBody
  readonly cookies: SessionCookies
  readonly accounts: Pick<Authentication, 'login' | 'refuseMalformed'>
  readonly sessions: Pick<Sessions, 'refresh'>
  readonly setup: Pick<FirstOwner, 'bootstrapOwner'>
  readonly tokenLifetimeMs: number
  /** How long a cookie to go on with is kept, and one that tells a known device. */
  readonly sessionIdleMs: number
  readonly deviceMs: number
  /** The clock of tokens. */
  readonly now: () => number
}

/** What a handler is given to set headers of its answer in. */
type Answered = { readonly request: Request; readonly set: { headers: AnswerHeaders } }
type AnswerHeaders = { 'set-cookie'?: string | string[] }

/** Sessions of pages: the same as those of apps, with the tokens in cookies that no script reads. */
export const cookieRoutes = (deps: Dependencies) =>
  new Elysia().use(signingIn(deps)).use(goingOn(deps))

const signingIn = (deps: Dependencies) => {
  const { endpoints, readBody, cookies, accounts, setup } = deps
  return endpoints
    .group('auth')
    .post(
      COOKIE_SESSION_PATH,
      async ({ request, caller, set }) => {
        requireSameOrigin(deps, request)
        const given = await readBody(request, LoginBody).catch(async (error: unknown) => {
          await accounts.refuseMalformed(caller)
          throw error
        })
        const device = given.device_token ?? cookies.read(request, 'device')
        const known = device === undefined ? {} : { device_token: device }
        const { deviceToken, ...tokens } = await accounts.login({ ...given, ...known }, caller)
        return keep(deps, { request, set }, tokens, deviceToken)
      },
      SIGN_IN,
    )
    .post(
      '/v1/setup/cookie',
      async ({ request, caller, set }) => {
        requireSameOrigin(deps, request)
        const { phone = '', address = '', ...owner } = await readBody(request, SetupBody)
        const tokens = await setup.bootstrapOwner({ ...owner, phone, address }, caller)
        return keep(deps, { request, set }, tokens)
      },
      BOOTSTRAP_OWNER,
    )
}

const goingOn = (deps: Dependencies) => {
  const { endpoints, cookies, sessions, now } = deps
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
        requireSameOrigin(deps, request)
        const token = cookies.read(request, 'refresh')
        if (token === undefined) throw over()
        const tokens = await sessions.refresh(token, caller).catch((error: unknown) => {
          if (error instanceof AppError && error.code === 'unauthorized')
            set.headers['set-cookie'] = noSession(cookies, request)
          throw error
        })
        return keep(deps, { request, set }, tokens)
      },
      REFRESH,
    )
}

/** Removes the session of a browser; what tells it from a stranger's stays. */
export const noSession = (cookies: Pick<SessionCookies, 'write'>, request: Request): string[] =>
  cookies.write(request, {
    access: { value: '', seconds: 0 },
    refresh: { value: '', seconds: 0 },
  })

const keep = (
  { cookies, tokenLifetimeMs, sessionIdleMs, deviceMs }: Dependencies,
  { request, set }: Answered,
  { accessToken, refreshToken }: Tokens,
  deviceToken?: string,
) => {
  set.headers['set-cookie'] = cookies.write(request, {
    access: { value: accessToken, seconds: secondsOf(tokenLifetimeMs) },
    refresh: { value: refreshToken, seconds: secondsOf(sessionIdleMs) },
    ...(deviceToken === undefined
      ? {}
      : { device: { value: deviceToken, seconds: secondsOf(deviceMs) } }),
  })
  return { state: 'signed_in' as const, expires_in: secondsOf(tokenLifetimeMs) }
}

const secondsOf = (ms: number): number => Math.max(Math.floor(ms / 1000), 0)

const requireSameOrigin = ({ cookies }: Dependencies, request: Request): void => {
  if (!cookies.isSameOrigin(request)) throw roleError(FOREIGN, 'foreign_origin')
}

const FOREIGN =
  'Only a page of this gateway may do this; behind a proxy, set PUBLIC_URL to the address of the page'

const over = () => new AppError('unauthorized', 'This session is over; log in again')

const FOREIGN_ANSWER = problem(403, 'foreign_origin', FOREIGN)
const BUSY = problem(503, 'unavailable', 'Server busy, try again')

const SIGNED_IN = {
  description: 'Signed in; the tokens are in cookies',
  schema: CookieAnswer,
  example: { state: 'signed_in', expires_in: 1800 },
}

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
    200: SIGNED_IN,
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

const BOOTSTRAP_OWNER = operation({
  access: 'public',
  tag: 'Accounts',
  summary: 'Make the first owner, signed in in this browser',
  description: 'As `POST /v1/setup`, with the tokens in cookies instead of the answer.',
  body: SetupBody,
  answers: {
    200: SIGNED_IN,
    400: problem(400, 'invalid', 'Weak password'),
    403: problem(
      403,
      'setup_code_expired',
      'The code has expired (`setup_code_expired`), or is wrong (`setup_code_wrong`); or no page of this gateway ' +
        'asks (`foreign_origin`)',
    ),
    409: problem(409, 'owner_exists', 'There is an owner already'),
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
    200: SIGNED_IN,
    401: problem(401, 'unauthorized', 'This session is over; log in again'),
    403: FOREIGN_ANSWER,
  },
})
