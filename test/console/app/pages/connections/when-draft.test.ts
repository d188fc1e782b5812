import { expect, test } from 'bun:test'
import type { When } from '../../../../../src/console/app/api/targets.ts'
import { draftOf, whenOf } from '../../../../../src/console/app/pages/connections/when-draft.ts'

const WHENS: readonly When[] = [
  { on: 'unlocked' },
  {
    on: 'unlocked',
    locks: ['garage'],
    people: ['ada', 'mia'],
    hours: { from: '22:00', to: '6:00' },
  },
  { on: 'denied', locks: ['garage', 'shed'] },
  { on: 'log.problem', hours: { from: '08:00', to: '20:00' } },
]

test.each(WHENS)('what nobody changes is sent as it was: %p', (when) => {
  expect(whenOf(draftOf(when))).toEqual(when)
})

test('people and doors that another event does not know are not sent', () => {
  const draft = draftOf({ on: 'unlocked', locks: ['garage'], people: ['ada'] })
  expect(whenOf({ ...draft, on: 'log.problem' })).toEqual({ on: 'log.problem' })
  // A guest has no account, and opens a door.
  expect(whenOf({ ...draft, on: 'guest.opened' })).toEqual({
    on: 'guest.opened',
    locks: ['garage'],
  })
})
