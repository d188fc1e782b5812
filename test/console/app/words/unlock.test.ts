import { expect, test } from 'bun:test'
import { EVENT_EXAMPLE } from '../../../../src/unlocks/log/schema.ts'
import { doorNames } from '../../../../src/console/app/words/door-name.ts'
import {
  PROVENANCE,
  type Unlock,
  openedWords,
  provenanceOf,
  sentenceOf,
  silenceOf,
} from '../../../../src/console/app/words/unlock.ts'

const DECIDED = { source: 'decided', method: 'app' } as const

const BY_GUEST = {
  source: 'decided',
  method: 'guest',
  account: null,
  guest: { pass: 'p' },
  attempt: 'a',
} as const

doorNames.value = new Map([
  ['front-door', 'Front  Door'],
  ['house', 'Haustür'],
  ['back', 'Back gate'],
])

const SENTENCES: readonly (readonly [string, Partial<Unlock>])[] = [
  ['ada unlocked the front door with a fingerprint.', {}],
  ['ada unlocked the garage using “Klopfzeichen”.', { lock: 'garage', method: 'Klopfzeichen' }],
  ['ada recorded a test opening.', { method: 'test' }],
  [
    'ada was turned away at the front door with a PIN: not allowed at this time.',
    { result: 'denied', reason: 'restricted', method: 'PIN' },
  ],
  [
    'ada was turned away by the gateway: no longer logged in.',
    { result: 'denied', reason: 'session_ended', source: 'observed', method: 'app' },
  ],
  ['The gateway let ada in at the front door.', { result: 'permitted', ...DECIDED }],
  [
    'ada was refused at the garage: outside the hours.',
    { result: 'denied', reason: 'outside_schedule', lock: 'garage', ...DECIDED },
  ],
  ['ada unlocked “Haustür” with a fingerprint.', { lock: 'house' }],
  [
    'ada was refused at “Back gate”: no rule for this door.',
    { result: 'denied', reason: 'no_grant', lock: 'back', ...DECIDED },
  ],
  ['ada unlocked the front door with a code.', { source: 'reported', method: 'keypad' }],
  ['ada unlocked the front door by hand.', { source: 'reported', method: 'manual' }],
  [
    'Somebody unlocked the front door.',
    { source: 'reported', method: 'unknown', username: '', account: null },
  ],
  [
    'Somebody was turned away at the front door with a code: wrong code, card or fingerprint.',
    {
      source: 'reported',
      result: 'denied',
      reason: 'invalid_credential',
      method: 'keypad',
      username: '',
      account: null,
    },
  ],
  ['The gateway let guest ada in at the front door.', { result: 'permitted', ...BY_GUEST }],
  [
    'The lock released the front door for guest ada.',
    { ...BY_GUEST, source: 'attested', result: 'released' },
  ],
  ['Guest ada unlocked the front door.', { ...BY_GUEST, source: 'attested' }],
  [
    'ada unlocked the front door with the app.',
    { source: 'attested', method: 'app', attempt: 'a' },
  ],
  [
    'The front door did not open for ada: the bolt was blocked.',
    { source: 'attested', result: 'failed', reason: 'motor_blocked', method: 'app', attempt: 'a' },
  ],
  [
    'The front door was opened without asking the gateway.',
    { source: 'attested', method: 'unknown', username: '', account: null },
  ],
  // Apps choose their own words.
  ['ada unlocked the front door using “guest”.', { method: 'guest' }],
  // Whoever is guessed at has done nothing.
  [
    'Somebody guessed at ada’s password.',
    { result: 'denied', reason: 'too_many_attempts', source: 'observed', method: 'login' },
  ],
  [
    'Somebody guessed at an erased person’s password.',
    { result: 'denied', reason: 'too_many_attempts', source: 'observed', username: null },
  ],
  [
    'The log continues without 2 unlocks that were lost.',
    { result: 'denied', reason: 'unlocks_lost', source: 'observed', method: '2 unlocks' },
  ],
  [
    'The log continues without unlocks that were lost.',
    { result: 'denied', reason: 'unlocks_lost', source: 'observed', username: null, method: null },
  ],
]

for (const [sentence, unlock] of SENTENCES)
  test(sentence, () => {
    expect(sentenceOf({ ...EVENT_EXAMPLE, ...unlock })).toBe(sentence)
  })

test('says who says so', () => {
  expect(PROVENANCE).toStrictEqual({
    imported: 'from the old server',
    claimed: 'the phone says so',
    observed: 'the gateway says so',
    decided: 'the gateway decided',
    reported: 'the lock says so',
    attested: 'the lock signed it',
  })
})

test.each([
  ['attested', 'unlocked', 'the lock signed that it opened'],
  ['attested', 'released', 'the lock signed that it released the door'],
  ['attested', 'failed', 'the lock signed it'],
  ['reported', 'unlocked', 'the lock says so'],
  ['claimed', 'unlocked', 'the phone says so'],
] as const)('what is %s as %s: %s', (source, result, words) => {
  expect(provenanceOf({ ...EVENT_EXAMPLE, source, result })).toBe(words)
})

test.each([
  [null, 60, ''],
  ['no_controller', 60, ''],
  ['asked', 30, ''],
  ['asked', 31, 'the lock said nothing'],
  ['accepted', 60, ''],
  ['happened', 60, ''],
  ['unknown', 1, 'the lock said nothing'],
  ['failed', 1, 'the lock did not open'],
  ['offline', 1, 'the lock was offline'],
] as const)('after a permitted attempt that is %p for %d s, says “%s”', (delivery, s, words) => {
  const permitted = { ...EVENT_EXAMPLE, ...DECIDED, result: 'permitted', delivery } as const
  const nowMs = Date.parse(EVENT_EXAMPLE.happened_at) + s * 1000
  expect(silenceOf(permitted, nowMs)).toBe(words)
})

const outcome = (
  result: NonNullable<Unlock['outcome']>['result'],
  reason: Unlock['reason'] = null,
) => ({ result, reason, source: result === 'unheard' ? null : 'attested' }) as const

test.each([
  [outcome('unheard'), 'the lock said nothing', ''],
  [outcome('failed', 'motor_blocked'), 'it did not open: the bolt was blocked', ''],
  [outcome('unlocked'), '', 'the lock signed that it opened'],
  [outcome('released'), '', 'the lock signed that it released the door'],
  [{ ...outcome('unlocked'), source: 'reported' } as const, '', 'the lock says so'],
  // No entry of the log says so.
  [{ ...outcome('unlocked'), source: null }, '', ''],
])('what became of a permitted attempt: %j', (ended, silence, opened) => {
  const permitted: Unlock = {
    ...EVENT_EXAMPLE,
    ...DECIDED,
    result: 'permitted',
    delivery: 'asked',
    outcome: ended,
  }
  expect([silenceOf(permitted), openedWords(permitted)]).toEqual([silence, opened])
})
