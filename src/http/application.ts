import type { Clock } from '../domain/clock.ts'
import { type AnyElysia, Elysia } from 'elysia'
import type { RecordAuditEvent } from '../domain/audit-event.ts'
import { crossOrigin } from './cross-origin.ts'
import type { Endpoint } from './endpoint.ts'
import { directRoutes, isDirect } from './direct-routes.ts'
import { errorAnswerer, errorAnswers } from './error-answers.ts'
import { foreignPageRefusal, foreignPages } from './foreign-pages.ts'
import type { Logger } from './log/logger.ts'
import { requestLog, requestRecorder } from './log/request-log.ts'
import { notFoundRoutes } from './not-found.ts'
import { openapiRoutes } from './openapi/routes.ts'
import { answerHeaders, responseHeaders } from './response-headers.ts'
import type { Router } from './router.ts'

type Dependencies = {
  readonly version: string
  readonly hasTls: boolean
  /** The clock that answers report, if it is not that of this machine. */
  readonly clock: Pick<Clock, 'wallMs'> | undefined
  readonly publicUrl: string | undefined
  readonly corsOrigins: readonly string[]
  readonly foreign: Parameters<typeof foreignPageRefusal>[0]
  readonly logger: Logger
  readonly router: Router
  readonly endpoints: readonly Endpoint[]
  readonly onAnswer: Parameters<typeof requestRecorder>[0]['onAnswer']
  readonly recordDenial: RecordAuditEvent
}

/** Combines what every request passes through with the endpoints, their OpenAPI document, and the answers to
 * everything else. */
export const httpApplication = (deps: Dependencies): AnyElysia => {
  const { version, hasTls, publicUrl, corsOrigins, foreign, logger, router, endpoints } = deps
  const { onAnswer, recordDenial } = deps
  const record = requestRecorder({ logger, onAnswer })
  const headersOf = answerHeaders({ hasTls, clock: deps.clock })
  const answerError = errorAnswerer({ logger, recordDenial })
  const refuseForeign = foreignPageRefusal(foreign)
  const routes: AnyElysia = new Elysia({
    strictPath: true,
    nativeStaticResponse: false,
    // Otherwise a path under a host name of up to three letters, such as http://pi/, is parsed wrongly
    // (https://github.com/elysiajs/elysia/issues/748).
    handler: { standardHostname: false },
  })
    .use(requestLog(record))
    .use(headAsGet())
    .use(responseHeaders(headersOf))
    .use(errorAnswers(answerError))
    .use(foreignPages(refuseForeign))
    .use(crossOrigin(corsOrigins, endpoints))
  router.mount(routes, endpoints)
  router.mount(routes, openapiRoutes({ version, hasTls, publicUrl, routes: routes.routes }))
  routes.use(notFoundRoutes(router, routes.routes))
  // With CORS_ORIGINS, Elysia's plugin adds headers, so Elysia answers everything.
  if (corsOrigins.length > 0) return routes
  const direct = endpoints.filter(isDirect).map(router.direct)
  const answering = { refuseForeign, headersOf, answerError, record, server: () => routes.server }
  return routes.wrap(directRoutes(direct, answering))
}

/** Answers HEAD like GET; Bun then sends no body. Elysia itself reads the whole body to learn its length,
 * and the body of a stream has no end (not reported upstream as of 2026-11). Anything that needs the
 * original method must come before this. */
const headAsGet = () =>
  new Elysia({ name: 'head-requests' }).onRequest(({ request }) => {
    if (request.method === 'HEAD') Object.defineProperty(request, 'method', { value: 'GET' })
  })
