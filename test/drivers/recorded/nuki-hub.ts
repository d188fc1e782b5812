import { BEGUN_MS, type Recorded } from './play.ts'

const LOCK = 'nukihub/lock'

type Entry = Readonly<Record<string, unknown>>

/** An entry of the lock's own log, so many seconds after the beginning. */
export const entry = (index: number, seconds: number, parts: Entry = {}): Entry => {
  const time = new Date(BEGUN_MS + seconds * 1000)
  return {
    index,
    authorizationId: 0,
    authorizationName: '',
    timeYear: time.getUTCFullYear(),
    timeMonth: time.getUTCMonth() + 1,
    timeDay: time.getUTCDate(),
    timeHour: time.getUTCHours(),
    timeMinute: time.getUTCMinutes(),
    timeSecond: time.getUTCSeconds(),
    type: 'LockAction',
    action: 'Unlock',
    trigger: 'manual',
    completionStatus: 'success',
    ...parts,
  }
}

/** All codes of the keypad have one authorization. */
export const typed = (index: number, seconds: number, codeId: number, parts: Entry = {}): Entry =>
  entry(index, seconds, {
    type: 'KeypadAction',
    authorizationId: 1_234_567,
    authorizationName: 'Nuki Keypad',
    trigger: 'code',
    codeId,
    ...parts,
  })

/** Grace opened in the morning, and `auth_name` still says so when Ada's code is typed. */
export const PREVIOUS_NAME: readonly Recorded[] = [
  [0, `${LOCK}/authorizationName`, 'Grace', 'retained'],
  [0, `${LOCK}/json`, { lock_state: 'locked', auth_id: 99, auth_name: 'Grace' }, 'retained'],
  [
    10,
    `${LOCK}/json`,
    { lock_state: 'unlocked', trigger: 'manual', auth_id: 99, auth_name: 'Grace' },
  ],
  [10, `${LOCK}/state`, 'unlocked'],
  [15, `${LOCK}/rollingLog`, typed(812, 10, 4)],
  [15, `${LOCK}/authorizationName`, 'Ada'],
]

/** Two codes, one authorization. */
export const TWO_CODES: readonly Recorded[] = [
  [5, `${LOCK}/rollingLog`, typed(812, 5, 4)],
  [65, `${LOCK}/rollingLog`, typed(813, 65, 5)],
]

/** An expired code, a wrong one, and a motor that was blocked. */
export const NOT_SUCCESS: readonly Recorded[] = [
  [5, `${LOCK}/rollingLog`, typed(812, 5, 4, { completionStatus: 'notAuthorized' })],
  [6, `${LOCK}/rollingLog`, typed(813, 6, 0, { completionStatus: 'invalidCode' })],
  [7, `${LOCK}/rollingLog`, entry(814, 7, { trigger: 'button', completionStatus: 'motorBlocked' })],
]

/** The hub connects anew: the broker has kept the newest entry and the list. */
export const KEPT: readonly Recorded[] = [
  [0, `${LOCK}/rollingLog`, typed(813, -60, 5), 'retained'],
  [
    0,
    `${LOCK}/log`,
    [typed(813, -60, 5), entry(812, -90, { action: 'Lock' }), typed(811, -120, 4)],
    'retained',
  ],
]
