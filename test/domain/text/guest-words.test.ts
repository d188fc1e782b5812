import { expect, test } from 'bun:test'
import {
  type AttemptResult,
  DECISION_REASONS,
  DELIVERIES,
  FAILURE_REASONS,
} from '../../../src/domain/access.ts'
import { guestOutcome, guestRefusal } from '../../../src/domain/text/guest-words.ts'

const ADA = { host: 'Ada' }
const NOBODY = { host: null }
const SATURDAY = 'Saturday 15:00'

test('a guest reads in a sentence why a door stays closed, and never more than they may know', () => {
  const sentences = DECISION_REASONS.map((reason) => [
    reason,
    guestRefusal(reason, { ...ADA, opens: null }),
    guestRefusal(reason, { ...ADA, opens: SATURDAY }),
  ])
  const same = (reason: string, sentence: string) => [reason, sentence, sentence]
  const switchedOff = 'This pass is switched off. Ask Ada.'
  const notThisPhone = 'This phone is not the one that the pass is tied to.'
  const notNow = ['This door is not open to you now.', 'Opens Saturday 15:00.']
  const ended = ['This pass has ended.', 'Opens Saturday 15:00.']
  expect(sentences).toEqual([
    same('lock_disabled', 'The door is closed to everyone right now.'),
    same('holder_disabled', switchedOff),
    same('not_admitted', 'An owner has to let you in first.'),
    same('lockdown', 'The door is closed to everyone right now.'),
    same('device_revoked', switchedOff),
    same('bad_signature', notThisPhone),
    same('replayed', notThisPhone),
    same('another_device', notThisPhone),
    same('no_grant', 'This pass does not open this door.'),
    same('revoked', 'This pass does not open this door.'),
    ['suspended', switchedOff, 'Opens Saturday 15:00.'],
    ['expired', ...ended],
    ['not_yet_valid', ...notNow],
    ['closed_on_holiday', ...notNow],
    ['outside_schedule', ...notNow],
    same('clock_uncertain', 'The door does not know the time. Ask Ada.'),
    same('not_on_home_network', 'This works only on the Wi-Fi of the house.'),
    ['uses_spent', ...ended],
  ])
})

test('a pass without a host names no one to ask', () => {
  expect(guestRefusal('suspended', { ...NOBODY, opens: null })).toBe(
    'This pass is switched off. Ask the person who sent you the link.',
  )
  for (const reason of DECISION_REASONS)
    expect(guestRefusal(reason, { ...NOBODY, opens: null })).not.toContain('null')
})

const outcome = (
  delivery: (typeof DELIVERIES)[number],
  result: AttemptResult | null = null,
  failure: (typeof FAILURE_REASONS)[number] | null = null,
) => guestOutcome({ delivery, result, failure }, ADA)

test('after a permitted attempt, a guest reads what the lock did, and nothing that nobody knows', () => {
  expect(DELIVERIES.map((delivery) => [delivery, outcome(delivery)])).toEqual([
    ['no_controller', 'Let in, but no lock is connected, so nothing moved. Ask Ada.'],
    ['offline', 'Let in, but the lock is offline. Ask Ada.'],
    ['asked', 'Opening…'],
    ['accepted', 'Let in. Push the door.'],
    ['happened', 'Open: push'],
    ['failed', 'The lock did not open. Press again. Ask Ada if it stays shut.'],
    ['unknown', 'Let in, but the lock said nothing. Try the door. Ask Ada if it stays shut.'],
  ])
})

test('what the lock says itself outweighs what is known of the command', () => {
  expect(outcome('asked', 'released')).toBe('Open: push')
  expect(outcome('unknown', 'unlocked')).toBe('Open: push')
  expect(outcome('asked', 'unheard')).toBe(outcome('unknown'))
  expect(FAILURE_REASONS.map((failure) => outcome('asked', 'failed', failure))).toEqual([
    'The bolt is stuck. Press again. Ask Ada if it stays shut.',
    'The lock did not open. Press again. Ask Ada if it stays shut.',
    'The lock was interrupted. Press again. Ask Ada if it stays shut.',
  ])
  expect(
    guestOutcome({ delivery: 'failed', result: 'failed', failure: 'motor_blocked' }, NOBODY),
  ).toBe('The bolt is stuck. Press again. Ask the person who sent you the link if it stays shut.')
})
