import { type AnyElysia, Elysia } from 'elysia'
import type { Config } from '../config/config.ts'
import type { RateWindow } from '../config/parsers.ts'
import { MINUTE_MS } from '../domain/duration.ts'
import { type OpenWindows, openLocalWindows } from '../domain/limits/windows.ts'
import {
  type AuthenticateRequest,
  type Caller,
  type StillHolds,
  credentials,
  hasOwnGuard,
  requireRole,
  requireScope,
} from './authorization.ts'
import type { Context, Endpoint, LimitBase, RouteDetail } from './endpoint.ts'
import type { DirectRoute } from './direct-routes.ts'
import { HttpError } from './errors.ts'
import type { DiskSpace } from '../storage/disk-space.ts'
import { type HeavyReads, heavyReads } from './heavy-reads.ts'
import { documentOf } from './openapi/operation.ts'
import {
  type ReadBody,
  bodyReader,
  isBodyWithin,
  isObjectSchema,
  tooLarge,
} from './request/json-body.ts'
import { callers as identification } from './request/caller.ts'
import { oncePerRequest } from './request/once-per-request.ts'
import { proofOf } from './request/proof.ts'
import { isDecodable } from './request/path.ts'
import { type InTime, answersInTime } from './connection/in-time.ts'
import { readQuery } from './request/query.ts'
import type { PageSources } from './request/page-source.ts'
import {
  type CountsAs,
  type KeyOf,
  type Limits,
  byAccount,
  byClient,
  byMember,
  byNewcomer,
  byStranger,
  rateLimits,
} from './rate-limits.ts'

type Options = Parameters<typeof identification>[0] & {
  readonly pages: Pick<PageSources, 'of'>
  readonly limits: Readonly<Record<CountedGroup, readonly RateWindow[]>>
  readonly openWindows: OpenWindows
  readonly bodyBytesMax: number
  readonly authenticateRequest: AuthenticateRequest
  readonly stillHolds: StillHolds
  /** Called for each request with an access token that has the endpoint's scope. */
  readonly onTokenUse: (caller: Caller) => void
  /** Called after each request over a limit. */
  readonly onRefusal: (group: CountedGroup) => void
  readonly connections: { readonly end: (request: Request) => void }
  readonly disk: Pick<DiskSpace, 'requireRoomFor'>
  /** For a database on a server: see `answersInTime`. */
  readonly isDatabaseLate?: ((sinceMs: number) => boolean) | undefined
}

/** A change also counts against `newcomers` until somebody has let the account in. */
type CountedGroup = 'auth' | 'basic' | 'codes' | 'unlock' | 'changes' | 'newcomers' | 'default'

export type Router = ReturnType<typeof router>

/** Mounts endpoints. Each request is first identified, then counted against its limits, then
 * checked by the guard of its endpoint, and only then is its body read, unless the body says whom it
 * counts against. */
