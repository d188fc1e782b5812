/** What the home can hear of, each with what it means. */
export const HOME_EVENTS = {
  unlocked: 'somebody opened a lock',
  denied: 'somebody was refused at a lock',
  'log.problem': 'the unlock log stopped, or its verification found a fault',
  'account.waiting': 'somebody registered and waits to be let in',
} as const
export type HomeEventKind = keyof typeof HOME_EVENTS

/** Wall-clock times of the home as `HH:MM`; `to` may be the next day, and is not part of it. */
export type Hours = { readonly from: string; readonly to: string }

/** A wish of a target to hear of something. Without locks, people or hours, it is about all of them. */
export type Rule = {
  readonly on: HomeEventKind
  /** Labels of locks. */
  readonly locks?: readonly string[]
  /** Public ids of accounts. */
  readonly people?: readonly string[]
  readonly hours?: Hours
}

/** An event of the unlock log that was just appended, as plain data. */
export type AppendedEvent = {
  readonly seq: number
  /** The label of the lock. */
  readonly lock: string
  readonly result: string
  readonly reason: string | null
  readonly source: string
  readonly accountPublicId: string
  readonly receivedAtMs: number
  readonly happenedAtMs: number
  /** The leaf that already tells of the same opening: what the lock reports and what an app says are two leaves. */
  readonly sameAs?: number | undefined
}

/** An opening is one message, although the lock and an app may both report it, each within this time of the
 * other. */
export const SAME_OPENING_MS = 120_000

/** A target as a channel needs it. */
export type Target = {
  readonly id: string
  readonly kind: string
  readonly name: string
  /** The public id of the person whose it is; null for the home's. */
  readonly accountPublicId: string | null
  readonly settings: Readonly<Record<string, unknown>>
  readonly secrets: Readonly<Record<string, unknown>>
}

/** What a target is told. An unlock or a denial is as `GET /v1/unlocks` shows it now: erased, if its person has
 * been erased since. */
export type Message = {
  /** The same at every attempt, so that a receiver can tell a repetition. */
  readonly id: string
  readonly createdAtMs: number
  readonly about:
    | { readonly event: 'unlocked' | 'denied'; readonly unlock: UnlockFacts }
    | { readonly event: 'log.problem'; readonly says: string }
    /** The name is the stranger's own text, so it is not told. */
    | { readonly event: 'account.waiting'; readonly count: number }
    /** Stands for several that came too late, or were dropped. */
    | {
        readonly event: 'digest'
        readonly unlocked: number
        readonly denied: number
        readonly others: number
        readonly dropped: number
        readonly fromMs: number
        readonly toMs: number
      }
    | { readonly event: 'test' }
}

/** The facts of an unlock or a denial. */
export type UnlockFacts = {
  readonly seq: number
  readonly id: string
  /** The person's name now; null once erased, or for somebody unknown. */
  readonly who: string | null
  /** The person's public id; null like `who`. */
  readonly user_id: string | null
  readonly method: string | null
  readonly source: string
  /** The label of the lock, and its name now. */
  readonly lock: string
  readonly lock_name: string
  readonly reason: string | null
  /** RFC 3339. `occurred_at` is what the phone said, or null. */
  readonly occurred_at: string | null
  readonly happened_at: string
  readonly received_at: string
  readonly late: boolean
  /** The page of the event. */
  readonly receipt: string
}

/** What became of an attempt to tell a target. */
export type SendResult =
  | { readonly status: 'delivered'; readonly code?: number; readonly answer?: string }
  /** Another attempt may succeed; not before `retryAfterMs`, if given. */
  | {
      readonly status: 'failed'
      readonly code?: number
      readonly answer: string
      readonly retryAfterMs?: number
    }
  /** The receiver is gone for good: the target is disabled. */
  | { readonly status: 'gone'; readonly code?: number; readonly answer: string }

/** A way to tell targets of some kinds. */
export type Channel = {
  /** Tells a target one thing. It resolves within the time limit that `signal` sets, and never rejects for
   * anything that a target does. */
  readonly send: (target: Target, message: Message, signal: AbortSignal) => Promise<SendResult>
  /** Milliseconds from one failed attempt to the next; after the last, the row is dead. */
  readonly retriesMs: readonly number[]
  /** Messages that have waited longer are told as one digest, or as the channel sees fit by `createdAtMs` if
   * undefined. */
  readonly freshMs: number | undefined
  /** False if its targets stay enabled however long they fail; true by default. */
  readonly givesUp?: boolean
  /** Milliseconds until a target wants to be told, such as after its quiet hours; 0 by default. */
  readonly waitMs?: (target: Target, message: Pick<Message, 'createdAtMs'>, nowMs: number) => number
}

/** A kind of target that people add. */
export type TargetKind = {
  readonly channel: Channel
  /** The rules of a target that names none. */
  readonly rules: readonly Rule[]
  /** What its settings and secrets are, for the API. */
  readonly says: string
  /** Whether members may have one for themselves. */
  readonly isPersonal: boolean
  /** True if a setting that it needs is not set, so that nobody can add one. */
  readonly isOff?: boolean
  /** Returns what is stored of the settings and secrets that were given, those of a change besides `current`, and
   * a new secret that is shown once. Throws `invalid`, and repeats no secret. */
  readonly accept: (
    given: Partial<TargetContents>,
    current?: TargetContents,
  ) => Promise<TargetContents & { readonly shown?: string }>
  /** Returns where it leads, such as the address of a server: a member's must lead where one of the home does. Undefined if it
   * leads where a setting of the server says. */
  readonly destination: (settings: TargetContents['settings']) => string | undefined
  /** Returns new secrets besides the current ones, and the one to show once; undefined if there is nothing to
   * rotate. */
  readonly rotate?: (current: TargetContents) => TargetContents & { readonly shown: string }
}

/** What is stored of a target of some kind, as JSON. */
export type TargetContents = Pick<Target, 'settings' | 'secrets'>
