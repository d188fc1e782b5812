import { describe, expect, test } from 'bun:test'
import type { Message } from '../../src/domain/home-event.ts'
import { denialOf, inWords, messageAbout, unlockOf } from '../support/messages.ts'

const said = (message: Message): [string, string] => {
  const { title, text } = inWords(message)
  return [title, text]
}

type Digest = Extract<Message['about'], { readonly event: 'digest' }>

const digest = (given: Partial<Digest>): Message =>
  messageAbout({
    event: 'digest',
    unlocked: 0,
    denied: 0,
    others: 0,
    dropped: 0,
    fromMs: Date.parse('2026-11-28T01:10:00Z'),
    toMs: Date.parse('2026-11-28T05:00:00Z'),
    ...given,
  })

describe('a notification', () => {
  test('says who opened what, when on the clocks of the home, and how', () => {
    expect(said(messageAbout())).toStrictEqual([
      'Ada opened the front door',
      'At 15:00, by fingerprint.',
    ])
    expect(inWords(messageAbout())).toMatchObject({
      id: '0193c6a8-5f0e-7c3a-9b1d-2e4f6a8b0c1d',
      link: 'https://lock.home/console/log/0193c6a8-5f0e-7c3a-9b1d-2e4f6a8b0c1d',
      isUrgent: false,
    })
  })

  test('names nobody once the person is erased', () => {
    expect(said(unlockOf({ who: null, user_id: null, method: null }))).toStrictEqual([
      'Somebody opened the front door',
      'At 15:00.',
    ])
  })

  test('says why somebody was refused, in the words of the gateway, the lock or the app', () => {
    const denied = (reason: string | null) => said(denialOf({ reason }))
    expect(denied('lockdown')).toStrictEqual([
      'Ada was refused at the front door',
      'At 15:00, by fingerprint. The door is locked down.',
    ])
    expect(denied('invalid_credential')[1]).toEndWith(' Wrong code, card or fingerprint.')
    expect(denied('finger_wet')[1]).toEndWith(' Reason: finger_wet.')
    expect(denied('unspecified')[1]).toBe('At 15:00, by fingerprint.')
    expect(denied(null)[1]).toBe('At 15:00, by fingerprint.')
    expect(inWords(denialOf({})).isUrgent).toBeTrue()
  })

  test('of what a phone reports late says when it happened, with the date of another day', () => {
    const late = { late: true, happened_at: '2026-11-27T22:30:00.000Z' }
    expect(said(unlockOf(late))[1]).toBe('At 27 November 23:30, by fingerprint. Reported at 15:00.')
  })

  test.each([
    [{ unlocked: 7, denied: 1 }, '7 openings and 1 refusal between 02:10 and 06:00.'],
    [{ unlocked: 1, others: 2 }, '1 opening and 2 other events between 02:10 and 06:00.'],
    [{ others: 1, fromMs: Date.parse('2026-11-28T05:00:00Z') }, '1 event at 06:00.'],
    [
      { denied: 3, dropped: 12 },
      '3 refusals between 02:10 and 06:00. 12 more events were not sent, because too many were waiting; the log has them all.',
    ],
    [
      { dropped: 12, fromMs: Date.parse('2026-11-27T05:00:00Z') },
      '12 events between 27 November 06:00 and 06:00 were not sent, because too many were waiting; the log has them all.',
    ],
  ])('that stands for several (%j) counts them: %s', (given, text) => {
    expect(said(digest(given))).toStrictEqual(['What you missed', text])
  })

  test('says that a guest was let in, and that a lock let somebody in that cannot tell if it opened', () => {
    const { about } = unlockOf({
      who: 'Plumber',
      user_id: null,
      method: 'guest',
      source: 'decided',
    })
    const unlock = 'unlock' in about ? about.unlock : undefined
    expect(unlock && said(messageAbout({ event: 'guest.opened', unlock }))).toStrictEqual([
      'Guest Plumber was let in at the front door',
      'At 15:00, by guest.',
    ])
    expect(said(unlockOf({ result: 'released', source: 'attested' }))[0]).toBe(
      'The lock let Ada in at the front door',
    )
    expect(said(unlockOf({ who: null, result: 'released', source: 'attested' }))[0]).toBe(
      'The lock let somebody in at the front door',
    )
  })

  test('says that somebody is a guest, whose name a host chose, but not because a phone says so', () => {
    const guest = { who: 'Ada', user_id: null, method: 'guest', source: 'attested' } as const
    expect(said(unlockOf(guest))[0]).toBe('Guest Ada opened the front door')
    expect(said(unlockOf({ ...guest, result: 'released' }))[0]).toBe(
      'The lock let guest Ada in at the front door',
    )
    expect(said(unlockOf({ ...guest, source: 'claimed' }))[0]).toBe('Ada opened the front door')
  })

  test.each([
    ['guest.problem', 'A guest needs you', '/console/guests', true],
    ['controller.silent', 'A lock is offline', '/console/doors', true],
    ['controller.alarm', 'A lock needs you', '/console/doors', true],
  ] as const)('%s: %s', (event, title, page, isUrgent) => {
    const message = messageAbout({ event, says: 'What happened.' })
    expect(inWords(message)).toMatchObject({
      title,
      text: 'What happened.',
      link: `https://lock.home${page}`,
      isUrgent,
    })
  })

  test('about the home says what is wrong, and of strangers only how many they are', () => {
    expect(said(messageAbout({ event: 'log.problem', says: 'The disk is full' }))).toStrictEqual([
      'The unlock log has a problem',
      'The disk is full',
    ])
    const waiting = (count: number) => said(messageAbout({ event: 'account.waiting', count }))
    expect(waiting(1)).toStrictEqual([
      'A new account is waiting',
      '1 person is waiting to be let in.',
    ])
    expect(waiting(3)[1]).toBe('3 people are waiting to be let in.')
  })

  test('stays on its line and hides nothing, whatever a name is', () => {
    const { title } = inWords(unlockOf({ who: 'Eve\r\nBcc: all@home\u202e', lock_name: '👩‍👧' }))
    expect(title).toBe('Eve\\u000d\\u000aBcc: all@home\\u202e opened “👩‍👧”')
  })

  test('is cut to what services take, between two signs', () => {
    const { title, text } = inWords(messageAbout({ event: 'log.problem', says: 'ä'.repeat(2500) }))
    expect(title).toBe('The unlock log has a problem')
    expect(Buffer.byteLength(text)).toBeWithin(2990, 3001)
    expect(text).toMatch(/^ä+…$/)
    const long = inWords(unlockOf({ who: `x${'😀'.repeat(100)}` })).title
    expect(Buffer.byteLength(long)).toBeLessThanOrEqual(200)
    expect(long.isWellFormed()).toBeTrue()
    expect(long).not.toContain('\uFFFD')
  })
})
