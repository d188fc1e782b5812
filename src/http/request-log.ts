import { Elysia } from 'elysia'
import type { Caller } from './access.ts'
import type { Log } from './log.ts'

/** Writes one record a request: the route as it was declared, never the path, query, headers or
 * body as they were sent, since any of them may hold a secret. */
export const requestLog = (log: Log) => {
  const plugin = new Elysia({ name: 'request-log' })
  // What a request's record costs is saved where the level would drop it anyway.
  if (!log.isLevelEnabled('info')) return plugin
  const startedAt = new WeakMap<Request, number>()
  return plugin
    .onRequest(({ request }) => {
      startedAt.set(request, performance.now())
    })
    .onAfterResponse({ as: 'global' }, (context) => {
      const { request, route, set, response } = context
      const { caller } = context as { caller?: Caller }
      log.info(
        {
          request_id: set.headers['x-request-id'],
          method: METHODS.has(request.method) ? request.method : 'other',
          route,
          status: response instanceof Response ? response.status : set.status,
          duration_ms: Number((performance.now() - (startedAt.get(request) ?? 0)).toFixed(2)),
          client: caller?.address,
          account: caller?.account?.publicId,
        },
        'request',
      )
    })
}

const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])
