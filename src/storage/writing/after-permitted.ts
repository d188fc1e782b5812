import type { Queries } from '../queries.ts'

/** An attempt to open a lock that was just permitted, as plain data. */
export type PermittedAttempt = {
  readonly id: string
  readonly lockId: string
  readonly decidedAtMs: number
}

/** Called with the attempts of a group that are permitted and new, in the transaction that stores them. If it fails,
 * nothing is stored. */
export type AfterPermitted = (tx: Queries, attempts: readonly PermittedAttempt[]) => Promise<void>
