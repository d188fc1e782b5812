import { Elysia } from 'elysia'
import type { RecordAuditEvent } from '../domain/audit-event.ts'
import type { Caller } from './authorization.ts'
import { HttpError, RateLimitError, asHttpError, problemCode, titleOf } from './errors.ts'
import { helpLink } from './help-links.ts'
import type { Logger } from './log/logger.ts'
import { carriesSession } from './request/session-cookie.ts'
import { requestIdOf } from './response-headers.ts'

type Dependencies = {
  readonly logger: Logger
  /** Called after each refusal, of which there may be any number; must not reject. */
  readonly recordDenial: RecordAuditEvent
}

/** A request that failed. */
type Failed = {
  readonly request: Request
  readonly route: string
  readonly requestId: string | undefined
  readonly caller: Caller | undefined
}

export type AnswerError = (error: unknown, failed: Failed) => Promise<Response>

/** Returns the function that answers the errors of all routes: with `{"msg"}`, or RFC 9457 problem details under
 * `/v1`. Anything but an AppError or HttpError is a bug: 500, and only the log says why. */
export const errorAnswerer =
  ({ logger, recordDenial }: Dependencies): AnswerError =>
  async (error, { request, route, requestId, caller }) => {
    const known = asHttpError(error)
    if (!known) logger.error({ request_id: requestId, err: error }, 'request failed')
    else if (known.status === 503) logger.warn(refusal(error, requestId), 'request refused')
    const response = known ?? new HttpError(500, 'Internal error')
    if (caller && isDenial(error, request)) {
      const detail = { status: response.status, method: request.method, route }
      await recordDenial(caller, { action: 'access.deny', result: 'failure', detail })
    }
    return answer(response, pathOf(request))
  }

/** What is logged about a request that is answered with 503: the reason, and the error from the database or the disk. */
const refusal = (error: unknown, requestId: string | undefined) => {
  const { message, cause } = error as Error
  return {
    request_id: requestId,
    reason: message,
    cause: cause instanceof Error ? cause.message : undefined,
  }
}

/** Answers the errors of Elysia's routes. */
export const errorAnswers = (answerError: AnswerError) =>
  new Elysia({ name: 'error-answers' }).onError({ as: 'global' }, async (context) => {
    const { error, code, request, set, route } = context
    const { caller } = context as { caller?: Caller }
    const found = code === 'NOT_FOUND' ? new HttpError(404, 'Not found') : error
    const requestId = requestIdOf(set.headers)
    const response = await answerError(found, { request, route, requestId, caller })
    set.status = response.status
    return response
  })

/** True if a guard refused someone: by role, or because their credentials are not valid. A request
 * without credentials is merely asked for them, and services that throw an AppError record it
 * themselves. */
const isDenial = (error: unknown, { headers }: Request): boolean =>
  error instanceof HttpError &&
  (error.status === 403 ||
    (error.status === 401 && (headers.has('authorization') || carriesSession(headers))))

const answer = (error: HttpError, path: string): Response => {
  if (error instanceof RateLimitError) return overLimit(error, path)
  const { status, message } = error
  const { reason, contractMessage, fields } = error.details
  const code = reason ?? problemCode(status)
  const headers = { ...helpLink(code), ...error.headers }
  if (!path.startsWith('/v1/')) {
    const body = contractMessage
      ? { msg: contractMessage }
      : { msg: message, ...(reason ? { code: reason } : {}) }
    return Response.json(body, { status, headers })
  }
  const body = { type: 'about:blank', title: titleOf(status), status, detail: message, code }
  return Response.json(
    { ...body, ...(fields ? { fields } : {}) },
    { status, headers: { ...headers, 'content-type': 'application/problem+json' } },
  )
}

const overLimit = ({ status, message, detail, headers }: RateLimitError, path: string): Response =>
  Response.json(
    { error: message, ...(detail && path.startsWith('/v1/') ? { detail } : {}) },
    { status, headers: { ...helpLink('too_many_requests'), ...headers } },
  )

/** Elysia's own `path` is wrong for host names of up to three letters
 * (https://github.com/elysiajs/elysia/issues/748) and, with `standardHostname: false`, over TLS; see
 * cli/listener.ts. */
const pathOf = (request: Request): string => URL.parse(request.url)?.pathname ?? ''
