import {
  ACCESS_TOKEN_PREFIX,
  type Account,
  type CallerToken,
  type Role,
  type Scope,
  type SignedIn,
  hasRole,
  isAtLeast,
  isLockScope,
  locksOf,
} from '../domain/account.ts'
import type { Origin } from '../domain/audit-event.ts'
import { roleError, tokenError } from './errors.ts'

/** Who may call a route: anyone, a role and those above it, those who may see the legacy tables
 * (`tables`), admins and holders of the metrics token (`metrics`), the controllers of locks (`controller`), or the
 * devices of guests (`guest`). */
export type Access = OwnGuard | Role

/** Routes with a guard of their own, or none. */
const OWN_GUARDS = ['public', 'tables', 'metrics', 'controller', 'guest'] as const
type OwnGuard = (typeof OWN_GUARDS)[number]

export const hasOwnGuard = (access: Access): access is OwnGuard =>
  OWN_GUARDS.some((guard) => guard === access)

/** Who makes a request, determined for each request: account and role are read from the database. */
export type Caller = Origin & {
  /** True if the address is that of a proxy that is not trusted or does not name its client. */
  readonly isAddressHidden: boolean
  readonly account: Account | undefined
  readonly sessionId: string | undefined
  /** The access token that the caller uses instead of a session. It limits what the account may do. */
  readonly token?: CallerToken | undefined
}

/** A logged-in account, and when its token expires. */
type Authenticated = SignedIn & { readonly expiresAtMs: number }

/** Returns the logged-in account behind a request, or undefined if there is none. */
export type AuthenticateRequest = (request: Request) => Promise<Authenticated | undefined>

/** Returns whether a caller may still do what they could when their request began, for answers that
 * take long: the account is enabled, its role no lower, and its session has not ended. A token that has
 * expired meanwhile does not matter. True for a caller without an account. */
export type StillHolds = (caller: Caller) => Promise<boolean>

type TokenSources = {
  readonly readCookie: (request: Request) => string | undefined
  /** Returns the account of a valid session token. */
  readonly authenticate: (token: string) => Promise<Authenticated | undefined>
  /** Returns the account of a valid access token of a script or device. */
  readonly authenticateAccessToken: (token: string) => Promise<Authenticated | undefined>
}

/** Identifies the caller by a Bearer token or, without one, by a page's cookie. A cookie does not
 * make up for an invalid token, and never holds an access token. */
export const requestAuthenticator =
  ({ readCookie, authenticate, authenticateAccessToken }: TokenSources): AuthenticateRequest =>
  async (request) => {
    const bearer = credentials(request, 'Bearer')
    if (bearer?.startsWith(ACCESS_TOKEN_PREFIX)) return authenticateAccessToken(bearer)
    const token = bearer ?? readCookie(request)
    return token ? authenticate(token) : undefined
  }

/** Refuses an access token that lacks the scope of an endpoint or, for a scope of one lock, is for other locks
 * (403). Without a scope, no access token may call the endpoint. */
export const requireScope = (token: CallerToken, scope: Scope | undefined, lock?: string): void => {
  if (!scope) throw scopeError('Access tokens cannot do this; log in')
  if (!isLockScope(scope)) {
    if (!token.scopes.includes(scope))
      throw scopeError(`This needs an access token with the scope ${scope}`)
    return
  }
  const locks = locksOf(token, scope)
  if (locks.length === 0 || (lock !== undefined && !locks.includes(lock)))
    throw scopeError(`This needs an access token with the scope ${scope} for this lock`)
}

const scopeError = (message: string) => roleError(message, 'scope_required')

/** Refuses a caller without an account (401), or whose role is too low (403). */
export const requireRole = (caller: Caller, role: Role): void => {
  const account = signedIn(caller.account)
  if (hasRole(account, role)) return
  refuseHeldBack(account, role)
  throw roleError(`Only an ${role} may do this`)
}

/** Refuses an account whose role is held back, and says how to get it (403). */
export const refuseHeldBack = (account: Account | undefined, role: Role): void => {
  if (account?.roleHeldBack && isAtLeast(account.roleHeldBack, role))
    throw roleError(
      'Set up a second factor first: POST /v1/me/second-factor',
      'second_factor_required',
    )
}

/** Returns the account of a caller, or throws 401 for a caller without one. */
export const signedIn = (account: Account | undefined): Account => {
  if (!account) throw tokenError()
  return account
}

/** Returns the credentials of an Authorization header of that scheme: its name in any case, one space or more,
 * and one token (RFC 9110 section 11.4). */
export const credentials = (request: Request, scheme: 'Bearer' | 'Basic'): string | undefined => {
  const header = request.headers.get('authorization')
  return header === null ? undefined : CREDENTIALS[scheme].exec(header)?.[1]
}

const CREDENTIALS = { Bearer: /^bearer +(\S+)$/i, Basic: /^basic +(\S+)$/i } as const
