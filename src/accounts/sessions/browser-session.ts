import type { Static } from '@sinclair/typebox'
import { problem } from '../../http/answers.ts'
import type { Context } from '../../http/endpoint.ts'
import { roleError } from '../../http/errors.ts'
import type { SessionCookies } from '../../http/request/session-cookie.ts'
import { CookieAnswer } from './schema.ts'
import type { Tokens } from './service.ts'

export type BrowserSessions = ReturnType<typeof browserSessions>

type Dependencies = {
  readonly cookies: Pick<SessionCookies, 'isSameOrigin' | 'write'>
  readonly tokenLifetimeMs: number
  /** How long a browser keeps the refresh token, and its device cookie. */
  readonly sessionIdleMs: number
  readonly deviceMs: number
}

/** Sessions of browsers: the same as those of apps, with the tokens in cookies that no script can
 * read. */
export const browserSessions = (deps: Dependencies) => {
  const { cookies, tokenLifetimeMs, sessionIdleMs, deviceMs } = deps
  return {
    /** Throws 403 unless the request comes from a page of this origin. */
    requireSameOrigin: (request: Request): void => {
      if (!cookies.isSameOrigin(request)) throw roleError(FOREIGN, 'foreign_origin')
    },

    /** Stores tokens in the browser, and a device cookie if there is one; returns the body of the
     * answer. */
    store: (
      { request, set }: Pick<Context, 'request' | 'set'>,
      { accessToken, refreshToken, deviceToken }: Tokens & { readonly deviceToken?: string },
    ): Static<typeof CookieAnswer> => {
      const device = deviceToken && { value: deviceToken, seconds: secondsOf(deviceMs) }
      set.headers['set-cookie'] = cookies.write(request, {
        access: { value: accessToken, seconds: secondsOf(tokenLifetimeMs) },
        refresh: { value: refreshToken, seconds: secondsOf(sessionIdleMs) },
        ...(device && { device }),
      })
      return { state: 'signed_in', expires_in: secondsOf(tokenLifetimeMs) }
    },
  }
}

/** Whole seconds, never below zero. */
export const secondsOf = (ms: number): number => Math.max(Math.floor(ms / 1000), 0)

const FOREIGN =
  'Only a page of this gateway may do this; behind a proxy, set PUBLIC_URL to the address of the page'

/** The documented answers of an endpoint that stores a session in a browser. */
export const FOREIGN_ANSWER = problem(403, 'foreign_origin', FOREIGN)
export const COOKIE_ANSWER = {
  description: 'Logged in; the tokens are in cookies',
  schema: CookieAnswer,
  example: { state: 'signed_in', expires_in: 1800 },
}
