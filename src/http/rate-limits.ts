import { Elysia } from 'elysia'
import { type Context as Counter, rateLimit } from 'elysia-rate-limit'
import type { RateWindow } from '../config/parsers.ts'
import { isNewcomer } from '../domain/account.ts'
import type { OpenWindows, Windows } from '../domain/limits/windows.ts'
import type { Caller } from './authorization.ts'
import { CLOSING } from './errors.ts'
import { helpLink } from './help-links.ts'
import { clientKey } from './request/client-address.ts'

/** Returns a plugin that counts requests against all windows of a group. All plugins of a group share
 * its counters. `counts` selects the requests that count; `countsAs` says whom they count against,
 * or undefined for whom the group does. */
export type Limits = (counts?: (request: Request) => boolean, countsAs?: CountsAs) => Elysia

/** Returns whom a request counts against; undefined if it does not count. */
export type KeyOf = (caller: Caller, request: Request) => string | undefined

export type CountsAs = (
  caller: Caller,
  request: Request,
) => ReturnType<KeyOf> | Promise<ReturnType<KeyOf>>

type Options = {
  /** The name of the group. */
  readonly name: string
  readonly keyOf: KeyOf
  readonly openWindows: OpenWindows
  /** Called for each request over a window. */
  readonly onRefusal?: () => void
}

/** Counts the requests of each window by the key of the caller; failed requests count too. */
export const rateLimits = (
  windows: readonly RateWindow[],
  { name, keyOf, openWindows, onRefusal = () => {} }: Options,
): Limits => {
  const counted = windows.map((window) => {
    const context = windowCounter(openWindows(`${name} ${window.windowMs}`))
    const increment: Counter['increment'] = async (...given) => {
      const counting = await context.increment(...given)
      if (counting.count > window.max) onRefusal()
      return counting
    }
    return { ...window, context: { ...context, increment } }
  })
  return (counts = () => true, countsAs?: CountsAs) => {
    const plugin = new Elysia()
    const provenOr = async (caller: Caller, request: Request): Promise<string> =>
      (await countsAs?.(caller, request)) ?? keyOf(caller, request) ?? ''
    for (const { max, windowMs, context } of counted)
      plugin.use(
        rateLimit({
          scoping: 'scoped',
          // Functions, because the plugin distinguishes its uses by these numbers only, and Elysia treats
          // two with equal numbers as one (https://github.com/rayriffy/elysia-rate-limit/issues/49 is
          // about more than one limit; equal ones are not reported as of 2026-11).
          max: () => max,
          duration: () => windowMs,
          context,
          countFailedRequest: true,
          generator: (request, _server, { caller }: { caller: Caller }) =>
            countsAs ? provenOr(caller, request) : (keyOf(caller, request) ?? ''),
          skip: (request, key) => key === '' || !counts(request),
          errorResponse: Response.json(
            { error: 'ratelimit exceeded' },
            { status: 429, headers: { ...helpLink('too_many_requests'), ...CLOSING } },
          ),
        }),
      )
    return plugin.as('scoped')
  }
}

/** Counts by client, logged in or not: a token must not give its bearer more attempts at logging in. */
export const byClient = ({ address }: Caller): string => `client:${clientKey(address)}`

/** Counts a client without an account. The unlocks of an account are counted once the body is read; see
 * unlocks/quota. */
export const byStranger = (caller: Caller): string | undefined =>
  caller.account ? undefined : byClient(caller)

/** Counts clients whose account nobody has let in yet. */
export const byNewcomer = (caller: Caller): string | undefined =>
  isNewcomer(caller.account) ? byClient(caller) : undefined

/** Counts by account if the caller has one, since a family shares an address. Its access tokens count apart, so that
 * a script does not use up the limit of its maker; but together, since anyone may make as many as they like. */
export const byAccount = (caller: Caller): string => {
  if (!caller.account) return byClient(caller)
  return `${caller.token ? 'tokens' : 'account'}:${caller.account.publicId}`
}

/** Counts an admitted account by itself, at each of its clients: neither who shares its address nor who
 * stole its token must use up its limit. A newcomer may have any number of accounts, and counts by
 * client. */
export const byMember = (caller: Caller): string =>
  isNewcomer(caller.account) ? byClient(caller) : `${byAccount(caller)} ${byClient(caller)}`

/** Adapts the counts of a limit to the plugin. */
export const windowCounter = ({ nowMs, find, add, takeBack, forget }: Windows): Counter => ({
  init: () => {},
  increment: (key, durationMs = 0) => {
    const { count, endMs } = add(key, 1, durationMs)
    const remainingMs = Math.max(endMs - nowMs(), 1)
    return {
      count,
      nextReset: new Date(Date.now() + remainingMs),
      start: Date.now() + remainingMs - durationMs,
    }
  },
  decrement: (key) => {
    const window = find(key)
    if (window) takeBack(key, window, 1)
  },
  reset: forget,
  kill: () => forget(),
})
