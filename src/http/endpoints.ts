import { Elysia } from 'elysia'
import type { Cidr, RateWindow } from '../config.ts'
import type { Caller, SignedIn } from './access.ts'
import { credentials } from './access.ts'
import { clientAddress, isLoopback } from './client-address.ts'
import { type Limits, byAccount, byClient, rateLimits } from './rate-limits.ts'

type Options = {
  readonly trustedProxies: readonly Cidr[]
  readonly limits: Readonly<Record<LimitGroup, readonly RateWindow[]>>
  /** Gives the account of a good access token. */
  readonly authenticate: (token: string) => Promise<SignedIn | undefined>
  /** Told of each request over a limit. */
  readonly seenRefusal: (group: LimitGroup) => void
}

export type LimitGroup = 'auth' | 'unlock' | 'default'

export type Endpoints = ReturnType<typeof endpointsOf>

/** Gives what every route file starts from: an Elysia instance that knows the caller, then counts
 * the request against the limits of its group. The route's own guard runs after both. */
export const endpointsOf = (options: Options) => {
  const { trustedProxies, limits, authenticate, seenRefusal } = options
  const callers = new Elysia({ name: 'callers' }).resolve(
    { as: 'scoped' },
    async ({ request, server, set }) => {
      const token = credentials(request, 'Bearer')
      const signedIn = token ? await authenticate(token) : undefined
      const caller: Caller = {
        ...origin(request, server?.requestIP(request)?.address ?? '', trustedProxies),
        requestId: set.headers['x-request-id'],
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
    default: limitsOf('default', byClient),
  }
  return {
    /** Gives the account of a good access token, for an answer that outlives its request. */
    authenticate,
    group: (name: LimitGroup) => new Elysia().use(callers).use(groups[name]()),
    /** Limits of `auth` for those requests of another group that carry a password. */
    passwordLimits: () => groups.auth((request) => credentials(request, 'Basic') !== undefined),
  }
}

const origin = (request: Request, peer: string, trustedProxies: readonly Cidr[]) => {
  const forwardedFor = request.headers.get('x-forwarded-for')
  const address = clientAddress({ peer, forwardedFor, trustedProxies })
  const isForwarded = FORWARDING_HEADERS.some((name) => request.headers.has(name))
  const isLocal = isLoopback(address) && !isForwarded && LOCAL_HOST.test(hostOf(request))
  return { address, device: deviceOf(request), isLocal }
}

const DEVICE_CHARACTERS_MAX = 200

const deviceOf = (request: Request): string =>
  (request.headers.get('user-agent') ?? '')
    .replaceAll(/\p{Cc}/gu, ' ')
    .slice(0, DEVICE_CHARACTERS_MAX)
    .toWellFormed()

/** A proxy on this machine that nobody trusted must not make the whole world local. */
const FORWARDING_HEADERS = ['x-forwarded-for', 'forwarded', 'x-real-ip', 'via']

/** A foreign page can point its own name at this machine (DNS rebinding), but not these. */
const LOCAL_HOST = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/

/** Empty for a Host that is none: HTTP/1.0 need not send one. */
const hostOf = (request: Request): string => URL.parse(request.url)?.hostname ?? ''
