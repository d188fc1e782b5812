import { Elysia } from 'elysia'
import { type Caller, signedIn } from '../../http/authorization.ts'
import type { Endpoints } from '../../http/router.ts'
import { tokenError } from '../../http/errors.ts'
import type { ReadBody } from '../../http/request/json-body.ts'
import { message, problem } from '../../http/answers.ts'
import { operation } from '../../http/endpoint.ts'
import { streamed } from '../../http/streamed.ts'
import type { OwnAccount } from './service.ts'
import type { OwnExport } from './export.ts'
import {
  ContactBody,
  EraseBody,
  OWN_EXAMPLE,
  OwnAnswer,
  OwnExportAnswer,
  PasswordBody,
  ResetBody,
  ownJson,
} from '../people/own-schema.ts'
import type { AccountDirectory } from '../people/store.ts'

type Dependencies = {
  readonly endpoints: Endpoints
  readonly readBody: ReadBody
  readonly people: Pick<AccountDirectory, 'find'>
  readonly own: OwnAccount
  readonly exportParts: OwnExport
}

/** One's own account. What carries a password or a code counts against the limits of logging in. */
export const ownRoutes = (deps: Dependencies) => new Elysia().use(account(deps)).use(secrets(deps))

const account = ({ endpoints, readBody, people, own, exportParts }: Dependencies) => {
  const described = async (caller: Caller) => {
    const person = await people.find(signedIn(caller.account).publicId)
    if (!person) throw tokenError()
    return ownJson(person)
  }
  return endpoints
    .group('default')
    .get('/v1/me', ({ caller }) => described(caller), READ)
    .use(endpoints.changeLimits())
    .patch(
      '/v1/me',
      async ({ request, caller }) => {
        await own.setContact(caller, await readBody(request, ContactBody))
        return described(caller)
      },
      CHANGE,
    )
    .get(
      '/v1/me/export',
      async ({ caller }) =>
        streamed(await exportParts(caller), {
          'content-type': 'application/json',
          'content-disposition': 'attachment; filename="secure-lock-account.json"',
        }),
      EXPORT,
    )
}

const secrets = ({ endpoints, readBody, own }: Dependencies) =>
  endpoints
    .group('auth')
    .post(
      '/v1/me/password',
      async ({ request, caller }) => {
        const body = await readBody(request, PasswordBody)
        await own.changePassword(caller, {
          currentPassword: body.current_password,
          newPassword: body.new_password,
        })
        return { msg: 'Password changed' }
      },
      CHANGE_PASSWORD,
    )
    .delete(
      '/v1/me',
      async ({ request, caller }) => {
        await own.erase(caller, (await readBody(request, EraseBody)).password)
        return { msg: 'Account erased' }
      },
      ERASE,
    )
    .post(
      '/v1/password-reset',
      async ({ request, caller }) => {
        const { new_password: newPassword, ...named } = await readBody(request, ResetBody)
        await own.redeemReset({ ...named, newPassword }, caller)
        return { msg: 'Password changed' }
      },
      REDEEM,
    )

const BUSY = problem(503, 'unavailable', 'Server busy, try again')

const READ = operation({
  access: 'member',
  tag: 'Accounts',
  summary: 'One’s own account',
  answers: { 200: { description: 'The account', schema: OwnAnswer, example: OWN_EXAMPLE } },
})

const CHANGE = operation({
  access: 'member',
  tag: 'Accounts',
  summary: 'Change phone, address or email',
  description:
    'What is given is changed; an `email` of null is removed. The name stays what it is: unlocks ' +
    'were recorded under it. Other fields change nothing.',
  body: ContactBody,
  answers: {
    200: { description: 'The account as it now is', schema: OwnAnswer, example: OWN_EXAMPLE },
    400: problem(400, 'invalid', 'Invalid phone'),
  },
})

const EXPORT = operation({
  access: 'member',
  tag: 'Accounts',
  summary: 'All that is kept about oneself, as a file',
  description:
    'One JSON object: account, sessions, devices that have logged in, failed logins, second factor, ' +
    'password reset, invitations made, the audit records by and about the person, and the unlocks. ' +
    'Addresses of other people are left out, and so are hashes and secrets.',
  answers: {
    200: {
      description: 'The file',
      schema: OwnExportAnswer,
      example: {
        exported_at: '2026-11-22T18:30:02.125Z',
        account: OWN_EXAMPLE,
        sessions: [],
        known_clients: [{ logged_in_at: '2026-11-20T07:12:45.000Z' }],
        failed_logins: [],
        second_factor: null,
        password_reset: null,
        invitations_made: [],
        audit: [],
        unlocks: [],
      },
    },
  },
})

const WRONG_PASSWORD = problem(403, 'wrong_password', 'Wrong password')

const CHANGE_PASSWORD = operation({
  access: 'member',
  tag: 'Accounts',
  summary: 'Change one’s password',
  description: 'Ends all other sessions; the one that asks goes on.',
  body: PasswordBody,
  answers: {
    200: message('The new password counts', 'Password changed'),
    400: problem(400, 'weak_password', 'Weak password'),
    403: WRONG_PASSWORD,
    503: BUSY,
  },
})

const ERASE = operation({
  access: 'member',
  tag: 'Accounts',
  summary: 'Erase one’s own account',
  description:
    'Deletes the account with its sessions and all else that is its own, and removes the name and ' +
    'the methods from the unlock log, whose proofs still hold, and the addresses from the audit ' +
    'trail. It cannot be undone. The last owner cannot go.',
  body: EraseBody,
  answers: {
    200: message('The person is forgotten', 'Account erased'),
    400: problem(400, 'invalid', 'Missing password'),
    403: WRONG_PASSWORD,
    409: problem(409, 'last_owner', 'This is the last owner; make another one first'),
    503: BUSY,
  },
})

const REDEEM = operation({
  access: 'public',
  tag: 'Accounts',
  summary: 'Choose a new password with a one-time code',
  description:
    'The code comes from an admin or owner and is good once. All sessions end; log in with the new ' +
    'password. A password that is too weak does not use the code up.',
  body: ResetBody,
  answers: {
    200: message('The new password counts', 'Password changed'),
    400: problem(400, 'weak_password', 'Weak password'),
    401: problem(401, 'invalid_code', 'Invalid username or code'),
    503: BUSY,
  },
})
