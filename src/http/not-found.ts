import { Memoirist } from 'memoirist'
import type { Endpoints } from './router.ts'
import { HttpError } from './errors.ts'
import { HIDDEN, type Route } from './endpoint.ts'

/** Answers what none of these routes answers: 405 with `Allow` at their paths, 404 elsewhere, counted
 * against the default limits. Throws if a route does not declare who may call it. Elysia itself
 * answers only 404, and the request for 405 was closed
 * (https://github.com/elysiajs/elysia/issues/682). */
export const notFoundRoutes = (endpoints: Endpoints, routes: readonly Route[]) => {
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
  return endpoints.group('default').all(
    '/*',
    ({ path }) => {
      allowed ??= allowedAt(methods)
      const found = allowed.find('', path)
      if (found) throw new HttpError(405, 'Method not allowed', { Allow: found.store })
      throw new HttpError(404, 'Not found')
    },
    HIDDEN,
  )
}

/** Gives the value of `Allow` for any path that fits one of these. */
const allowedAt = (methods: ReadonlyMap<string, ReadonlySet<string>>): Memoirist<string> => {
  const allowed = new Memoirist<string>()
  for (const [path, known] of methods) allowed.add('', path, [...known].toSorted().join(', '))
  return allowed
}
