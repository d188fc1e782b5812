/** What went wrong, as far as a caller may know; `http/errors.ts` alone knows the statuses. */
export type ErrorCode =
  | 'invalid'
  | 'unauthorized'
  | 'forbidden'
  | 'not_found'
  | 'conflict'
  | 'rate_limited'
  | 'unavailable'

type Options = ErrorOptions & {
  /** Distinguishes faults with the same code, for programs: stable, in snake case. */
  readonly reason?: string
}

/** A fault whose message may be shown to the caller; it never contains submitted values or
 * secrets. */
export class AppError extends Error {
  readonly code: ErrorCode
  readonly reason: string | undefined

  constructor(code: ErrorCode, message: string, { reason, ...options }: Options = {}) {
    super(message, options)
    this.name = 'AppError'
    this.code = code
    this.reason = reason
  }
}
