import type { LockReason } from '../domain/access.ts'
import {
  type BoltState,
  type Heard,
  type MessageDriver,
  type Method,
  type Observation,
  type Step,
  type Turn,
  jsonObject,
  step,
} from './observation.ts'
import { NO_TURNS, type Turns, addTurn, confirmTurns, dueTurns } from './turns.ts'

type Given = {
  /** The friendly name of the lock. */
  readonly name: string
  /** The base topic of Zigbee2MQTT. */
  readonly base: string
  /** The PIN that some locks ask for. */
  readonly pin: string | undefined
}

type Memory = {
  /** Until when actions are ignored: after a start, Zigbee2MQTT publishes cached ones. */
  readonly quietUntilMs: number
  readonly turns: Turns
}

/** How long actions are ignored after the bridge comes online. */
const QUIET_MS = 10_000

/** A lock of Zigbee2MQTT. Its messages merge what the device sent at different times: an action comes with the state
 * before it, so the person is taken from the action and the state from a later message (Koenkk/zigbee2mqtt issues
 * 17383, 11713 and 3290). Members that contain PINs, such as `users` and `pin_code`, are never read. */
export const zigbee2mqtt = ({ name, base, pin }: Given): MessageDriver<Memory> => {
  const topic = `${base}/${name}`
  const bridge = `${base}/bridge/state`
  const availability = `${topic}/availability`

  const hear = (memory: Memory, message: Heard): Step<Memory> => {
    if (message.topic === bridge) return hearBridge(memory, message)
    if (message.topic === availability)
      return settled(memory, message.atMs, [
        { kind: 'availability', isOnline: saysOnline(message.payload) },
      ])
    const payload = message.topic === topic ? jsonObject(message.payload) : undefined
    return payload ? hearLock(memory, message, payload) : settled(memory, message.atMs)
  }

  return {
    topics: [topic, availability, bridge],
    begin: { quietUntilMs: 0, turns: NO_TURNS },
    hear,
    wake: (memory, nowMs) => settled(memory, nowMs),
    open: {
      topic: `${topic}/set`,
      payload: JSON.stringify({
        state: pin === undefined ? 'UNLOCK' : { state: 'UNLOCK', code: pin },
      }),
    },
    readyAtMs: () => 0,
    poll: { topic: `${topic}/get`, payload: '{"state":""}' },
  }
}

const hearBridge = (memory: Memory, { payload, isRetained, atMs }: Heard): Step<Memory> => {
  const isOnline = saysOnline(payload)
  const quietUntilMs = isOnline && !isRetained ? atMs + QUIET_MS : memory.quietUntilMs
  // An online bridge does not mean that the lock is online.
  const observations = isOnline ? [] : [{ kind: 'availability', isOnline } as const]
  return settled({ ...memory, quietUntilMs }, atMs, observations)
}

const hearLock = (
  memory: Memory,
  { isRetained, atMs }: Heard,
  payload: Readonly<Record<string, unknown>>,
): Step<Memory> => {
  const action = payload['action']
  if (typeof action !== 'string' || action === '')
    return hearState(memory, { isRetained, atMs }, payload)
  // Retained actions, and those repeated after a start, do not mean that somebody is at the door.
  if (isRetained || atMs < memory.quietUntilMs) return settled(memory, atMs)
  const turn = turnOf(action, payload, atMs)
  const refusal = refusalOf(action)
  if (refusal !== undefined)
    return settled(memory, atMs, [{ kind: 'refused', reason: refusal, ...turn }])
  if (!UNLOCKS.test(action)) return settled(memory, atMs)
  return settled({ ...memory, turns: addTurn(memory.turns, turn) }, atMs)
}

const hearState = (
  memory: Memory,
  { isRetained, atMs }: Pick<Heard, 'isRetained' | 'atMs'>,
  payload: Readonly<Record<string, unknown>>,
): Step<Memory> => {
  const state = stateOf(payload)
  if (!state) return settled(memory, atMs)
  const turns =
    state === 'unlocked' && !isRetained ? confirmTurns(memory.turns, atMs) : memory.turns
  return settled({ ...memory, turns }, atMs, [{ kind: 'state', state, isOld: isRetained }])
}

/** Returns the observations that are due. */
const settled = (
  memory: Memory,
  nowMs: number,
  observations: readonly Observation[] = [],
): Step<Memory> => {
  const { turns, opened, wakeAtMs } = dueTurns(memory.turns, nowMs)
  return step({ ...memory, turns }, [...opened, ...observations], wakeAtMs)
}

const stateOf = (payload: Readonly<Record<string, unknown>>): BoltState | undefined => {
  const bolt = payload['lock_state']
  if (bolt === 'not_fully_locked') return 'jammed'
  if (bolt === 'locked' || bolt === 'unlocked') return bolt
  if (payload['state'] === 'LOCK') return 'locked'
  return payload['state'] === 'UNLOCK' ? 'unlocked' : undefined
}

/** `unlock`, `one_touch_unlock`, `keypad_unlock` and the like, but not their failures. */
const UNLOCKS = /(?:^|_)unlock$/

const REFUSALS: Readonly<Record<string, LockReason>> = {
  invalid_pin_or_id: 'invalid_credential',
  invalid_schedule: 'restricted',
}

/** Returns why somebody was refused, or undefined if nobody was. A failure to lock is not a refusal. */
const refusalOf = (action: string): LockReason | undefined => {
  const why = /^(?:\w+_)?unlock_failure_(?<why>\w+)$/.exec(action)?.groups?.['why']
  return why === undefined ? undefined : (REFUSALS[why] ?? 'unspecified')
}

const METHODS: Readonly<Record<string, Method>> = {
  keypad: 'keypad',
  rf: 'app',
  manual: 'manual',
  rfid: 'card',
  fingerprint: 'fingerprint',
}

/** The numbers of `action_source`. */
const SOURCES = ['keypad', 'rf', 'manual', 'rfid', 'fingerprint']

/** Stands for nobody in the Zigbee Cluster Library. */
const NOBODY = 65_535

const turnOf = (action: string, payload: Readonly<Record<string, unknown>>, atMs: number): Turn => {
  const { action_user: user, action_source: number, action_source_name: source } = payload
  // Some models include it in the action itself.
  const said = /^(?<source>keypad|rf|manual|rfid|fingerprint)_/.exec(action)?.groups?.['source']
  const name = said ?? (typeof source === 'string' ? source : SOURCES[Number(number ?? -1)])
  const isPerson = typeof user === 'number' && Number.isSafeInteger(user) && user !== NOBODY
  return {
    slot: isPerson ? String(user) : null,
    method: METHODS[name ?? ''] ?? null,
    entry: null,
    atMs,
    occurredAtMs: null,
  }
}

/** Older versions publish the bare word. */
const saysOnline = (payload: string): boolean =>
  (jsonObject(payload)?.['state'] ?? payload) === 'online'
