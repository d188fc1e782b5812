import { HEAVY_READ_REFUSED, invalid, message, problem } from '../../http/answers.ts'
import { type Endpoint, endpoint } from '../../http/endpoint.ts'
import { tokenError } from '../../http/errors.ts'
import { streamed } from '../../http/streamed.ts'
import { WEAK_PASSWORD } from '../passwords/policy.ts'
import { ACCOUNT_EXAMPLE, AccountAnswer, accountJson } from '../people/schema.ts'
import type { AccountDirectory } from '../people/store.ts'
import type { AccountExport } from './export.ts'
import {
  ContactBody,
  EXPORT_EXAMPLE,
  EraseBody,
  ExportAnswer,
  PasswordBody,
  ResetBody,
} from './schema.ts'
import type { OwnAccount } from './service.ts'

type Dependencies = {
  readonly accountDirectory: Pick<AccountDirectory, 'find'>
  readonly ownAccount: OwnAccount
  readonly accountExport: AccountExport
}

/** The caller's own account. Requests that carry a password or a code count against the login
 * limits. */
export const ownAccountRoutes = (deps: Dependencies): readonly Endpoint[] => [
  read(deps),
  change(deps),
  exportAccount(deps),
  changePassword(deps),
  erase(deps),
  redeemReset(deps),
]

const WRONG_PASSWORD = problem(403, 'wrong_password', 'Wrong password')
const BUSY = problem(503, 'unavailable', 'Server busy, try again')

const read = (deps: Dependencies) =>
  endpoint(
    {
      method: 'GET',
      path: '/v1/me',
      access: 'member',
      tag: 'Accounts',
      operationId: 'getMe',
      summary: 'Get your account',
      answers: {
        200: { description: 'The account', schema: AccountAnswer, example: ACCOUNT_EXAMPLE },
      },
    },
    ({ account }) => describe(deps, account.publicId),
  )

const describe = async ({ accountDirectory }: Dependencies, publicId: string) => {
  const account = await accountDirectory.find(publicId)
  if (!account) throw tokenError()
  return accountJson(account)
}

const change = (deps: Dependencies) =>
  endpoint(
    {
      method: 'PATCH',
      path: '/v1/me',
      access: 'member',
      limits: ['changes'],
      tag: 'Accounts',
      operationId: 'updateMe',
      summary: 'Change your phone, address or email',
      description:
        'Only the given fields change; null or an empty text clears a field. The name cannot be ' +
        'changed, because unlocks were recorded under it. Other fields are ignored.',
      body: ContactBody,
      answers: {
        200: {
          description: 'The account after the change',
          schema: AccountAnswer,
          example: ACCOUNT_EXAMPLE,
        },
        400: invalid(ContactBody, 'phone'),
      },
    },
    async ({ caller, account, body }) => {
      await deps.ownAccount.setContact({ ...caller, account }, body)
      return describe(deps, account.publicId)
    },
  )

const exportAccount = ({ accountExport }: Dependencies) =>
  endpoint(
    {
      method: 'GET',
      path: '/v1/me/export',
      access: 'member',
      limits: ['changes'],
      tag: 'Accounts',
      operationId: 'exportMe',
      summary: 'Export everything stored about you',
      description:
        'One JSON object: account, sessions, access tokens, clients that have logged in, failed logins, second ' +
        'factor, password reset, invitations you created, audit events by and about you, your ' +
        'unlocks, grants, attempts to open a lock, slots of locks, and targets. Addresses of other people, hashes and ' +
        'secrets are left out.',
      answers: {
        200: { description: 'The file', schema: ExportAnswer, example: EXPORT_EXAMPLE },
        ...HEAVY_READ_REFUSED,
      },
      isHeavy: () => true,
    },
    async ({ caller, account, signal }) =>
      streamed(await accountExport({ ...caller, account }, signal), {
        'content-type': 'application/json',
        'content-disposition': 'attachment; filename="secure-lock-account.json"',
      }),
  )

const changePassword = ({ ownAccount }: Dependencies) =>
  endpoint(
    {
      method: 'POST',
      path: '/v1/me/password',
      access: 'member',
      limits: ['auth'],
      tag: 'Accounts',
      operationId: 'changePassword',
      summary: 'Change your password',
      description: 'Ends all your sessions except the one that makes this request.',
      body: PasswordBody,
      answers: {
        200: message('The password is changed', 'Password changed'),
        400: WEAK_PASSWORD,
        403: WRONG_PASSWORD,
        503: BUSY,
      },
    },
    async ({ caller, account, body }) => {
      await ownAccount.changePassword(
        { ...caller, account },
        { currentPassword: body.current_password, newPassword: body.new_password },
      )
      return { msg: 'Password changed' }
    },
  )

const erase = ({ ownAccount }: Dependencies) =>
  endpoint(
    {
      method: 'DELETE',
      path: '/v1/me',
      access: 'member',
      checksDisk: true,
      limits: ['auth'],
      tag: 'Accounts',
      operationId: 'eraseMe',
      summary: 'Erase your account',
      description:
        'Deletes the account with its sessions and other data. Removes its name and methods ' +
        'from the unlock log, whose proofs stay valid, and its addresses from the audit events. ' +
        'This cannot be undone. The last owner cannot be erased.',
      body: EraseBody,
      answers: {
        200: message('The account is erased', 'Account erased'),
        400: problem(400, 'invalid', 'Missing password'),
        403: WRONG_PASSWORD,
        409: problem(409, 'last_owner', 'This is the last owner; create another one first'),
        503: BUSY,
      },
    },
    async ({ caller, account, body }) => {
      await ownAccount.erase({ ...caller, account }, body.password)
      return { msg: 'Account erased' }
    },
  )

const redeemReset = ({ ownAccount }: Dependencies) =>
  endpoint(
    {
      method: 'POST',
      path: '/v1/password-reset',
      access: 'public',
      limits: ['auth'],
      tag: 'Accounts',
      operationId: 'resetPassword',
      summary: 'Choose a new password with a one-time code',
      description:
        'The code comes from an admin or owner and works once. All sessions end; log in with ' +
        'the new password. A password that is too weak does not use up the code.',
      body: ResetBody,
      answers: {
        200: message('The password is changed', 'Password changed'),
        400: WEAK_PASSWORD,
        401: problem(401, 'invalid_code', 'Invalid username or code'),
        503: BUSY,
      },
    },
    async ({ caller, body: { new_password: newPassword, ...named } }) => {
      await ownAccount.redeemReset({ ...named, newPassword }, caller)
      return { msg: 'Password changed' }
    },
  )
