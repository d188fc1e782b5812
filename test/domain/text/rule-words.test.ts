import { expect, test } from 'bun:test'
import type { Rule } from '../../../src/domain/home-event.ts'
import { ruleWords } from '../../../src/domain/text/rule-words.ts'

const names = {
  door: (label: string) => `the ${label.replace('-', ' ')}`,
  person: (id: string) => (id === 'gone' ? undefined : id),
}
const NIGHT = { from: '22:00', to: '06:00' }

test.each<[Rule, string]>([
  [{ on: 'unlocked' }, 'when anyone opens any door'],
  [
    { on: 'unlocked', locks: ['front-door'], hours: NIGHT },
    'when anyone opens the front door between 22:00 and 06:00',
  ],
  [
    { on: 'unlocked', people: ['Ada', 'Ben'], locks: ['front-door', 'shed'] },
    'when Ada or Ben opens the front door or the shed',
  ],
  [
    { on: 'unlocked', people: ['Ada', 'Ben', 'Cleo', 'Dan'] },
    'when Ada, Ben, Cleo or Dan opens any door',
  ],
  [
    { on: 'unlocked', people: ['Ada', 'Ben', 'Cleo', 'Dan', 'Eva'] },
    'when Ada, Ben, Cleo or one of 2 others opens any door',
  ],
  [{ on: 'unlocked', people: ['gone'] }, 'when an erased person opens any door'],
  [{ on: 'denied' }, 'when somebody is refused'],
  [{ on: 'denied', people: ['Ada'], locks: ['shed'] }, 'when Ada is refused at the shed'],
  [{ on: 'guest.opened' }, 'when a guest is let in'],
  [{ on: 'guest.opened', locks: ['shed'] }, 'when a guest is let in at the shed'],
  [
    { on: 'guest.problem' },
    'when a guest pass is tried on another phone, or a guest asks for help',
  ],
  [{ on: 'controller.silent' }, 'when the controller of a door stops answering'],
  [
    { on: 'controller.alarm' },
    'when a door opens although nobody was let in, or its controller was copied',
  ],
  [{ on: 'log.problem' }, 'when the log has a problem'],
  [
    { on: 'account.waiting', hours: NIGHT },
    'when a new account is waiting between 22:00 and 06:00',
  ],
])('the rule %j is said as: %s', (rule, words) => {
  expect(ruleWords(rule, names)).toBe(words)
})

test('a rule of a person is about that person and their guests alone', () => {
  const own = { ...names, isOwn: true }
  expect(ruleWords({ on: 'unlocked', people: ['Ada'] }, own)).toBe('when you open any door')
  expect(ruleWords({ on: 'denied', locks: ['shed'], hours: NIGHT }, own)).toBe(
    'when you are refused at the shed between 22:00 and 06:00',
  )
  expect(ruleWords({ on: 'guest.opened' }, own)).toBe('when a guest of yours is let in')
  expect(ruleWords({ on: 'guest.problem' }, own)).toBe(
    'when the pass of a guest of yours is tried on another phone, or they ask for help',
  )
})
