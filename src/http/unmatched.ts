import type { AnyElysia } from 'elysia'
import type { Endpoints } from './endpoints.ts'
import { HttpError } from './errors.ts'
import { HIDDEN } from './operation.ts'

/** Answers what no route of `app` answers: 405 with `Allow` at its paths, 404 elsewhere, counted
 * against the default limits. Throws where a route does not declare who may call it. */
export const unmatchedRoutes = (endpoints: Endpoints, app: AnyElysia) => {
  const methods = new Map<string, Set<string>>()
  for (const { method, path, hooks } of app.routes) {
    // Those of cross-origin.ts, which answers preflights before any route.
    if (method === 'OPTIONS') continue
    const detail = (hooks as { detail?: Record<string, unknown> }).detail
    if (!detail?.['x-access'] && !detail?.['hide'])
      throw new Error(`${method} ${path} does not declare who may call it`)
    const known = methods.get(path) ?? new Set()
    methods.set(path, known.add(method))
    if (method === 'GET') known.add('HEAD')
  }
  const unmatched = endpoints.group('default')
  for (const [path, known] of methods) {
    const allow = [...known].toSorted().join(', ')
    unmatched.all(
      path,
      () => {
        throw new HttpError(405, 'Method not allowed', { Allow: allow })
      },
      HIDDEN,
    )
  }
  return unmatched.all(
    '/*',
    () => {
      throw new HttpError(404, 'Not found')
    },
    HIDDEN,
  )
}