export const router = (options: Options) => {
  const { pages, limits, onRefusal, connections, isDatabaseLate } = options
  const readBody = bodyReader(options.bodyBytesMax)
  const readOnce: ReadBody = oncePerRequest(readBody)
  const reads = heavyReads(options)
  // Once a request, whether it is answered directly or by Elysia.
  const authenticate = oncePerRequest(options.authenticateRequest)
  const inTime = isDatabaseLate && answersInTime({ isLate: isDatabaseLate })
  const authenticateRequest: typeof authenticate = inTime
    ? (request) => {
        inTime.arrive(request)
        return authenticate(request)
      }
    : authenticate
  const { begin, callerOf } = identification(options)

  const callers = new Elysia({ name: 'callers' })
    .onAfterResponse({ as: 'scoped' }, ({ request }) => {
      connections.end(request)
    })
    .resolve({ as: 'scoped' }, async ({ request, server, set: { headers } }) => {
      const arrived = { request, socket: server?.requestIP(request) ?? null, headers }
      begin(arrived)
      return { caller: await callerOf(arrived, await authenticateRequest(request)) }
    })
  const limitsOf = (
    group: CountedGroup,
    keyOf: KeyOf,
    openWindows: OpenWindows = options.openWindows,
  ): Limits =>
    rateLimits(limits[group], {
      name: group,
      keyOf,
      openWindows,
      onRefusal: () => onRefusal(group),
    })
  /** Links in a page of another site count apart, or that page could use up a client's limit. */
  const byMemberOrLink: KeyOf = (caller, request) =>
    pages.of(request) === 'foreign' ? `link:${byMember(caller)}` : byMember(caller)
  const counted = {
    auth: limitsOf('auth', byClient),
    // Apart, or any page could keep a client from logging in.
    basic: limitsOf('basic', byClient),
    codes: limitsOf('codes', byClient),
    unlock: limitsOf('unlock', byStranger),
    changes: limitsOf('changes', byAccount),
    newcomers: limitsOf('newcomers', byNewcomer),
    // Each replica counts these alone: they cost only itself.
    health: limitsOf('default', byMemberOrLink, openLocalWindows),
    pages: limitsOf('default', byMemberOrLink, openLocalWindows),
    default: limitsOf('default', byMemberOrLink),
  } satisfies Record<CountedGroup | LimitBase, Limits>
  const callersWithin = (base: LimitBase, countsAs?: CountsAs) =>
    new Elysia().use(callers).use(counted[base](undefined, countsAs)).as('scoped')
  // Each is created once, since that takes a noticeable part of a start.
  const shared = {
    auth: callersWithin('auth'),
    /** Whoever confirms a change by their own password can try no other account's. */
    confirm: callersWithin('auth', byMember),
    codes: callersWithin('codes'),
    unlock: callersWithin('unlock'),
    health: callersWithin('health'),
    pages: callersWithin('pages'),
    default: callersWithin('default'),
  }
  /** An Elysia instance whose routes count against the limits of an endpoint. */
  const within = (one: Endpoint): AnyElysia => {
    const [base, ...further] = one.limits
    const routes: AnyElysia = new Elysia().use(
      one.hooks.countsAs ? callersWithin(base, proofOf(one, readOnce)) : shared[baseOf(one)],
    )
    if (further.includes('changes')) routes.use(counted.newcomers()).use(counted.changes())
    if (further.includes('basic')) routes.use(counted.basic(hasPassword))
    return routes
  }

  return {
    /** Adds endpoints to an application, grouped by their limits. */
    mount: (application: AnyElysia, endpoints: readonly Endpoint[]): void => {
      for (const group of Map.groupBy(endpoints, groupOf).values()) {
        let routes: AnyElysia | undefined
        for (const one of group) {
          const handling = { readBody: one.hooks.countsAs ? readOnce : readBody, reads, inTime }
          // Elysia cannot know what `callers` adds to the context of every route.
          const handler = handlerOf(one, handling) as unknown as () => unknown
          routes ??= within(one)
          routes.route(one.method, one.path, handler, routeHooks(one, options))
        }
        // Added to the application itself, because each plugin in between would prepare every route once more.
        if (routes) application.use(routes)
      }
    },

    /** Returns an endpoint as a direct route, for signed-in callers, whom its limits do not count. */
    direct: (one: Endpoint): DirectRoute => ({
      method: one.method,
      path: one.path,
      authenticateRequest,
      begin,
      callerOf,
      checks: checksOf(one, options),
      handle: handlerOf(one, { readBody, reads, inTime }),
      end: connections.end,
    }),

    /** Routes whose requests count against the default limits, for what answers any path. */
    fallback: (): AnyElysia => new Elysia().use(shared.default),
  }
}

/** Endpoints with a common key count against the same limits in the same way. */
const groupOf = (one: Endpoint): unknown =>
  one.hooks.countsAs ? one : [baseOf(one), ...one.limits].join()

const baseOf = ({ limits: [base], access }: Endpoint) =>
  base === 'auth' && access !== 'public' ? 'confirm' : base

const hasPassword = (request: Request): boolean => credentials(request, 'Basic') !== undefined

type Given = Omit<Context, 'account' | 'query' | 'body' | 'signal'>

type Handling = {
  readonly readBody: ReadBody
  readonly reads: HeavyReads
  readonly inTime: InTime | undefined
}

/** Names its parameters, because Elysia prepares only what a handler's source mentions. */
const handlerOf = (route: Endpoint, { readBody, ...handling }: Handling) => {
  const { query, body } = route
  const { onInvalidBody } = route.hooks
  const valid = <Body>(reading: Promise<Body>, incoming: Incoming): Promise<Body> =>
    onInvalidBody
      ? reading.catch(async (error: unknown) => {
          await onInvalidBody(incoming)
          throw error
        })
      : reading
  if (!query && !body)
    return ({ request, caller, params, set, server }: Given) => {
      const without = { query: undefined, body: undefined }
      return answered(route, handling, { request, caller, params, set, server, ...without })
    }
  return async ({ request, caller, params, set, server }: Given) => {
    const given = query && readQuery(request, query)
    const read = isObjectSchema(body)
      ? await valid(readBody(request, body), { request, caller })
      : undefined
    return answered(route, handling, {
      request,
      caller,
      params,
      set,
      server,
      query: given,
      body: read,
    })
  }
}

