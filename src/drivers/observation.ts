import type { LockReason } from '../domain/access.ts'

/** Where a bolt may be. `open` is a door whose latch is held back too. */
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

/** How a person opened a lock, or tried to. `app` stands for everything that came by radio, which may have been the
 * gateway itself. */
export type Method = 'keypad' | 'fingerprint' | 'card' | 'manual' | 'app' | 'automatic'

/** Who used a lock, and how, as one message of the lock said. */
export type Turn = {
  /** The number by which the lock knows a code, a finger, a card or a phone; null if it named none. */
  readonly slot: string | null
  readonly method: Method | null
  /** The entry of the lock's own log, if it keeps one. */
  readonly entry: number | null
  /** When that was, as far as we know. */
  readonly atMs: number
  /** When that was by the lock's clock; null if it does not say. */
  readonly occurredAtMs: number | null
}

/** What a lock said, in the words of this program. */
export type Observation =
  /** `isOld` if nobody knows since when. */
  | { readonly kind: 'state'; readonly state: BoltState; readonly isOld: boolean }
  | ({ readonly kind: 'opened' } & Turn)
  | ({ readonly kind: 'refused'; readonly reason: LockReason } & Turn)
  /** The lock took our command. */
  | { readonly kind: 'accepted'; readonly says: string }
  /** A relay carried out our command, and nothing more will follow: it does not know about the door. */
  | { readonly kind: 'switched'; readonly says: string }
  /** Our command came to nothing. */
  | { readonly kind: 'failed'; readonly says: string }
  | { readonly kind: 'availability'; readonly isOnline: boolean }
  /** The newest entry of the lock's own log. `isLive` if it is new, and alone. */
  | { readonly kind: 'log'; readonly newest: number; readonly isLive: boolean }

/** What has to be known from one message to the next. */
export type Step<Memory> = {
  readonly memory: Memory
  readonly observations: readonly Observation[]
  /** When `wake` has something to say; null if it has not. */
  readonly wakeAtMs: number | null
}

/** A message as a driver hears it. */
export type Heard = {
  readonly topic: string
  readonly payload: string
  readonly isRetained: boolean
  readonly atMs: number
}

/** A message to the broker. */
type Said = { readonly topic: string; readonly payload: string }

/** How a kind of lock speaks by messages of the broker. Pure: times are given. */
export type MessageDriver<Memory = unknown> = {
  /** What to listen to. */
  readonly topics: readonly string[]
  readonly begin: Memory
  readonly hear: (memory: Memory, message: Heard) => Step<Memory>
  /** Called once `wakeAtMs` has come. */
  readonly wake: (memory: Memory, nowMs: number) => Step<Memory>
  /** The command that opens the lock. It is sent once, with QoS 0, because a client repeats messages of a higher QoS
   * after a break of the connection, and then the door would open twice. */
  readonly open: Said
  /** When a command may be sent at the earliest: some ignore what comes right after they connected. */
  readonly readyAtMs: (memory: Memory) => number
  /** Asks for the state; sent after each connection and now and then. */
  readonly poll: Said | null
}

type JsonObject = Readonly<Record<string, unknown>>

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Returns the value of a JSON text, or undefined if it is none. */
export const jsonValue = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Returns the object of a JSON text, or undefined if it is none. */
export const jsonObject = (text: string): JsonObject | undefined => {
  const value = jsonValue(text)
  return isObject(value) ? value : undefined
}

/** Returns a step that says nothing later. */
export const step = <Memory>(
  memory: Memory,
  observations: readonly Observation[] = [],
  wakeAtMs: number | null = null,
): Step<Memory> => ({ memory, observations, wakeAtMs })
