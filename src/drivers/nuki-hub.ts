import type { LockReason } from '../domain/access.ts'
import {
  type BoltState,
  type Heard,
  type MessageDriver,
  type Method,
  type Observation,
  type Step,
  type Turn,
  isObject,
  jsonValue,
  step,
} from './observation.ts'

type Given = {
  /** The topic of the hub, such as `nukihub`. */
  readonly prefix: string
  /** `open` also pulls the latch. */
  readonly action: 'unlock' | 'open'
}

type Memory = { readonly readyAtMs: number }

/** How long the hub ignores commands after it connects, as a protection against old ones. */
const DEAF_MS = 2500

/** A Nuki lock behind a Nuki Hub. The person is taken from an entry of the lock's own log only: `auth_name` may still
 * be the previous person (technyon/nuki_hub issues 472 and 294). Codes of the keypad share one authorization and are
 * distinguished by the id of the code (issue 408). The hub retains entries and sends them again (issue 684), so each
 * is identified by its number. */
export const nukiHub = ({ prefix, action }: Given): MessageDriver<Memory> => {
  const lock = `${prefix}/lock`
  const connection = `${prefix}/maintenance/mqttConnectionState`

  const observationsOf = ({ topic, payload, isRetained, atMs }: Heard): readonly Observation[] => {
    switch (topic.slice(lock.length + 1)) {
      case 'state':
        return stateOf(payload, isRetained)
      case 'action':
        return isRetained ? [] : answerOf(payload)
      case 'commandResult':
      case 'completionStatus':
        return isRetained ? [] : resultOf(payload)
      case 'rollingLog':
        return entriesOf(jsonList(`[${payload}]`), { isLive: !isRetained, atMs })
      case 'log':
        return entriesOf(jsonList(payload), { isLive: false, atMs })
      default:
        return []
    }
  }

  const hear = (memory: Memory, message: Heard): Step<Memory> => {
    const { topic, payload, isRetained, atMs } = message
    if (topic !== connection) return step(memory, observationsOf(message))
    const isOnline = payload === 'online'
    const readyAtMs = isOnline && !isRetained ? atMs + DEAF_MS : memory.readyAtMs
    return step({ readyAtMs }, [{ kind: 'availability', isOnline }])
  }

  return {
    topics: [
      ...['state', 'action', 'commandResult', 'completionStatus', 'rollingLog', 'log'].map(
        (name) => `${lock}/${name}`,
      ),
      connection,
    ],
    begin: { readyAtMs: 0 },
    hear,
    wake: (memory) => step(memory),
    open: { topic: `${lock}/action`, payload: action === 'open' ? 'unlatch' : 'unlock' },
    readyAtMs: (memory) => memory.readyAtMs,
    // The hub polls the lock itself.
    poll: null,
  }
}

const STATES: Readonly<Record<string, BoltState>> = {
  locked: 'locked',
  locking: 'locking',
  unlocked: 'unlocked',
  unlockedLnga: 'unlocked',
  unlocking: 'unlocking',
  unlatched: 'open',
  unlatching: 'opening',
  motorBlocked: 'jammed',
}

const stateOf = (payload: string, isOld: boolean): readonly Observation[] => {
  const state = STATES[payload]
  return state ? [{ kind: 'state', state, isOld }] : []
}

/** The hub answers on the command topic, where the command itself arrives too. */
const answerOf = (payload: string): readonly Observation[] => {
  if (payload === 'ack') return [{ kind: 'accepted', says: payload }]
  return ['denied', 'unknown_action', 'error'].includes(payload)
    ? [{ kind: 'failed', says: payload }]
    : []
}

/** Values that the lock may send before it has tried. */
const NO_RESULTS = new Set(['', '--', 'success', 'working', 'busy', 'undefined', 'unknown'])

/** A success only means that the command ended; the state shows how. */
const resultOf = (payload: string): readonly Observation[] =>
  NO_RESULTS.has(payload) ? [] : [{ kind: 'failed', says: payload.slice(0, 50) }]

