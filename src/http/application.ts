import { type AnyElysia, Elysia } from 'elysia'
import type { RecordAuditEvent } from '../domain/audit-event.ts'
import { crossOrigin } from './cross-origin.ts'
import type { Endpoint } from './endpoint.ts'
import { errorAnswers } from './error-answers.ts'
import { foreignPages } from './foreign-pages.ts'
import { headAsGet } from './head-as-get.ts'
import type { Logger } from './log/logger.ts'
import { requestLog } from './log/request-log.ts'
import { notFoundRoutes } from './not-found.ts'
import { openapiRoutes } from './openapi/routes.ts'
import { responseHeaders } from './response-headers.ts'
import type { Router } from './router.ts'

type Dependencies = {
  readonly version: string
  readonly hasTls: boolean
  readonly publicUrl: string | undefined
  readonly corsOrigins: readonly string[]
  readonly foreign: Parameters<typeof foreignPages>[0]
  readonly logger: Logger
  readonly router: Router
  readonly endpoints: readonly Endpoint[]
  readonly onAnswer: Parameters<typeof requestLog>[0]['onAnswer']
  readonly recordDenial: RecordAuditEvent
}

/** Combines what every request passes through with the endpoints, their OpenAPI document, and the answers to
 * everything else. */
export const httpApplication = (deps: Dependencies): AnyElysia => {
  const { version, hasTls, publicUrl, corsOrigins, foreign, logger, router, endpoints } = deps
  const { onAnswer, recordDenial } = deps
  const routes: AnyElysia = new Elysia({
    strictPath: true,
    nativeStaticResponse: false,
    // Otherwise a path under a host name of up to three letters, such as http://pi/, is parsed wrongly
    // (https://github.com/elysiajs/elysia/issues/748).
    handler: { standardHostname: false },
  })
    .use(requestLog({ logger, onAnswer }))
    .use(headAsGet())
    .use(responseHeaders({ hasTls }))
    .use(errorAnswers({ logger, recordDenial }))
    .use(foreignPages(foreign))
    .use(crossOrigin(corsOrigins, endpoints))
  router.mount(routes, endpoints)
  router.mount(routes, openapiRoutes({ version, hasTls, publicUrl, routes: routes.routes }))
  return routes.use(notFoundRoutes(router, routes.routes))
}
