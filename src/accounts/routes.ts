import { AppError } from '../errors.ts'
import type { Endpoints } from '../http/endpoints.ts'
import type { ReadBody } from '../http/json-body.ts'
import { message, operation } from '../http/operation.ts'
import { DEVICE_TOKEN_EXAMPLE, LoginAnswer, LoginBody, RegisterBody } from './schema.ts'
import type { Accounts } from './service.ts'
import { TOKEN_EXAMPLE, tokenAnswer } from './session-routes.ts'

type Dependencies = {
  readonly endpoints: Endpoints
  readonly readBody: ReadBody
  readonly accounts: Pick<Accounts, 'add' | 'login' | 'refuseMalformed' | 'welcome'>
  readonly isRegistrationOpen: boolean
  readonly tokenLifetimeMs: number
}

/** Registering and signing in, as the phone app does it. */
export const accountRoutes = (deps: Dependencies) => {
  const { endpoints, readBody, accounts, isRegistrationOpen, tokenLifetimeMs } = deps
  return endpoints
    .group('auth')
    .post(
      '/register',
      async ({ request, caller }) => {
        const person = await readBody(request, RegisterBody)
        if (!isRegistrationOpen) throw new AppError('forbidden', 'Registration is closed')
        await accounts.add(person, 'member')
        await accounts.welcome(person.username, caller)
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
  description: 'Makes a member. The owner comes from the command line of the gateway.',
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
    403: message('The owner has closed registration', 'Registration is closed'),
    503: BUSY,
  },
})

const LOGIN = operation({
  access: 'public',
  tag: 'Accounts',
  summary: 'Sign in',
  description:
    'Answers an access token. Send it with every further request as `Authorization: Bearer …`; ' +
    'on this page, press Authorize and paste it once.',
  body: LoginBody,
  answers: {
    200: {
      description: 'Signed in',
      schema: LoginAnswer,
      example: { ...TOKEN_EXAMPLE, device_token: DEVICE_TOKEN_EXAMPLE },
    },
    400: message(
      'The body or a field cannot be taken',
      'Invalid JSON format',
      'Missing password',
      'Invalid username',
    ),
    401: message(
      'Unknown name, wrong password, disabled account, or a wait after too many failures',
      'Invalid username or password',
    ),
    503: BUSY,
  },
})