type Entry = Readonly<Record<string, unknown>>

/** Returns the objects in a JSON list. */
const jsonList = (text: string): readonly Entry[] => {
  const list = jsonValue(text)
  return Array.isArray(list) ? list.filter((item) => isObject(item)) : []
}

const OPENS = new Set(['Unlock', 'Unlatch', 'LockNgo', 'LockNgoUnlatch'])

/** Returns the entries of the lock's own log as observations, oldest first. */
const entriesOf = (
  entries: readonly Entry[],
  { isLive, atMs }: { readonly isLive: boolean; readonly atMs: number },
): readonly Observation[] => {
  const known = entries
    .flatMap((entry) => {
      const index = entry['index']
      return Number.isSafeInteger(index) ? [{ entry, index: Number(index) }] : []
    })
    .toSorted((one, other) => one.index - other.index)
  const newest = known.at(-1)
  if (!newest) return []
  return [
    { kind: 'log', newest: newest.index, isLive },
    ...known.flatMap(({ entry, index }) => turnsOf(entry, index, { isLive, atMs })),
  ]
}

const turnsOf = (
  entry: Entry,
  index: number,
  heard: Pick<Heard, 'atMs'> & { readonly isLive: boolean },
): readonly Observation[] => {
  if (!OPENS.has(String(entry['action']))) return []
  const occurredAtMs = timeOf(entry)
  // The lock's clock may be wrong, but a new entry is from just now.
  const atMs = heard.isLive ? heard.atMs : Math.min(occurredAtMs ?? heard.atMs, heard.atMs)
  const turn: Turn = { ...personOf(entry), entry: index, atMs, occurredAtMs }
  const status = String(entry['completionStatus'])
  // Only a success is an opening: an expired code leaves an entry too (kvj/hass_nuki_ng issue 117).
  return status === 'success'
    ? [{ kind: 'opened', ...turn }]
    : [{ kind: 'refused', reason: REASONS[status] ?? 'unspecified', ...turn }]
}

/** `notAuthorized` means a code outside its hours, or an expired one. */
const REASONS: Readonly<Record<string, LockReason>> = {
  invalidCode: 'invalid_credential',
  notAuthorized: 'restricted',
  lowMotorVoltage: 'insufficient_battery',
}

const TRIGGERS: Readonly<Record<string, Method>> = {
  manual: 'manual',
  button: 'manual',
  automatic: 'automatic',
  autoLock: 'automatic',
  system: 'app',
  homekit: 'app',
  mqtt: 'app',
}

const KEYPAD: Readonly<Record<string, Method>> = { code: 'keypad', fingerprint: 'fingerprint' }

/** Returns the slot of an entry: the id of a code or, prefixed with `auth-`, that of a phone. */
const personOf = (entry: Entry): Pick<Turn, 'slot' | 'method'> => {
  const trigger = String(entry['trigger'])
  if (entry['type'] === 'KeypadAction')
    return { slot: numberOf(entry['codeId']), method: KEYPAD[trigger] ?? 'keypad' }
  const method = TRIGGERS[trigger] ?? null
  const id = method === 'app' ? numberOf(entry['authorizationId']) : null
  return { slot: id && `auth-${id}`, method }
}

/** Zero stands for nobody. */
const numberOf = (value: unknown): string | null =>
  typeof value === 'number' && Number.isSafeInteger(value) && value > 0 ? String(value) : null

/** Returns the time of an entry, which is in UTC, or null if it has none. */
const timeOf = (entry: Entry): number | null => {
  const [year = 0, month = 0, day, hour, minute, second] = [
    'timeYear',
    'timeMonth',
    'timeDay',
    'timeHour',
    'timeMinute',
    'timeSecond',
  ].map((name) => Number(entry[name]))
  const ms = Date.UTC(year, month - 1, day, hour, minute, second)
  return ms > 0 ? ms : null
}
