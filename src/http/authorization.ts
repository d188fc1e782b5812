import { type Account, type Role, type SignedIn, hasRole, isAtLeast } from '../domain/account.ts'
import type { Origin } from '../domain/audit-event.ts'
import { roleError, tokenError } from './errors.ts'

/** Who may call a route: everyone, a role upwards, whoever may see the tables (`debug/`), or admins
 * and whoever calls from this machine (`local`). */
export type Access = 'public' | 'tables' | 'local' | Role

/** Who calls: found out afresh for each request, the account and its role from the database. */
export type Caller = Origin & {
  readonly account: Account | undefined
  readonly sessionId: string | undefined
  /** The request comes from this machine, addresses it by a loopback name, and through no proxy. */
  readonly isLocal: boolean
}

/** An account that is logged in, and until when its token says so. */
export type Authenticated = SignedIn & { readonly expiresAtMs: number }

/** Returns whom a request speaks for, or undefined for nobody. */
export type AuthenticateRequest = (request: Request) => Promise<Authenticated | undefined>

type TokenSources = {
  readonly readCookie: (request: Request) => string | undefined
  /** Returns the account of a valid access token. */
  readonly authenticate: (token: string) => Promise<Authenticated | undefined>
}

/** Finds out who calls by a Bearer token, or without one by a page's cookie: a token that is not
 * valid is not made up for by a cookie. */
export const requestAuthenticator =
  ({ readCookie, authenticate }: TokenSources): AuthenticateRequest =>
  async (request) => {
    const token = credentials(request, 'Bearer') ?? readCookie(request)
    return token ? authenticate(token) : undefined
  }

/** Refuses a caller whom an endpoint's access shuts out: 401 without an account, 403 with too low a
 * role. */
export const requireAccess = (caller: Caller, access: 'local' | Role): void => {
  if (access !== 'local') requireRole(caller, access)
  else if (!caller.isLocal) requireRole(caller, 'admin')
}

/** Refuses a caller without an account (401) or of too low a role (403). */
const requireRole = (caller: Caller, role: Role): void => {
  const account = signedIn(caller.account)
  if (hasRole(account, role)) return
  refuseHeldBack(account, role)
  throw roleError(`Only an ${role} may do this`)
}

/** Tells an account whose role is held back what it takes to get it (403). */
export const refuseHeldBack = (account: Account | undefined, role: Role): void => {
  if (account?.roleHeldBack && isAtLeast(account.roleHeldBack, role))
    throw roleError(
      'Set up a second factor first: POST /v1/me/second-factor',
      'second_factor_required',
    )
}

/** The account of a caller who has one; throws 401 for one without. */
export const signedIn = (account: Account | undefined): Account => {
  if (!account) throw tokenError()
  return account
}

/** The credentials of an Authorization header of that scheme, whose name is compared without case. */
export const credentials = (request: Request, scheme: 'Bearer' | 'Basic'): string | undefined => {
  const header = request.headers.get('authorization') ?? ''
  const [name, value, ...rest] = header.split(' ')
  const matches = name?.toLowerCase() === scheme.toLowerCase() && rest.length === 0
  return matches && value ? value : undefined
}
