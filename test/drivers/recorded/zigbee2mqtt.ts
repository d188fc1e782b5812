import type { Recorded } from './play.ts'

const LOCK = 'zigbee2mqtt/front-door'

/** Every message of the lock has these, as Zigbee2MQTT merges them in. */
const MERGED = {
  battery: 87,
  linkquality: 120,
  users: { 2: { status: 'enabled', pin_code: 482913 } },
  pin_code: { user: 2, user_type: 'unrestricted', user_enabled: true, pin_code: 482913 },
}

export const PIN = '482913'

/** The code of user 2 was typed: the action has the state of before, then an empty action follows, then the
 * state. */
export const KEYPAD: readonly Recorded[] = [
  [
    0,
    LOCK,
    {
      ...MERGED,
      action: 'unlock',
      action_source: 0,
      action_source_name: 'keypad',
      action_user: 2,
      lock_state: 'locked',
      state: 'LOCK',
    },
  ],
  [0.1, LOCK, { ...MERGED, action: '', lock_state: 'locked', state: 'LOCK' }],
  [0.1, `${LOCK}/action`, 'unlock'],
  [1.8, LOCK, { ...MERGED, action: null, lock_state: 'unlocked', state: 'UNLOCK' }],
]

/** A lock that never sends its state. */
export const WITHOUT_STATE = KEYPAD.slice(0, 3)

/** Zigbee2MQTT was restarted, and publishes what it remembers of each device. */
export const RESTART: readonly Recorded[] = [
  [0, 'zigbee2mqtt/bridge/state', { state: 'online' }],
  ...KEYPAD.map(([seconds, ...rest]) => [seconds + 3, ...rest] as Recorded),
]

/** The gateway connects, and the broker has kept everything. */
export const KEPT: readonly Recorded[] = KEYPAD.map(
  ([, topic, payload]) => [0, topic, payload, 'retained'] as const,
)

const anonymous: Recorded = [
  0,
  LOCK,
  { ...MERGED, action: 'unlock', action_source_name: 'manual', action_user: 65_535, state: 'LOCK' },
]
const named: Recorded = [
  0,
  LOCK,
  { ...MERGED, action: 'unlock', action_source_name: 'fingerprint', action_user: 7, state: 'LOCK' },
]
const unlocked: Recorded = [0, LOCK, { ...MERGED, action: null, state: 'UNLOCK' }]
const at = (seconds: number, [, ...rest]: Recorded): Recorded => [seconds, ...rest]

/** One turn that is told twice, the one with the person last. */
export const ANONYMOUS_FIRST = [anonymous, at(0.3, unlocked), at(1.5, named)]
export const NAMED_FIRST = [named, at(0.3, unlocked), at(1.5, anonymous)]

/** Somebody turned the lock from inside, then came back with a finger. */
export const TWO_TURNS = [anonymous, at(0.3, unlocked), at(5, named), at(5.5, unlocked)]

/** A wrong code, then one out of its hours. */
export const REFUSED: readonly Recorded[] = [
  [
    0,
    LOCK,
    {
      ...MERGED,
      action: 'unlock_failure_invalid_pin_or_id',
      action_source_name: 'keypad',
      action_user: 65_535,
    },
  ],
  [
    4,
    LOCK,
    { ...MERGED, action: 'unlock_failure_invalid_schedule', action_source: 0, action_user: 3 },
  ],
  [
    5,
    LOCK,
    { ...MERGED, action: 'lock_failure_invalid_pin_or_id', action_source: 0, action_user: 3 },
  ],
]

/** The bolt moved, and nobody said why. */
export const SILENT: readonly Recorded[] = [
  [0, LOCK, { ...MERGED, state: 'UNLOCK', lock_state: 'unlocked' }],
  [8, LOCK, { ...MERGED, state: 'LOCK', lock_state: 'locked' }],
  [20, LOCK, { ...MERGED, state: 'LOCK', lock_state: 'not_fully_locked' }],
]
