import { coded, message } from '../../http/answers.ts'
import { type Endpoint, endpoint } from '../../http/endpoint.ts'
import { DISK_RESERVED } from '../../storage/disk-space.ts'
import type { Authentication } from '../login/service.ts'
import { RegisterBody } from './schema.ts'
import type { Register } from './service.ts'
import { CLIENT_LIST_FULL, WAITING_LIST_FULL } from './waiting-list.ts'

type Dependencies = {
  readonly register: Register
  readonly trustClient: Authentication['trustClient']
}

/** Registering, as the phone app does it. */
export const registrationRoutes = (deps: Dependencies): readonly Endpoint[] => [register(deps)]

const register = (deps: Dependencies) =>
  endpoint(
    {
      method: 'POST',
      path: '/register',
      access: 'public',
      limits: ['auth'],
      tag: 'Accounts',
      operationId: 'register',
      summary: 'Register',
      description:
        'Creates an account: a member, or the role of the invitation. An owner decides whether ' +
        'registration is open to everyone, needs an invitation, or is closed. Registering first ' +
        'does not make anyone an owner.',
      body: RegisterBody,
      answers: {
        200: message('The account is created', 'User registered successfully'),
        400: message(
          'The body, a field, the name or the password is not accepted',
          'Invalid JSON format',
          'Missing username, password, phone, address',
          'Invalid phone, address',
          'User already exists',
          'Weak password',
        ),
        403: coded('Registration is not open to this person', {
          registration_closed: 'Registration is closed',
          invitation_needed: 'Registering needs an invitation',
          invitation_invalid: 'This invitation is not valid',
        }),
        503: message(
          'Too many passwords are being checked, and `Retry-After` says when to try again; or there is ' +
            'no room for another account',
          'Server busy, try again',
          { msg: CLIENT_LIST_FULL, code: 'waiting_list_full' },
          { msg: WAITING_LIST_FULL, code: 'waiting_list_full' },
          { msg: DISK_RESERVED, code: 'disk_reserved' },
        ),
      },
    },
    async ({ caller, body }) => {
      await deps.register(body, caller)
      await deps.trustClient(body.username, caller)
      return { msg: 'User registered successfully' }
    },
  )
