/** What a caller may be told went wrong; `http/errors.ts` alone knows the statuses. */
export type ErrorCode =
  | 'invalid'
  | 'unauthorized'
  | 'forbidden'
  | 'not_found'
  | 'conflict'
  | 'rate_limited'
  | 'unavailable'

type Options = ErrorOptions & {
  /** Tells one fault of a code from the others, for programs: stable, in snake case. */
  readonly reason?: string
}

/** A fault whose message may be shown to the caller; it never holds submitted values or secrets. */
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
