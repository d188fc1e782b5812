import { Elysia } from 'elysia'
import type { Caller } from '../authorization.ts'
import type { Logger } from './logger.ts'

type Dependencies = {
  readonly logger: Logger
  /** Told of each request, whatever the log's level. */
  readonly seen: (request: SeenRequest) => void
}

type SeenRequest = {
  readonly method: Method
  /** As it was declared, or `unmatched`: never what a caller made up. */
  readonly route: string
  readonly status: number
  /** Until the answer, of a stream until its beginning. */
  readonly durationMs: number
}

/** Writes one record a request: the route as it was declared, never the path, query, headers or
 * body as they were sent, since any of them may hold a secret. */
export const requestLog = ({ logger, seen }: Dependencies) =>
  new Elysia({ name: 'request-log' })
    .onRequest((context) => {
      // Member by member: if the context is handed on whole, Elysia guesses from the source that all of
      // a request is needed, and parses cookies too; https://github.com/elysiajs/elysia/issues/2004 is
      // about the same guess.
      const begun = context as unknown as Begun
      begun.startedAtMs = performance.now()
      begun.method = context.request.method
    })
    .onAfterResponse({ as: 'global' }, (context) => {
      const { route, set, response } = context
      const { caller, startedAtMs, method: asked } = context as unknown as Begun
      const method = METHODS.get(asked) ?? 'other'
      const status = response instanceof Response ? response.status : Number(set.status ?? 200)
      const durationMs = performance.now() - startedAtMs
      seen({ method, route: isMatched(route, status) ? route : 'unmatched', status, durationMs })
      // Asked each time, since a signal changes the level.
      if (!logger.isLevelEnabled('info')) return
      logger.info(
        {
          request_id: set.headers['x-request-id'],
          method,
          route,
          status,
          duration_ms: Number(durationMs.toFixed(2)),
          client: caller?.address,
          account: caller?.account?.publicId,
        },
        'request',
      )
    })

/** What is known of a request from its beginning, before anything changes it. */
type Begun = {
  startedAtMs: number
  method: string
  readonly caller?: Caller
}

/** What unmatched.ts answers says nothing of a route. */
const isMatched = (route: string, status: number): boolean =>
  status !== 405 && route !== '/*' && route !== ''

type Method = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'OPTIONS' | 'other'

const METHODS: ReadonlyMap<string, Method> = new Map(
  (['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const).map((one) => [one, one]),
)
