import type { LockReason } from '../domain/access.ts'

/** States of a lock. `open` means that the latch is held back too. */
export const BOLT_STATES = [
  'locked',
  'unlocked',
  'locking',
  'unlocking',
  'opening',
  'open',
  'jammed',
] as const
export type BoltState = (typeof BOLT_STATES)[number]

/** How a person opened a lock, or tried to. `app` stands for everything over radio, possibly the gateway itself. */
export type Method = 'keypad' | 'fingerprint' | 'card' | 'manual' | 'app' | 'automatic'

/** Who used a lock, and how, from one message of the lock. */
export type Turn = {
  /** The slot: the lock's number for a code, finger, card or phone; null if it named none. */
  readonly slot: string | null
  readonly method: Method | null
  /** The entry of the lock's own log, if it keeps one. */
  readonly entry: number | null
  /** When it happened, as far as known. */
  readonly atMs: number
  /** When it happened by the lock's clock; null if unknown. */
  readonly occurredAtMs: number | null
}

/** What a lock reported, independent of its protocol. */
export type Observation =
  /** `isOld` if it is unknown since when. */
  | { readonly kind: 'state'; readonly state: BoltState; readonly isOld: boolean }
  | ({ readonly kind: 'opened' } & Turn)
  | ({ readonly kind: 'refused'; readonly reason: LockReason } & Turn)
  /** The lock accepted the command. */
  | { readonly kind: 'accepted'; readonly says: string }
  /** A relay carried out the command. Nothing more follows, since it knows nothing about the door. */
  | { readonly kind: 'switched'; readonly says: string }
  /** The command failed. */
  | { readonly kind: 'failed'; readonly says: string }
  | {
      readonly kind: 'availability'
      readonly isOnline: boolean
      /** Why it is not online, if more is known than that. */
      readonly says?: string
    }
  /** The newest entry of the lock's own log. `isLive` if it is a single new one. */
  | { readonly kind: 'log'; readonly newest: number; readonly isLive: boolean }

/** State that is carried from one message to the next. */
export type Step<Memory> = {
  readonly memory: Memory
  readonly observations: readonly Observation[]
  /** When to call `wake`; null if there is no need. */
  readonly wakeAtMs: number | null
}

/** A message that a driver receives. */
export type Heard = {
  readonly topic: string
  readonly payload: string
  readonly isRetained: boolean
  readonly atMs: number
}

/** A message to the broker. */
type Said = { readonly topic: string; readonly payload: string }

/** A driver for locks that use messages of the broker. Pure: times are arguments. */
export type MessageDriver<Memory = unknown> = {
  /** The topics to subscribe to. */
  readonly topics: readonly string[]
  readonly begin: Memory
  readonly hear: (memory: Memory, message: Heard) => Step<Memory>
  /** Called at `wakeAtMs`. */
  readonly wake: (memory: Memory, nowMs: number) => Step<Memory>
  /** The command that opens the lock. It is sent once, with QoS 0: a client repeats messages of a higher QoS after a
   * lost connection, and the door would open twice. */
  readonly open: Said
  /** The earliest time for a command: some locks ignore commands right after they connect. */
  readonly readyAtMs: (memory: Memory) => number
  /** Requests the state; sent after each connection and from time to time. */
  readonly poll: Said | null
}

type JsonObject = Readonly<Record<string, unknown>>

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Parses JSON; returns undefined for anything else. */
export const jsonValue = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Parses a JSON object; returns undefined for anything else. */
export const jsonObject = (text: string): JsonObject | undefined => {
  const value = jsonValue(text)
  return isObject(value) ? value : undefined
}

/** Returns a step that needs no `wake`. */
export const step = <Memory>(
  memory: Memory,
  observations: readonly Observation[] = [],
  wakeAtMs: number | null = null,
): Step<Memory> => ({ memory, observations, wakeAtMs })
