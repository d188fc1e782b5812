import { Elysia } from 'elysia'
import type { Cidr, RateWindow } from '../config.ts'
import type { Caller, Origin, SignedIn } from './access.ts'
import { credentials } from './access.ts'
import { clientAddress, isLoopback, isTrustedPeer } from './client-address.ts'
import type { SessionCookies } from './session-cookie.ts'
import { type Limits, byAccount, byClient, rateLimits } from './rate-limits.ts'

type Options = {
  readonly trustedProxies: readonly Cidr[]
  /** Told of each request that claims to be forwarded, by a peer that is no trusted proxy. */
  readonly recordForwarded: (peer: Origin) => Promise<void>
  readonly limits: Readonly<Record<LimitGroup, readonly RateWindow[]>>
  readonly cookies: Pick<SessionCookies, 'read'>
  /** Gives the account of a good access token. */
  readonly authenticate: (token: string) => Promise<Authenticated | undefined>
  /** Told of each request over a limit. */
  readonly seenRefusal: (group: LimitGroup) => void
}

/** Who is signed in, and until when the token says so. */
type Authenticated = SignedIn & { readonly expiresAtMs: number }

export type LimitGroup = 'auth' | 'unlock' | 'changes' | 'default'

export type Endpoints = ReturnType<typeof router>

/** Gives what every route file starts from: an Elysia instance that knows the caller, then counts
 * the request against the limits of its group. The route's own guard runs after both. */
export const router = (options: Options) => {
  const { trustedProxies, limits, cookies, authenticate, recordForwarded, seenRefusal } = options
  /** A Bearer token counts before a cookie, also where it is not good. */
  const authenticateRequest = async (request: Request): Promise<Authenticated | undefined> => {
    const token = credentials(request, 'Bearer') ?? cookies.read(request, 'access')
    return token ? authenticate(token) : undefined
  }
  const callers = new Elysia({ name: 'callers' }).resolve(
    { as: 'scoped' },
    async ({ request, server, set }) => {
      const signedIn = await authenticateRequest(request)
      const peer = server?.requestIP(request)?.address ?? ''
      const requestId = set.headers['x-request-id']
      const { isForwarded, ...where } = origin(request, peer, trustedProxies)
      if (isForwarded && !isTrustedPeer(peer, trustedProxies))
        await recordForwarded({ ...where, address: peer, requestId })
      const caller: Caller = {
        ...where,
        requestId,
        account: signedIn?.account,
        sessionId: signedIn?.sessionId,
      }
      return { caller }
    },
  )
  const limitsOf = (group: LimitGroup, keyOf: (caller: Caller) => string): Limits =>
    rateLimits(limits[group], { keyOf, refused: () => seenRefusal(group) })
  const groups: Record<LimitGroup, Limits> = {
    auth: limitsOf('auth', byClient),
    unlock: limitsOf('unlock', byAccount),
    changes: limitsOf('changes', byAccount),
    default: limitsOf('default', byClient),
  }
  const callersWithin = (name: LimitGroup) =>
    new Elysia().use(callers).use(groups[name]()).as('scoped')
  // Each made once, whatever the number of route files: it is some of the time that a start takes.
  const shared = {
    auth: callersWithin('auth'),
    unlock: callersWithin('unlock'),
    default: callersWithin('default'),
  }
  return {
    /** Gives whom a request speaks for, asked again by an answer that outlives its beginning. */
    authenticateRequest,
    group: (name: Exclude<LimitGroup, 'changes'>) => new Elysia().use(shared[name]),
    /** Further limits of the routes that follow, which leave a record in the audit trail. */
    changeLimits: () => groups.changes(),
    /** Limits of `auth` for those requests of another group that carry a password. */
    passwordLimits: () => groups.auth((request) => credentials(request, 'Basic') !== undefined),
  }
}

const origin = (request: Request, peer: string, trustedProxies: readonly Cidr[]) => {
  const forwardedFor = request.headers.get('x-forwarded-for')
  const address = clientAddress({ peer, forwardedFor, trustedProxies })
  const isForwarded = FORWARDING_HEADERS.some((name) => request.headers.has(name))
  const isLocal = isLoopback(address) && !isForwarded && LOCAL_HOST.test(hostOf(request))
  return { address, userAgent: userAgentOf(request), isLocal, isForwarded }
}

const USER_AGENT_CHARACTERS_MAX = 200

const userAgentOf = (request: Request): string =>
  (request.headers.get('user-agent') ?? '')
    .replaceAll(/\p{Cc}/gu, ' ')
    .slice(0, USER_AGENT_CHARACTERS_MAX)
    .toWellFormed()

/** A proxy on this machine that nobody trusted must not make the whole world local. */
const FORWARDING_HEADERS = ['x-forwarded-for', 'forwarded', 'x-real-ip', 'via']

/** A foreign page can point its own name at this machine (DNS rebinding), but not these. */
const LOCAL_HOST = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/

/** Empty for a Host that is none: HTTP/1.0 need not send one. */
const hostOf = (request: Request): string => URL.parse(request.url)?.hostname ?? ''
