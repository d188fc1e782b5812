/** What an account may do; each role may do everything that the ones before it may. */
export const ROLES = ['member', 'admin', 'owner'] as const
export type Role = (typeof ROLES)[number]

export type Account = {
  readonly id: number
  readonly publicId: string
  readonly username: string
  readonly role: Role
  /** False while an account waits for an owner or admin to let it in. */
  readonly admitted: boolean
  /** The role that the account gets once it has a second factor; `role` is what it may do now. */
  readonly roleHeldBack?: Role
}

/** The account behind a request, and its session. */
export type SignedIn = {
  readonly account: Account
  /** `token:` and the id for an access token, which has no session. */
  readonly sessionId: string
  readonly token?: CallerToken | undefined
}

export const hasRole = (account: Pick<Account, 'role'> | undefined, role: Role): boolean =>
  account !== undefined && isAtLeast(account.role, role)

/** True for anybody without an account, or with one that nobody has let in yet. Limits are tighter
 * for newcomers, since registering may be open to anyone on the network. */
export const isNewcomer = (account: Pick<Account, 'admitted'> | undefined): boolean =>
  account?.admitted !== true

/** True if `held` may do everything that `role` may. */
export const isAtLeast = (held: Role, role: Role): boolean =>
  ROLES.indexOf(held) >= ROLES.indexOf(role)

/** True if an account of one role may act on an account of another, such as end its sessions: only
 * an owner does anything to an owner's account. */
export const mayActOn = (actor: Role, target: Role): boolean =>
  actor === 'owner' || (actor === 'admin' && target !== 'owner')

/** True if an account of one role may change an account of another: owners change everyone, admins
 * change only members. */
export const mayManage = (actor: Role, target: Role): boolean =>
  mayActOn(actor, target) && (actor === 'owner' || target === 'member')

/** Returns a role and those below it, the lowest first. */
export const rolesUpTo = (role: Role): readonly Role[] => ROLES.slice(0, ROLES.indexOf(role) + 1)

/** Returns the lower of two roles. */
export const lowerRole = (one: Role, other: Role): Role => (isAtLeast(one, other) ? other : one)

/** The prefix of every access token, so that scanners for leaked secrets recognize it. */
export const ACCESS_TOKEN_PREFIX = 'sls_'

/** What an access token may do in the whole home. */
export const HOME_SCOPES = ['unlocks:read', 'people:read', 'metrics:read'] as const

/** What an access token may do at one lock, whose label follows: `locks:operate:front-door`. */
export const LOCK_SCOPES = ['unlocks:write', 'locks:operate'] as const
export type LockScope = (typeof LOCK_SCOPES)[number]

export type Scope = (typeof HOME_SCOPES)[number] | LockScope

export const isLockScope = (scope: Scope): scope is LockScope =>
  (LOCK_SCOPES as readonly string[]).includes(scope)

/** The access token that a request is made with. */
export type CallerToken = {
  readonly id: string
  readonly name: string
  /** A scope for one lock ends with its label. */
  readonly scopes: readonly string[]
}

/** Returns the labels of the locks that a token has a scope for. */
export const locksOf = ({ scopes }: Pick<CallerToken, 'scopes'>, scope: LockScope): string[] =>
  scopes.flatMap((given) => (given.startsWith(`${scope}:`) ? given.slice(scope.length + 1) : []))
