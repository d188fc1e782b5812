import { Elysia } from 'elysia'
import { AppError, type ErrorCode } from '../errors.ts'
import type { RecordAuditEvent } from '../domain/audit-event.ts'
import type { Caller } from './authorization.ts'
import type { Logger } from './log/logger.ts'
import { carriesSession } from './request/session-cookie.ts'

/** An answer that only HTTP knows, with the headers that go with it (405 and `Allow`, for one). */
export class HttpError extends Error {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly reason: string | undefined

  constructor(
    status: number,
    message: string,
    headers: Readonly<Record<string, string>> = {},
    reason?: string,
  ) {
    super(message)
    this.name = 'HttpError'
    this.status = status
    this.headers = headers
    this.reason = reason
  }
}

const STATUS: Readonly<Record<ErrorCode, number>> = {
  invalid: 400,
  unauthorized: 401,
  forbidden: 403,
  not_found: 404,
  conflict: 409,
  rate_limited: 429,
  unavailable: 503,
}

/** Seconds after which a refused caller may find the service less busy. */
const RETRY_AFTER_SECONDS = 2

export const tokenError = () =>
  new HttpError(401, 'There is an error with this token', { 'WWW-Authenticate': 'Bearer' })

export const roleError = (message: string, reason?: string) =>
  new HttpError(403, message, {}, reason)

type Dependencies = {
  readonly logger: Logger
  /** Told of each refusal, as often as somebody cares to be refused; must not reject. */
  readonly recordDenial: RecordAuditEvent
}

/** Answers every error of every route: `{"msg"}`, or RFC 9457 problem details under `/v1`.
 * What is not an AppError or HttpError is our fault: 500, and its cause goes to the log alone. */
export const errorAnswers = ({ logger, recordDenial }: Dependencies) =>
  new Elysia({ name: 'error-answers' }).onError({ as: 'global' }, async (context) => {
    const { error, code, request, set, route } = context
    const { caller } = context as { caller?: Caller }
    const known = code === 'NOT_FOUND' ? new HttpError(404, 'Not found') : knownError(error)
    if (!known)
      logger.error({ request_id: set.headers['x-request-id'], err: error }, 'request failed')
    else if (known.status === 503) logger.warn({ reason: known.message }, 'request refused')
    const response = known ?? new HttpError(500, 'Internal error')
    set.status = response.status
    if (caller && isDenial(error, request)) {
      const detail = { status: response.status, method: request.method, route }
      await recordDenial(caller, { action: 'access.deny', result: 'failure', detail })
    }
    return answer(response, pathOf(request))
  })

/** Whether a guard refused somebody: by role, or because what they signed in with is not good. Who has
 * not tried to sign in is only asked to, and what services refuse by an AppError they record. */
const isDenial = (error: unknown, { headers }: Request): boolean =>
  error instanceof HttpError &&
  (error.status === 403 ||
    (error.status === 401 && (headers.has('authorization') || carriesSession(headers))))

const knownError = (error: unknown): HttpError | undefined => {
  if (error instanceof HttpError) return error
  if (!(error instanceof AppError)) return undefined
  const status = STATUS[error.code]
  const busy = status === 503 || status === 429
  return new HttpError(
    status,
    error.message,
    busy ? { 'Retry-After': String(RETRY_AFTER_SECONDS) } : {},
    error.reason,
  )
}

const answer = ({ status, message, headers, reason }: HttpError, path: string): Response => {
  if (!path.startsWith('/v1/')) {
    const body = { msg: message, ...(reason ? { code: reason } : {}) }
    return Response.json(body, { status, headers })
  }
  const code = reason ?? problemCode(status)
  return Response.json(
    { type: 'about:blank', title: titleOf(status), status, detail: message, code },
    { status, headers: { ...headers, 'content-type': 'application/problem+json' } },
  )
}

/** The code of problem details where a fault has none of its own. */
export const problemCode = (status: number): string => PROBLEM_CODES[status] ?? 'internal'

const PROBLEM_CODES: Readonly<Record<number, string>> = {
  ...Object.fromEntries(Object.entries(STATUS).map(([code, status]) => [status, code])),
  405: 'method_not_allowed',
  413: 'too_large',
}

/** The name of a status, as problem details give it. */
export const titleOf = (status: number): string => TITLES[status] ?? 'Error'

const TITLES: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  409: 'Conflict',
  413: 'Content Too Large',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
}

/** Elysia's own `path` is wrong for host names of up to three letters
 * (https://github.com/elysiajs/elysia/issues/748) and, with `standardHostname: false`, over TLS; see
 * cli/listener.ts. */
const pathOf = (request: Request): string => URL.parse(request.url)?.pathname ?? ''
