import { expect, test } from 'bun:test'
import type { When } from '../../../../src/console/app/api/targets.ts'
import { draftOf, whenOf } from '../../../../src/console/app/pages/connections/when-draft.ts'
import { whenWords } from '../../../../src/console/app/words/when.ts'

const SENTENCES: readonly (readonly [string, When])[] = [
  ['when anyone opens any door', { on: 'unlocked' }],
  [
    'when ada or mia opens the garage between 22:00 and 06:00',
    {
      on: 'unlocked',
      locks: ['garage'],
      people: ['ada', 'mia'],
      hours: { from: '22:00', to: '06:00' },
    },
  ],
  [
    'when somebody is refused at the garage, the shed or the gate',
    { on: 'denied', locks: ['garage', 'shed', 'gate'] },
  ],
  ['when the log has a problem', { on: 'log.problem' }],
  [
    'when a new account is waiting between 08:00 and 20:00',
    { on: 'account.waiting', hours: { from: '08:00', to: '20:00' } },
  ],
]

test.each(SENTENCES)('%p', (sentence, when) => {
  expect(whenWords(when, (id) => id)).toBe(sentence)
  // A form that nobody changes sends the same.
  expect(whenOf(draftOf(when))).toEqual(when)
})

test('people and doors that another event does not know are not sent', () => {
  const draft = draftOf({ on: 'unlocked', locks: ['garage'], people: ['ada'] })
  expect(whenOf({ ...draft, on: 'log.problem' })).toEqual({ on: 'log.problem' })
})
