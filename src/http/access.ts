import type { Queries } from '../storage/database.ts'
import { roleError, tokenError } from './errors.ts'

/** What an account may do; each role may do all that the ones before it may. */
export const ROLES = ['member', 'admin', 'owner'] as const
export type Role = (typeof ROLES)[number]

/** Who may call a route: everyone, a role upwards, whoever may see the tables (`debug/`), or admins
 * and whoever calls from this machine (`local`). */
export type Access = 'public' | 'tables' | 'local' | Role

export type Account = {
  readonly id: number
  readonly publicId: string
  readonly username: string
  readonly role: Role
  /** The role that the account gets once it has a second factor; `role` is what it may do now. */
  readonly roleHeldBack?: Role
}

/** Where a request, or a command at the gateway itself, comes from. */
export type Origin = {
  readonly address: string
  /** The User-Agent header, bounded and without control characters. */
  readonly userAgent: string
  readonly requestId: string | undefined
}

/** Whoever has the gateway's command line may do anything, and is no account. */
export const COMMAND_LINE: Origin = { address: 'command line', userAgent: '', requestId: undefined }

/** What the service does by itself. */
export const GATEWAY: Origin = { address: 'gateway', userAgent: '', requestId: undefined }

/** An account that a good access token speaks for, and the session that the token belongs to. */
export type SignedIn = { readonly account: Account; readonly sessionId: string }

/** Who calls: found out afresh for each request, the account and its role from the database. */
export type Caller = Origin & {
  readonly account: Account | undefined
  readonly sessionId: string | undefined
  /** The request comes from this machine, addresses it by a loopback name, and through no proxy. */
  readonly isLocal: boolean
}

/** Something that an owner would want to know of later (ASVS 16.3): who did what to whom, and how it
 * ended. People are named by public id; `detail` holds no personal text and no secret. */
export type AuditEvent = {
  /** Dotted, the thing first: `session.begin`, `account.role`. */
  readonly action: string
  readonly result: 'success' | 'failure'
  /** Who did it, where that is not the caller's account. */
  readonly actor?: string
  /** The account or thing that it was done to. */
  readonly subject?: string
  readonly detail?: Readonly<Record<string, string | number | boolean>>
}

/** Records an audit event before the request is answered: by itself, or in the transaction of
 * what it is about, so that neither is without the other. */
export type RecordAuditEvent = (
  from: Origin & { readonly account?: Account | undefined },
  event: AuditEvent,
  tx?: Pick<Queries, 'run'>,
) => Promise<void>

/** Records what is done to something within the transaction that does it. */
export type Recording<Thing> = (thing: Thing, tx: Pick<Queries, 'run'>) => Promise<void>

export const hasRole = (account: Pick<Account, 'role'> | undefined, role: Role): boolean =>
  account !== undefined && isAtLeast(account.role, role)

const isAtLeast = (held: Role, role: Role): boolean => ROLES.indexOf(held) >= ROLES.indexOf(role)

/** Refuses a caller without an account (401) or of too low a role (403). */
export const requireRole = (caller: Caller, role: Role): void => {
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
