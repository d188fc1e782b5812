import type { Endpoints } from '../../http/router.ts'
import type { ReadBody } from '../../http/request/json-body.ts'
import { message } from '../../http/answers.ts'
import { operation } from '../../http/endpoint.ts'
import { LOGIN_EXAMPLE, LoginAnswer, LoginBody } from './schema.ts'
import type { Authentication } from './service.ts'
import { tokenAnswer } from '../sessions/schema.ts'

type Dependencies = {
  readonly endpoints: Endpoints
  readonly readBody: ReadBody
  readonly accounts: Pick<Authentication, 'login' | 'refuseMalformed'>
  readonly tokenLifetimeMs: number
}

/** Logging in, as the phone app does it. */
export const accountRoutes = (deps: Dependencies) => {
  const { endpoints, readBody, accounts, tokenLifetimeMs } = deps
  return endpoints.group('auth').post(
    '/login',
    async ({ request, caller }) => {
      const credentials = await readBody(request, LoginBody).catch(async (error: unknown) => {
        await accounts.refuseMalformed(caller)
        throw error
      })
      const tokens = await accounts.login(credentials, caller)
      return { ...tokenAnswer(tokens, tokenLifetimeMs), device_token: tokens.deviceToken }
    },
    LOGIN,
  )
}

const BUSY = message(
  'Too many passwords are being checked; `Retry-After` says when to try again',
  'Server busy, try again',
)

const LOGIN = operation({
  access: 'public',
  tag: 'Accounts',
  summary: 'Sign in',
  description:
    'Answers an access token. Send it with every further request as `Authorization: Bearer …`; ' +
    'on this page, press Authorize and paste it once. An account with a second factor sends its ' +
    'code as `otp`; the answer asks for it, by the code `otp_required`, only after the right ' +
    'password. Other accounts leave it away; where it is sent, it is not looked at.',
  body: LoginBody,
  answers: {
    200: {
      description: 'Signed in',
      schema: LoginAnswer,
      example: LOGIN_EXAMPLE,
    },
    400: message(
      'The body or a field cannot be taken',
      'Invalid JSON format',
      'Missing password',
      'Invalid username',
    ),
    401: message(
      'Unknown name, wrong password, disabled account, or a wait after too many failures; or, after the right password, a code that ' +
        'is missing, wrong or used before. Where every code is wrong, the clock of the gateway or of ' +
        'the phone is: the `Date` header of each answer is the gateway’s, and recovery codes work ' +
        'whatever it says',
      'Invalid username or password',
      { msg: 'One-time code required', code: 'otp_required' },
      { msg: 'Invalid one-time code', code: 'otp_invalid' },
    ),
    503: BUSY,
  },
})
