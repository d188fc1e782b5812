import type { DecisionReason } from '../../domain/access.ts'
import type { Role } from '../../domain/account.ts'

/** An attempt to open a lock, as plain data for the writer. */
export type Attempt = {
  /** Chosen by the app, in lower case. */
  readonly id: string
  /** The label of the lock. */
  readonly lock: string
  readonly who: AccountAsking | PassAsking
  /** Stands for the device. That of a guest has its own id here. */
  readonly sessionId: string
  /** The access token that is used, if any. */
  readonly tokenId?: string
  /** Whether the client is on the home network. */
  readonly isHome: boolean | 'unknown'
} & DecisionTime

type AccountAsking = {
  readonly account: {
    readonly publicId: string
    readonly username: string
    /** The role of the request; the lower of this and the account's current role counts. */
    readonly role: Role
  }
}

export type PassAsking = {
  readonly pass: {
    readonly id: string
    /** Undefined if the pass is in use on as many devices as it allows: the attempt is refused, and recorded. */
    readonly deviceId: string | undefined
    /** What the device signed: undefined if it signed nothing that its key verifies. */
    readonly knock: Knock | undefined
  }
}

/** A verified statement of a guest's device. */
export type Knock = {
  /** In Base64, as it goes to the writer. */
  readonly statement: string
  readonly counter: number
  /** The key that verified it, in hexadecimal: it may have been replaced in the meantime. */
  readonly key: string
}

/** When a decision is made. */
export type DecisionTime = {
  readonly nowMs: number
  /** True if the clock cannot be trusted for a decision. Decisions trust it more readily than the log. */
  readonly isDoubted: boolean
}

/** What the writer answers to an attempt. */
export type AttemptAnswer =
  | {
      readonly status: 'decided'
      readonly attempt: DecidedAttempt
      /** True if it was decided before. */
      readonly isRepeat: boolean
    }
  /** There is no such lock, account or pass, or the id belongs to another attempt. */
  | { readonly status: 'unknown_lock' | 'unknown_holder' | 'id_taken' }

/** A decided attempt, as it is kept to answer a repeat. */
export type DecidedAttempt = {
  readonly id: string
  /** SHA-256 of what was asked and by whom, in hexadecimal. */
  readonly requestHash: string
  readonly lockId: string
  /** NO_ACCOUNT for a guest. */
  readonly accountPublicId: string
  readonly passId: string | null
  readonly sessionId: string
  readonly decision: 'permitted' | 'denied'
  /** Null if permitted. */
  readonly reason: DecisionReason | null
  /** The grant that opened it, or null. */
  readonly grantId: string | null
  /** Which use of a counted grant it is, of how many; null for other grants. */
  readonly useNumber: number | null
  readonly useMax: number | null
  readonly decidedAtMs: number
  /** The leaf of the decision; null for a denial that was only counted. */
  readonly seq: number | null
}

/** Further attempts of a visitor soon after a counted use belong to it. */
export const visitorOf = (sessionId: string | undefined, lockId: string): string =>
  `${sessionId} ${lockId}`
