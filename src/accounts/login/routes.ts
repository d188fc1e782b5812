import type { Endpoints } from '../../http/router.ts'
import type { ReadBody } from '../../http/request/json-body.ts'
import { coded, message } from '../../http/answers.ts'
import { operation } from '../../http/endpoint.ts'
import type { Register } from '../registration/service.ts'
import { RegisterBody } from '../core/schema.ts'
import { LOGIN_EXAMPLE, LoginAnswer, LoginBody } from './schema.ts'
import type { Authentication } from './service.ts'
import { tokenAnswer } from '../sessions/schema.ts'

type Dependencies = {
  readonly endpoints: Endpoints
  readonly readBody: ReadBody
  readonly accounts: Pick<Authentication, 'login' | 'refuseMalformed' | 'trustClient'>
  readonly register: Register
  readonly tokenLifetimeMs: number
}

/** Registering and signing in, as the phone app does it. */
export const accountRoutes = (deps: Dependencies) => {
  const { endpoints, readBody, accounts, register, tokenLifetimeMs } = deps
  return endpoints
    .group('auth')
    .post(
      '/register',
      async ({ request, caller }) => {
        const person = await readBody(request, RegisterBody)
        await register(person, caller)
        await accounts.trustClient(person.username, caller)
        return { msg: 'User registered successfully' }
      },
      REGISTER,
    )
    .post(
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

const REGISTER = operation({
  access: 'public',
  tag: 'Accounts',
  summary: 'Register a person',
  description:
    'Makes a member, or with an invitation whatever that says. The owner decides whether registering ' +
    'is open to all, needs an invitation, or is closed; whoever is first is no owner for that.',
  body: RegisterBody,
  answers: {
    200: message('The account stands', 'User registered successfully'),
    400: message(
      'The body, a field, the name or the password cannot be taken',
      'Invalid JSON format',
      'Missing username, password, phone, address',
      'Invalid phone, address',
      'User already exists',
      'Weak password',
    ),
    403: coded('The owner has not opened registration to this person', {
      registration_closed: 'Registration is closed',
      invitation_needed: 'Registering needs an invitation',
      invitation_invalid: 'This invitation is not valid',
    }),
    503: BUSY,
  },
})

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
