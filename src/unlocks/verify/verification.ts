import type { Verdict } from './verify-log.ts'

/** The verdict of a verification, what it covered, and when it ended. */
export type Verification = Verdict & {
  readonly scope: VerificationScope
  readonly checkedAtMs: number
}

export const VERIFICATION_SCOPES = ['recent', 'full'] as const
export type VerificationScope = (typeof VERIFICATION_SCOPES)[number]
