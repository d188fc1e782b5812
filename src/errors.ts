/** What went wrong, as far as a caller may know; `http/errors.ts` alone knows the statuses. */
export type ErrorCode =
  | 'invalid'
  | 'unauthorized'
  | 'forbidden'
  | 'not_found'
  | 'conflict'
  | 'precondition_failed'
  | 'precondition_required'
  | 'rate_limited'
  | 'unavailable'

/** What a caller may know besides the message. */
export type ErrorDetails = {
  /** Distinguishes faults with the same code, for programs: stable, in snake case. */
  readonly reason?: string | undefined
  /** Replaces the message and the reason where the contract of the phone app fixes the words. */
  readonly contractMessage?: string | undefined
  /** By the name of each field or parameter that is not accepted, what it accepts. */
  readonly fields?: Readonly<Record<string, string>> | undefined
}

/** A fault whose message may be shown to the caller; it never contains submitted values or
 * secrets. */
export class AppError extends Error {
  readonly code: ErrorCode
  readonly details: ErrorDetails

  constructor(code: ErrorCode, message: string, details: ErrorDetails & ErrorOptions = {}) {
    super(message, details)
    this.name = 'AppError'
    this.code = code
    this.details = details
  }

  get reason(): string | undefined {
    return this.details.reason
  }
}
