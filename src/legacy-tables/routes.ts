import { type TObject, Type as t } from '@sinclair/typebox'
import { type Account, type Scope, hasRole } from '../domain/account.ts'
import type { Origin } from '../domain/audit-event.ts'
import { Message, READ_RUNNING, RateLimited, message } from '../http/answers.ts'
import { type Caller, credentials, refuseHeldBack } from '../http/authorization.ts'
import { type Endpoint, endpoint } from '../http/endpoint.ts'
import { HttpError } from '../http/errors.ts'
import { isDirect } from '../http/request/forwarding.ts'
import { LogRow, UserRow } from './schema.ts'
import { type Table, streamHtml, streamJson } from './table.ts'

type Dependencies = {
  /** Opens the tables without a password to requests that no proxy forwarded. */
  readonly isDebugging: boolean
  /** Returns the account if the password matches, otherwise undefined. Throws `unauthorized` if a
   * password is not enough. */
  readonly signIn: (
    credentials: { readonly username: string; readonly password: string },
    from: Origin,
  ) => Promise<Account | undefined>
  readonly unlocks: Table
  readonly users: Table
}

/** The tables that an owner's browser reads directly. */
export const tableRoutes = (deps: Dependencies): readonly Endpoint[] => {
  const { unlocks, users } = deps
  const guard = tableGuard(deps)
  return [
    ...table({
      path: '/getLogs',
      operationId: 'getLogs',
      summary: 'Get all unlocks',
      row: LogRow,
      rows: unlocks,
      scope: 'unlocks:read',
      guard,
    }),
    ...table({
      path: '/getUsers',
      operationId: 'getUsers',
      summary: 'Get all accounts, without their passwords',
      row: UserRow,
      rows: users,
      scope: 'people:read',
      guard,
    }),
  ]
}

const SIGN_IN = 'Log in with the name and password of an owner or admin'

type Guard = (incoming: {
  readonly request: Request
  readonly caller: Caller
}) => Promise<Account | undefined>

/** Admits owners and admins, by token or by name and password; with DEBUG, also anyone on this
 * machine. */
const tableGuard =
  ({ isDebugging, signIn }: Dependencies): Guard =>
  async ({ request, caller }) => {
    if (isDebugging && isDirect(request)) return undefined
    const basic = credentials(request, 'Basic')
    const account = basic ? await signIn(nameAndPassword(basic), caller) : caller.account
    if (hasRole(account, 'admin')) return account
    refuseHeldBack(account, 'admin')
    throw new HttpError(401, SIGN_IN, {
      'WWW-Authenticate': 'Basic realm="Secure Lock Server", charset="UTF-8"',
    })
  }

/** Decodes RFC 7617 credentials, in UTF-8 as the challenge requests. Without a colon, the name is empty. */
const nameAndPassword = (encoded: string) => {
  const text = Buffer.from(encoded, 'base64').toString('utf8')
  const colon = text.indexOf(':')
  return { username: text.slice(0, Math.max(colon, 0)), password: text.slice(colon + 1) }
}

type TableSpec = {
  readonly path: string
  readonly operationId: string
  readonly summary: string
  readonly row: TObject
  readonly rows: Table
  readonly scope: Scope
  readonly guard: Guard
}

/** A table by GET, as a page for a browser, and by POST, as the existing app reads it. */
const table = ({
  path,
  operationId,
  summary,
  row,
  rows,
  scope,
  guard,
}: TableSpec): readonly Endpoint[] => {
  const spec = {
    path,
    access: 'tables',
    scope,
    limits: ['default', 'basic'],
    guard,
    isHeavy: () => true,
    tag: 'Tables',
    summary,
    description:
      'A browser gets a page; anything else gets one JSON object whose keys are the ids. Both are ' +
      'streamed, however long they are.',
    answers: {
      200: [
        { description: 'All rows, oldest first', schema: t.Record(t.String(), row) },
        { description: 'the same as a page', contentType: 'text/html' },
      ],
      401: message(
        'No token and no password of an owner or admin; or only a password, where a second factor is ' +
          'on, which needs a token',
        SIGN_IN,
        {
          msg: 'This account has a second factor: log in with POST /login, …',
          code: 'otp_required',
        },
      ),
      429: {
        description:
          'Over a limit, or one long read too many; `Retry-After` says when to try again',
        schema: t.Union([RateLimited, Message], { $id: 'TableRefused' }),
        example: { msg: READ_RUNNING },
      },
      403: message('An owner or admin who must have a second factor and has none', {
        msg: 'Set up a second factor first: POST /v1/me/second-factor',
        code: 'second_factor_required',
      }),
    },
  } as const
  return [
    endpoint({ method: 'GET', operationId, ...spec }, ({ request, signal }) =>
      request.headers.get('accept')?.includes('text/html')
        ? streamHtml(rows, signal)
        : streamJson(rows, signal),
    ),
    endpoint({ method: 'POST', operationId: `${operationId}ByPost`, ...spec }, ({ signal }) =>
      streamJson(rows, signal),
    ),
  ]
}
