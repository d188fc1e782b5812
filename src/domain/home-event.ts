/** The events that a target can receive, each with what it means. */
export const HOME_EVENTS = {
  unlocked: 'somebody opened a lock',
  denied: 'somebody was refused at a lock',
  'guest.opened': 'a guest was let in',
  'guest.problem': 'a guest pass was tried on another phone, or a guest asks for help',
  'controller.silent': 'the controller of a lock has stopped answering',
  'controller.alarm': 'a lock opened without being asked, or its controller was copied',
  'log.problem': 'the unlock log stopped, or its verification found a fault',
  'account.waiting': 'somebody registered and is waiting to be let in',
} as const
export type HomeEventKind = keyof typeof HOME_EVENTS

/** Events that are not in the unlock log, told as a sentence. */
export type HomeProblem = Extract<
  HomeEventKind,
  'log.problem' | 'guest.problem' | 'controller.silent' | 'controller.alarm'
>

/** What a host learns about a pass: it was tried on another phone, or the guest asks for help. */
export type GuestProblem = 'another_device' | 'asks'

/** Wall-clock times of the home as `HH:MM`; `to` may be the next day, and is not part of it. */
export type Hours = { readonly from: string; readonly to: string }

/** Selects events for a target. Without locks, people or hours, it selects events of any. */
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
  /** The pass of the guest it is about, if any. */
  readonly passId?: string | undefined
  /** The earlier leaf of the same opening, if any: a lock’s report and an app’s claim are two leaves. */
  readonly sameAs?: number | undefined
}

/** A lock’s report and an app’s claim count as one opening, and are sent once, if they are at most this far
 * apart. */
export const SAME_OPENING_MS = 120_000

/** A target, as channels see it. */
export type Target = {
  readonly id: string
  readonly kind: string
  readonly name: string
  /** The public id of its owner’s account; null for a target of the home. */
  readonly accountPublicId: string | null
  readonly settings: Readonly<Record<string, unknown>>
  readonly secrets: Readonly<Record<string, unknown>>
}

/** A message to a target. It shows an unlock or a denial as `GET /v1/unlocks` does at the time of sending, so names
 * that were erased in the meantime are absent. */
export type Message = {
  /** The same at every attempt, so that a receiver can recognize duplicates. */
  readonly id: string
  readonly createdAtMs: number
  readonly about:
    | { readonly event: 'unlocked' | 'denied' | 'guest.opened'; readonly unlock: UnlockFacts }
    /** `says`: a sentence for the people of the home. */
    | { readonly event: HomeProblem; readonly says: string }
    /** A count only: the name is text that a stranger chose. */
    | { readonly event: 'account.waiting'; readonly count: number }
    /** Sent instead of events that became too old or were dropped. */
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
  /** The public id of the person; null whenever `who` is. */
  readonly user_id: string | null
  readonly method: string | null
  /** `released` if the lock let the door go, and has no sensor to tell whether it opened. */
  readonly result: string
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

/** The result of an attempt to send a message. */
export type SendResult =
  | { readonly status: 'delivered'; readonly code?: number; readonly answer?: string }
  /** A later attempt may succeed; the next is not made before `retryAfterMs`, if set. */
  | {
      readonly status: 'failed'
      readonly code?: number
      readonly answer: string
      readonly retryAfterMs?: number
    }
  /** The receiver is permanently gone; the target is disabled. */
  | { readonly status: 'gone'; readonly code?: number; readonly answer: string }

/** Sends messages to targets of one or more kinds. */
export type Channel = {
  /** Sends one message. Resolves once `signal` is aborted at the latest, and never rejects because of a target. */
  readonly send: (target: Target, message: Message, signal: AbortSignal) => Promise<SendResult>
  /** Milliseconds to wait after each failed attempt. After the last one, the delivery is dead. */
  readonly retriesMs: readonly number[]
  /** Messages that have waited longer than this are sent as one digest. If undefined, the channel decides by
   * `createdAtMs`. */
  readonly freshMs: number | undefined
  /** False if its targets stay enabled no matter how long they fail; true by default. */
  readonly givesUp?: boolean
  /** Milliseconds to hold messages back, such as during quiet hours; 0 by default. */
  readonly waitMs?: (target: Target, message: Pick<Message, 'createdAtMs'>, nowMs: number) => number
}

/** A kind of target that people can add. */
export type TargetKind = {
  readonly channel: Channel
  /** The rules of a target that was added without any. */
  readonly rules: readonly Rule[]
  /** Describes its settings and secrets, for the API documentation. */
  readonly says: string
  /** Whether members may add one of their own. */
  readonly isPersonal: boolean
  /** True if a setting that it needs is missing, so that none can be added. */
  readonly isOff?: boolean
  /** Returns the settings and secrets to store, merged with `current` for a change, and a new secret to show once
   * if one was created. Throws `invalid`, without repeating a secret. */
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
