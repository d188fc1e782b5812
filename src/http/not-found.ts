import { Memoirist } from 'memoirist'
import type { Route } from './endpoint.ts'
import { HttpError } from './errors.ts'
import { isDecodable } from './request/path.ts'
import type { Router } from './router.ts'

/** Answers what no other route answers: 405 with `Allow` at the path of one, 404 elsewhere, counted
 * against the default limits. Throws if a route does not declare who may call it. Elysia itself
 * answers only 404, and the request for 405 was closed
 * (https://github.com/elysiajs/elysia/issues/682). */
export const notFoundRoutes = (router: Pick<Router, 'fallback'>, routes: readonly Route[]) => {
  const methods = new Map<string, Set<string>>()
  for (const { method, path, hooks } of routes) {
    // Those of cross-origin.ts, which answers preflights before any route.
    if (method === 'OPTIONS') continue
    if (!hooks.detail?.hide && !hooks.detail?.['x-access'])
      throw new Error(`${method} ${path} does not declare who may call it`)
    const known = methods.get(path) ?? new Set()
    methods.set(path, known.add(method))
    if (method === 'GET') known.add('HEAD')
  }
  let allowed: Memoirist<string> | undefined
  return router.fallback().all(
    '/*',
    ({ path }) => {
      allowed ??= allowedAt(methods)
      const match = allowed.find('', path)
      if (match && isDecodable(path))
        throw new HttpError(405, 'Method not allowed', { Allow: match.store })
      throw new HttpError(404, 'Not found')
    },
    { parse: 'none', detail: { hide: true } },
  )
}

/** Returns the value of `Allow` for every path that matches one of these. */
const allowedAt = (methods: ReadonlyMap<string, ReadonlySet<string>>): Memoirist<string> => {
  const allowed = new Memoirist<string>()
  for (const [path, known] of methods) allowed.add('', path, [...known].toSorted().join(', '))
  return allowed
}
