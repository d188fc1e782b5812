import { describe, expect, test } from 'bun:test'
import { homeEventOf, wantsEvent, wantsNews } from '../../../src/outbox/core/rules.ts'
import type { HomeEventKind, Rule } from '../../../src/domain/home-event.ts'

const listener = (rules: readonly Rule[], accountPublicId: string | null = null) => ({
  id: 't',
  accountPublicId,
  rules,
})
const event = {
  on: 'unlocked',
  lock: 'front-door',
  accountPublicId: 'ada',
  happenedAtMs: Date.UTC(2026, 10, 28, 21, 30),
} as const
const berlin = () => 'Europe/Berlin'

describe('what an appended event is to the home', () => {
  test.each([
    ['unlocked', null, 'unlocked'],
    ['denied', 'no_grant', 'denied'],
    ['permitted', null, undefined],
    ['released', null, 'unlocked'],
    ['failed', 'motor_blocked', undefined],
    ['denied', 'too_many_attempts', undefined],
    ['denied', 'unlocks_lost', undefined],
  ] as const)('%s (%s) is %s', (result, reason, expected) => {
    expect(homeEventOf({ result, reason })).toBe(expected)
  })

  test('a guest who was permitted was let in', () => {
    const passId = 'pass-1'
    expect(homeEventOf({ result: 'permitted', reason: null, passId })).toBe('guest.opened')
    expect(homeEventOf({ result: 'denied', reason: 'expired', passId })).toBe('denied')
    expect(homeEventOf({ result: 'unlocked', reason: null, passId })).toBe('unlocked')
  })
})

describe('a rule', () => {
  test('without locks, people or hours is about all of them', () => {
    expect(wantsEvent(listener([{ on: 'unlocked' }]), event, berlin)).toBeTrue()
    expect(wantsEvent(listener([{ on: 'denied' }]), event, berlin)).toBeFalse()
    expect(wantsEvent(listener([]), event, berlin)).toBeFalse()
  })

  test('names locks and people', () => {
    const wants = (rule: Omit<Rule, 'on'>) =>
      wantsEvent(listener([{ on: 'unlocked', ...rule }]), event, berlin)
    expect(wants({ locks: ['front-door', 'garage'] })).toBeTrue()
    expect(wants({ locks: ['garage'] })).toBeFalse()
    expect(wants({ people: ['ada'] })).toBeTrue()
    expect(wants({ people: ['bob'], locks: ['front-door'] })).toBeFalse()
  })

  test.each([
    ['22:00', '06:00', '21:59', false],
    ['22:00', '06:00', '22:00', true],
    ['22:00', '06:00', '03:00', true],
    ['22:00', '06:00', '05:59', true],
    ['22:00', '06:00', '06:00', false],
    ['08:00', '17:00', '08:00', true],
    ['08:00', '17:00', '17:00', false],
    ['08:00', '17:00', '23:00', false],
  ])('from %s to %s holds at %s: %p', (from, to, time, expected) => {
    const happenedAtMs = Temporal.PlainDateTime.from(`2026-11-28T${time}`).toZonedDateTime(
      'Europe/Berlin',
    ).epochMilliseconds
    const rules = [{ on: 'unlocked', hours: { from, to } }] as const
    expect(wantsEvent(listener(rules), { ...event, happenedAtMs }, berlin)).toBe(expected)
  })

  test('counts hours by the clock on the wall when it happened, in summer as in winter', () => {
    const rules = [{ on: 'unlocked', hours: { from: '22:00', to: '23:00' } }] as const
    const at = (happenedAtMs: number) =>
      wantsEvent(listener(rules), { ...event, happenedAtMs }, berlin)
    expect(at(Date.UTC(2026, 0, 10, 21, 30))).toBeTrue()
    expect(at(Date.UTC(2026, 0, 10, 20, 30))).toBeFalse()
    expect(at(Date.UTC(2026, 6, 10, 20, 30))).toBeTrue()
    expect(at(Date.UTC(2026, 6, 10, 21, 30))).toBeFalse()
  })

  test('of a person hears of that person and their guests only, and of nothing that concerns the whole home', () => {
    const rules = [{ on: 'unlocked' }, { on: 'log.problem' }, { on: 'account.waiting' }] as const
    expect(wantsEvent(listener(rules, 'ada'), event, berlin)).toBeTrue()
    expect(wantsEvent(listener(rules, 'bob'), event, berlin)).toBeFalse()
    const wants = (owner: string | null, on: HomeEventKind, host?: string) =>
      wantsNews(listener([...rules, { on: 'guest.problem' }], owner), { on, host, atMs: 0 }, berlin)
    expect(wants(null, 'log.problem')).toBeTrue()
    expect(wants('ada', 'log.problem')).toBeFalse()
    expect(wants('ada', 'account.waiting')).toBeFalse()
    expect(wants(null, 'guest.problem', 'ada')).toBeTrue()
    expect(wants('ada', 'guest.problem', 'ada')).toBeTrue()
    expect(wants('bob', 'guest.problem', 'ada')).toBeFalse()
    expect(wants('bob', 'guest.problem')).toBeFalse()
  })

  test('of a host hears when a guest of theirs was let in, and never as a member’s opening', () => {
    const guest = { ...event, on: 'guest.opened', accountPublicId: '', host: 'ada' } as const
    const rules = [{ on: 'guest.opened', locks: ['front-door'] }] as const
    expect(wantsEvent(listener(rules, 'ada'), guest, berlin)).toBeTrue()
    expect(wantsEvent(listener(rules), guest, berlin)).toBeTrue()
    expect(wantsEvent(listener(rules, 'bob'), guest, berlin)).toBeFalse()
    expect(wantsEvent(listener(rules, 'ada'), { ...guest, lock: 'garage' }, berlin)).toBeFalse()
    expect(
      wantsEvent(listener([{ on: 'denied' }], 'ada'), { ...guest, on: 'denied' }, berlin),
    ).toBeFalse()
  })
})
