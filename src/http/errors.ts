import { AppError, type ErrorCode, type ErrorDetails } from '../errors.ts'

/** An error that exists only in HTTP, with its headers, such as `Allow` for 405. */
export class HttpError extends Error {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly details: ErrorDetails

  constructor(
    status: number,
    message: string,
    headers: Readonly<Record<string, string>> = {},
    details: ErrorDetails = {},
  ) {
    super(message)
    this.name = 'HttpError'
    this.status = status
    this.headers = headers
    this.details = details
  }
}

/** Ends the connection after an answer, so that a refused client does not keep it. */
export const CLOSING = { Connection: 'close' } as const

/** A caller is over a limit (429, in the contract's own words) for that many milliseconds. `detail` says
 * which limit, where the contract leaves room for it. */
export class RateLimitError extends HttpError {
  readonly detail: string | undefined

  constructor(waitMs: number, detail?: string) {
    super(429, 'ratelimit exceeded', {
      ...CLOSING,
      'Retry-After': String(Math.ceil(waitMs / 1000)),
    })
    this.name = 'RateLimitError'
    this.detail = detail
  }
}

const STATUS: Readonly<Record<ErrorCode, number>> = {
  invalid: 400,
  unauthorized: 401,
  forbidden: 403,
  not_found: 404,
  conflict: 409,
  precondition_failed: 412,
  precondition_required: 428,
  rate_limited: 429,
  unavailable: 503,
}

/** Seconds after which a refused caller may try again: the server may be less busy, there may be more room on
 * the disk or on the waiting list, or someone may have put the right database back. */
const RETRY_AFTER_SECONDS = 2
const RETRY_AFTER_SECONDS_OF: Readonly<Record<string, number>> = {
  disk_reserved: 60,
  log_stopped: 60,
  waiting_list_full: 3600,
}

export const tokenError = () =>
  new HttpError(401, 'There is an error with this token', { 'WWW-Authenticate': 'Bearer' })

export const roleError = (message: string, reason?: string) =>
  new HttpError(403, message, {}, { reason })

/** Returns an error as an HTTP error, or undefined if it is a bug. */
export const asHttpError = (error: unknown): HttpError | undefined => {
  if (error instanceof HttpError) return error
  if (!(error instanceof AppError)) return undefined
  const status = STATUS[error.code]
  const busy = status === 503 || status === 429
  const retryAfter = RETRY_AFTER_SECONDS_OF[error.reason ?? ''] ?? RETRY_AFTER_SECONDS
  return new HttpError(
    status,
    error.message,
    {
      ...(busy ? { 'Retry-After': String(retryAfter) } : {}),
      ...(status === 429 ? CLOSING : {}),
    },
    error.details,
  )
}

/** The code in problem details for an error without its own code. */
export const problemCode = (status: number): string => PROBLEM_CODES[status] ?? 'internal'

const PROBLEM_CODES: Readonly<Record<number, string>> = {
  ...Object.fromEntries(Object.entries(STATUS).map(([code, status]) => [status, code])),
  405: 'method_not_allowed',
  413: 'too_large',
  421: 'unknown_host',
}

/** The name of a status, as in problem details. */
export const titleOf = (status: number): string => TITLES[status] ?? 'Error'

const TITLES: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  409: 'Conflict',
  412: 'Precondition Failed',
  413: 'Content Too Large',
  421: 'Misdirected Request',
  428: 'Precondition Required',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
}
