import type { TObject } from '@sinclair/typebox'
import { t } from 'elysia'
import { type Account, hasRole } from '../domain/account.ts'
import type { Origin } from '../domain/audit-event.ts'
import { type Caller, credentials, refuseHeldBack } from '../http/authorization.ts'
import type { Endpoints } from '../http/router.ts'
import { HttpError } from '../http/errors.ts'
import { message } from '../http/answers.ts'
import { operation } from '../http/endpoint.ts'
import { LogRow, UserRow } from './schema.ts'
import { type Table, streamHtml, streamJson } from './table.ts'

type Dependencies = {
  readonly endpoints: Endpoints
  /** Opens the tables without a password to callers on this machine. */
  readonly isOpenLocally: boolean
  /** Gives the account of a name and its password; nothing for any other. Throws `unauthorized`
   * where a password is not enough. */
  readonly signIn: (
    credentials: { readonly username: string; readonly password: string },
    from: Origin,
  ) => Promise<Account | undefined>
  readonly unlocks: Table
  readonly users: Table
}

/** The tables that an owner's browser reads directly. */
export const tableRoutes = (deps: Dependencies) => {
  const { endpoints, unlocks, users } = deps
  const guard = tableGuard(deps)
  const routes = endpoints.group('default').use(endpoints.passwordLimits()).onBeforeHandle(guard)
  return routes
    .get('/getLogs', ({ request }) => answer(request, unlocks), GET_LOGS)
    .post('/getLogs', () => streamJson(unlocks), GET_LOGS)
    .get('/getUsers', ({ request }) => answer(request, users), GET_USERS)
    .post('/getUsers', () => streamJson(users), GET_USERS)
}

/** Lets in owners and admins, by token or by name and password, and in debug mode this machine. */
const tableGuard =
  ({ isOpenLocally, signIn }: Dependencies) =>
  async ({ request, caller }: { request: Request; caller: Caller }): Promise<void> => {
    if (isOpenLocally && caller.isLocal) return
    const basic = credentials(request, 'Basic')
    const account = basic ? await signIn(nameAndPassword(basic), caller) : caller.account
    if (hasRole(account, 'admin')) return
    refuseHeldBack(account, 'admin')
    throw new HttpError(401, SIGN_IN, {
      'WWW-Authenticate': 'Basic realm="Secure Lock Server", charset="UTF-8"',
    })
  }

/** RFC 7617, in UTF-8 as the challenge asks; the name is empty where there is no colon. */
const nameAndPassword = (encoded: string) => {
  const text = Buffer.from(encoded, 'base64').toString('utf8')
  const colon = text.indexOf(':')
  return { username: text.slice(0, Math.max(colon, 0)), password: text.slice(colon + 1) }
}

const answer = (request: Request, table: Table): Response =>
  request.headers.get('accept')?.includes('text/html') ? streamHtml(table) : streamJson(table)

const tableOperation = (summary: string, row: TObject) =>
  operation({
    access: 'tables',
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
        'No token and no password of an owner or admin; or a password where a second factor is on, ' +
          'which needs a token',
        SIGN_IN,
        {
          msg: 'This account has a second factor: sign in with POST /login, …',
          code: 'otp_required',
        },
      ),
      403: message('An owner or admin who must have a second factor and has none', {
        msg: 'Set up a second factor first: POST /v1/me/second-factor',
        code: 'second_factor_required',
      }),
    },
  })

const SIGN_IN = 'Sign in with the name and password of an owner or admin'

const GET_LOGS = tableOperation('Every unlock', LogRow)
const GET_USERS = tableOperation('Every account, without its password', UserRow)
