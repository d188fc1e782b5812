import { Elysia } from 'elysia'
import { type Context as Counter, rateLimit } from 'elysia-rate-limit'
import type { RateWindow } from '../config/parsers.ts'
import { BoundedMap } from '../domain/bounded-map.ts'
import type { Caller } from './authorization.ts'
import { clientKey } from './request/client-address.ts'

/** Makes the plugin that counts requests against all windows of a group; each use of it shares the
 * group's counters. `counts` picks the requests that count. */
export type Limits = (counts?: (request: Request) => boolean) => Elysia

/** Callers remembered per window; beyond it the one whose window began first is forgotten. */
const KEYS_MAX = 50_000

type Options = {
  readonly keyOf: (caller: Caller) => string
  /** Told of each request over a window. */
  readonly refused?: () => void
}

/** Counts each window for whom `keyOf` names; failed requests count too. */
export const rateLimits = (
  windows: readonly RateWindow[],
  { keyOf, refused = () => {} }: Options,
): Limits => {
  const counted = windows.map((window) => {
    const context = windowCounter()
    const increment: Counter['increment'] = async (...given) => {
      const counting = await context.increment(...given)
      if (counting.count > window.max) refused()
      return counting
    }
    return { ...window, context: { ...context, increment } }
  })
  return (counts = () => true) => {
    const plugin = new Elysia()
    for (const { max, windowMs, context } of counted)
      plugin.use(
        rateLimit({
          scoping: 'scoped',
          // Functions, because the plugin tells its uses apart by these numbers alone, and Elysia takes
          // two with equal numbers for one (https://github.com/rayriffy/elysia-rate-limit/issues/49 is
          // about more than one limit; equal ones are not reported as of 2026-11).
          max: () => max,
          duration: () => windowMs,
          context,
          countFailedRequest: true,
          generator: (_request, _server, { caller }: { caller: Caller }) => keyOf(caller),
          skip: (request) => !counts(request),
          errorResponse: Response.json({ error: 'ratelimit exceeded' }, { status: 429 }),
        }),
      )
    return plugin.as('scoped')
  }
}

/** Counts by client, whoever has signed in: a token must not buy a guesser fresh attempts. */
export const byClient = ({ address }: Caller): string => `client:${clientKey(address)}`

/** Counts by account where the caller has one, since a family shares an address. */
export const byAccount = (caller: Caller): string =>
  caller.account ? `account:${caller.account.publicId}` : byClient(caller)

type Window = { count: number; readonly startMs: number; readonly endMs: number }

/** A fixed-window counter on the monotonic clock, so that no jump of the clock makes a limit stick,
 * and bounded, so that no number of callers grows the process. */
export const windowCounter = (now: () => number = () => performance.now()): Counter => {
  const windows = new BoundedMap<string, Window>(KEYS_MAX)
  const current = (key: string, durationMs: number): Window => {
    const known = windows.get(key)
    if (known && now() < known.endMs) return known
    const fresh = { count: 0, startMs: now(), endMs: now() + durationMs }
    windows.set(key, fresh)
    return fresh
  }
  return {
    init: () => {},
    increment: (key, durationMs = 0) => {
      const window = current(key, durationMs)
      window.count += 1
      const leftMs = Math.max(window.endMs - now(), 1)
      return {
        count: window.count,
        nextReset: new Date(Date.now() + leftMs),
        start: Date.now() + leftMs - durationMs,
      }
    },
    decrement: (key) => {
      const window = windows.get(key)
      if (window) window.count -= 1
    },
    reset: (key) => (key === undefined ? windows.clear() : void windows.delete(key)),
    kill: () => windows.clear(),
  }
}
