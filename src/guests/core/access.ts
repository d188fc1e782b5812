import type { Delivery } from '../../domain/access.ts'
import type { Actor } from '../../domain/audit-event.ts'
import type { Caller } from '../../http/authorization.ts'

/** The grant of a pass as JSON, as far as this room reads it. */
export type PassGrant = {
  readonly id: string
  readonly locks: 'all' | readonly string[]
  readonly starts_at: string | null
  readonly ends_at: string | null
  readonly uses: number | null
  readonly used: number | null
  readonly words: string
  readonly occurs: readonly { readonly from: string; readonly until: string | null }[]
  readonly state: string
}

/** An attempt of a guest. */
type Asking = {
  readonly caller: Caller
  readonly passId: string
  /** Undefined if the pass is in use on as many devices as it allows. */
  readonly deviceId: string | undefined
  /** Returns the name of the host, to send the guest to. */
  readonly hostName: () => Promise<string | null>
  /** The label of the lock. */
  readonly label: string
  readonly id: string
  readonly knock?: Knock | undefined
}

/** A verified statement of a guest's device. */
export type Knock = {
  /** In Base64, as it goes to the writer. */
  readonly statement: string
  readonly counter: number
  /** The key that verified it, in hexadecimal. */
  readonly key: string
}

/** What became of an attempt, as JSON. */
export type AttemptNow = { readonly delivery: Delivery }

/** What guests need of locks. */
export type GuestLocks = {
  /** Returns the grant of a pass, and when it opens in words; undefined once the guest is erased. */
  readonly grantOf: (
    passId: string,
  ) => Promise<{ readonly grant: PassGrant; readonly words: string } | undefined>
  readonly all: () => Promise<
    readonly {
      readonly id: string
      readonly label: string
      readonly name: string
      readonly state: string
    }[]
  >
  /** Returns the id of a lock, or undefined if there is none. */
  readonly idOf: (label: string) => Promise<string | undefined>
  /** Returns what a guest may open now. */
  readonly mayOpen: (
    caller: Pick<Caller, 'address' | 'isAddressHidden'>,
    passId: string,
    labels: readonly string[],
  ) => Promise<readonly { readonly mayOpen: boolean; readonly nextAtMs: number | null }[]>
  /** Returns whether a pass opens nothing because of its host, or until an owner confirms it. */
  readonly isSuspended: (passId: string, labels: readonly string[]) => Promise<boolean>
  /** Decides an attempt; resolves to the JSON of the decision. */
  readonly decide: (asking: Asking) => Promise<object>
  /** Throws `not_found` for an attempt of another device. */
  readonly findAttempt: (deviceId: string, id: string) => Promise<AttemptNow>
  /** Revokes a grant, and ends its pass. Throws what a change of a grant throws. */
  readonly revoke: (by: Actor, grantId: string) => Promise<unknown>
}
