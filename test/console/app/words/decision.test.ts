import { expect, test } from 'bun:test'
import {
  type Outcome,
  isBadOutcome,
  outcomeWords,
} from '../../../../src/console/app/words/decision.ts'

const OUTCOMES: readonly (readonly [outcome: Outcome, words: string, isBad: boolean])[] = [
  [{ delivery: 'asked' }, 'Opening…', false],
  [{ delivery: 'happened', result: 'unlocked' }, 'Opened.', false],
  [{ delivery: 'happened', result: 'released' }, 'The lock released the door. Push.', false],
  [
    { delivery: 'failed', result: 'failed', failure: 'motor_blocked' },
    'The lock did not open: the bolt was blocked. Try again, or use your key.',
    true,
  ],
  [{ delivery: 'failed' }, 'The lock did not open. Try again, or use your key.', true],
  [
    { delivery: 'unknown', result: 'unheard' },
    'The lock has not answered. Check whether the door is open, or use your key.',
    true,
  ],
  [{ delivery: 'offline' }, 'Let in, but the lock is offline. Use your key.', true],
]

test.each(OUTCOMES)('a permitted attempt that is %j: %s', (outcome, words, isBad) => {
  expect([outcomeWords(outcome), isBadOutcome(outcome)]).toEqual([words, isBad])
})