const answered = (
  route: Endpoint,
  { reads, inTime }: Omit<Handling, 'readBody'>,
  given: Omit<Context, 'account' | 'signal'>,
): unknown =>
  inTime && !route.waits
    ? inTime.answer(given.request, () => handled(route, reads, given))
    : handled(route, reads, given)

const handled = (
  { handle, isHeavy }: Endpoint,
  reads: HeavyReads,
  given: Omit<Context, 'account' | 'signal'>,
): unknown => {
  const { request, caller } = given
  const { account } = caller
  if (isHeavy?.(given.query))
    return reads.run({ request, caller }, (signal) => handle({ ...given, account, signal }))
  return handle({
    ...given,
    account,
    get signal() {
      return request.signal
    },
  })
}

const requireDecoded = ({ request: { url } }: Pick<Given, 'request'>): void => {
  if (url.includes('%') && !isDecodable(new URL(url).pathname))
    throw new HttpError(404, 'Not found')
}

const routeHooks = (one: Endpoint, options: Checking): object => {
  const { access, description } = one
  const detail: RouteDetail = description
    ? { 'x-access': access, 'x-document': documentOf(description) }
    : { hide: true }
  return { parse: 'none' as const, beforeHandle: checksOf(one, options), detail }
}

type Checking = Pick<Options, 'disk' | 'bodyBytesMax' | 'onTokenUse'>

/** Returns the checks before the handler of a request; see `Hooks` in endpoint.ts. */
const checksOf = (
  one: Endpoint,
  { disk, bodyBytesMax, onTokenUse }: Checking,
): readonly Check[] => {
  const { path, access, hooks } = one
  const size = { bytesMax: one.bodyBytesMax ?? bodyBytesMax, isRead: one.body !== undefined }
  const { onAnonymous, guard, onInvalidBody } = hooks
  const isWrite = one.method !== 'GET' || one.limits.includes('changes')
  return [
    ({ request, caller }: Incoming) => {
      if (isBodyWithin(request, size)) return
      // Not awaited: while it waits for its turn, the body would fill the memory.
      void onInvalidBody?.({ request, caller }).catch(() => {})
      throw tooLarge()
    },
    ...(/[:*]/.test(path) ? [requireDecoded] : []),
    ...(access === 'public'
      ? []
      : [
          ({ caller, params }: Incoming & Pick<Given, 'params'>) => {
            if (!caller.token) return
            requireScope(
              caller.token,
              one.scope,
              (params as { readonly label?: string } | undefined)?.label,
            )
            onTokenUse(caller)
          },
        ]),
    ...(onAnonymous
      ? [
          async ({ request, caller }: Incoming) => {
            if (!caller.account) await onAnonymous({ request, caller })
          },
        ]
      : []),
    ...(hasOwnGuard(access) ? [] : [({ caller }: Incoming) => requireRole(caller, access)]),
    ...(isWrite && !one.checksDisk
      ? [({ caller }: Incoming) => disk.requireRoomFor(caller.account)]
      : []),
    ...(guard
      ? [
          async (context: Guarded) => {
            const { request, caller } = context
            const account = await guard({ request, caller })
            if (account) context.caller = { ...caller, account }
          },
        ]
      : []),
  ]
}

type Check = (context: Guarded & Pick<Given, 'params'>) => void | Promise<void>

type Incoming = { readonly request: Request; readonly caller: Caller }
type Guarded = { readonly request: Request; caller: Caller }

/** Picks the limits of the settings. */
export const limitsFrom = (config: LimitSettings): Options['limits'] => ({
  auth: config.rateLimitAuth,
  basic: config.rateLimitAuth,
  codes: config.rateLimitAuth.length === 0 ? [] : CODES,
  unlock: config.rateLimitUnlock,
  changes: config.rateLimitChanges,
  newcomers: config.rateLimitChanges.length === 0 ? [] : config.rateLimitNewcomers,
  default: config.rateLimitDefault,
})

/** Codes have 128 bits or more, so guessing is hopeless at any rate. */
const CODES: readonly RateWindow[] = [{ max: 10, windowMs: MINUTE_MS }]

type LimitSettings = Pick<
  Config,
  | 'rateLimitAuth'
  | 'rateLimitUnlock'
  | 'rateLimitChanges'
  | 'rateLimitNewcomers'
  | 'rateLimitDefault'
>
