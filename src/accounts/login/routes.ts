import { message } from '../../http/answers.ts'
import { type Endpoint, endpoint } from '../../http/endpoint.ts'
import { tokenAnswer } from '../sessions/schema.ts'
import { LOGIN_EXAMPLE, LoginAnswer, LoginBody } from './schema.ts'
import type { Authentication } from './service.ts'

type Dependencies = {
  readonly accounts: Pick<Authentication, 'login' | 'deviceOf' | 'refuseMalformed'>
  readonly tokenLifetimeMs: number
}

/** Logging in, as the phone app does it. */
export const loginRoutes = (deps: Dependencies): readonly Endpoint[] => [logIn(deps)]

const BUSY = message(
  'Too many passwords are being checked; `Retry-After` says when to try again',
  'Server busy, try again',
)

const logIn = ({ accounts, tokenLifetimeMs }: Dependencies) =>
  endpoint(
    {
      method: 'POST',
      path: '/login',
      access: 'public',
      checksDisk: true,
      limits: ['auth'],
      countsAs: ({ body }) => accounts.deviceOf(body),
      onInvalidBody: ({ caller }) => accounts.refuseMalformed(caller),
      tag: 'Accounts',
      operationId: 'logIn',
      summary: 'Log in',
      description:
        'Returns an access token. Send it with every further request as `Authorization: Bearer …`; ' +
        'on this page, press Authorize and paste it once. For an account with a second factor, send ' +
        'its code as `otp`; the answer asks for it with the code `otp_required`, and only after the ' +
        'right password. For other accounts, `otp` is ignored.',
      body: LoginBody,
      answers: {
        200: { description: 'Logged in', schema: LoginAnswer, example: LOGIN_EXAMPLE },
        400: message(
          'The body or a field is not accepted',
          'Invalid JSON format',
          'Missing password',
          'Invalid username',
        ),
        401: message(
          'Unknown name, wrong password, disabled account, or a lockout after too many failures; or, ' +
            'after the right password, an access that has ended, or a code that is missing, wrong or already used. If every code ' +
            'is wrong, the clock of the gateway or of the phone is: the `Date` header of each answer ' +
            'is the gateway’s time, and recovery codes always work',
          'Invalid username or password',
          { msg: 'One-time code required', code: 'otp_required' },
          { msg: 'Invalid one-time code', code: 'otp_invalid' },
          { msg: 'Your access ended on 31 March 2027. Ask an owner.', code: 'access_ended' },
        ),
        503: BUSY,
      },
    },
    async ({ caller, body }) => {
      const tokens = await accounts.login(body, caller)
      return { ...tokenAnswer(tokens, tokenLifetimeMs), device_token: tokens.deviceToken }
    },
  )
