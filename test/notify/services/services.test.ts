import { describe, expect, test } from 'bun:test'
import { AppError } from '../../../src/errors.ts'
import { accepting } from '../../../src/notify/kinds.ts'
import { gotify } from '../../../src/notify/services/gotify.ts'
import { ntfy } from '../../../src/notify/services/ntfy.ts'
import type { Service } from '../../../src/notify/services/service.ts'
import { telegram } from '../../../src/notify/services/telegram.ts'
import { template } from '../../../src/notify/services/template.ts'
import { denialOf, inWords, messageAbout, unlockOf } from '../../support/messages.ts'

type Given = Parameters<ReturnType<typeof accepting>>[0]

const accepted = (service: Service, given: Given) => {
  const { settings, secrets } = accepting(service)(given)
  return { settings: service.stored?.(settings) ?? settings, secrets }
}

const requestOf = (service: Service, given: Given, message = messageAbout()) =>
  service.request(accepted(service, given), inWords(message))

const faultOf = (service: Service, given: Given): string => {
  try {
    accepted(service, given)
    return 'accepted'
  } catch (error) {
    if (error instanceof AppError) return error.message
    throw error
  }
}

const LINK = 'https://lock.home/console/log/0193c6a8-5f0e-7c3a-9b1d-2e4f6a8b0c1d'

describe('ntfy', () => {
  const home = { url: 'https://ntfy.home', topic: 'door' }

  test('is told by JSON at the root of the server', () => {
    const given = { settings: home, secrets: { token: 'tk_secret' } }
    expect(requestOf(ntfy, given)).toStrictEqual({
      url: 'https://ntfy.home/',
      headers: { authorization: 'Bearer tk_secret' },
      body: {
        topic: 'door',
        title: 'Ada opened the front door',
        message: 'At 15:00, by fingerprint.',
        priority: 3,
        tags: ['unlock'],
        click: LINK,
        actions: [{ action: 'view', label: 'Open', url: LINK }],
        sequence_id: '0193c6a8-5f0e-7c3a-9b1d-2e4f6a8b0c1d',
      },
    })
  })

  test('rings louder for a refusal, unless the owner says how loud', () => {
    expect(requestOf(ntfy, { settings: home }, denialOf({})).body).toMatchObject({
      priority: 4,
      tags: ['no_entry'],
    })
    const quiet = { settings: { ...home, priority: 1 } }
    expect(requestOf(ntfy, quiet, denialOf({})).body).toMatchObject({ priority: 1 })
    expect(requestOf(ntfy, { settings: home }).headers).toStrictEqual({})
  })

  test.each([
    [{ settings: { ...home, topic: 'a/b' } }, 'Invalid topic: '],
    [{ settings: { url: home.url } }, 'Invalid topic: '],
    [{ settings: { ...home, url: 'ftp://ntfy.home' } }, 'Invalid url: '],
    [{ settings: { ...home, url: 'https://a:b@ntfy.home' } }, 'Invalid url: '],
    [{ settings: { ...home, priority: 9 } }, 'Invalid priority: '],
    [{ settings: { ...home, colour: 'red' } }, 'Invalid colour: this kind takes url, topic'],
    [{ settings: { ...home, quiet: { from: '22:00', to: '22:00' } } }, 'Invalid quiet: '],
    [{ settings: { ...home, quiet: '22:00-06:00' } }, 'Invalid quiet: '],
    [{ settings: home, secrets: { token: 'tk secret' } }, 'Invalid token: '],
    [{ settings: home, secrets: { token: 'tk_secret\r\nx: y' } }, 'Invalid token: '],
  ])('does not take %j, and repeats no secret', (given, fault) => {
    expect(faultOf(ntfy, given)).toStartWith(fault)
    expect(faultOf(ntfy, given)).not.toContain('secret')
  })
})

describe('Gotify', () => {
  test('is told by JSON, with the token of the application in a header', () => {
    const given = { settings: { url: 'https://home/gotify' }, secrets: { token: 'AbC.d-1' } }
    expect(requestOf(gotify, given, denialOf({ reason: 'no_grant' }))).toStrictEqual({
      url: 'https://home/gotify/message',
      headers: { 'x-gotify-key': 'AbC.d-1' },
      body: {
        title: 'Ada was refused at the front door',
        message: 'At 15:00, by fingerprint. No rule covers this person and this door.',
        priority: 8,
      },
    })
    expect(requestOf(gotify, given).body).toMatchObject({ priority: 5 })
  })

  test('does not do without a token', () => {
    expect(faultOf(gotify, { settings: { url: 'https://home/' } })).toStartWith('Invalid token: ')
  })
})

describe('Telegram', () => {
  const given = {
    settings: { chat_id: -100123 },
    secrets: { token: '12345:AAbbCCddEEffGGhhIIjjKKll' },
  }

  test('is told plain text, in which no sign means anything', () => {
    expect(requestOf(telegram(), given, unlockOf({ who: '*Ada* <b>' }))).toStrictEqual({
      url: 'https://api.telegram.org/bot12345:AAbbCCddEEffGGhhIIjjKKll/sendMessage',
      body: {
        chat_id: '-100123',
        text: '*Ada* <b> opened the front door\nAt 15:00, by fingerprint.',
      },
    })
  })

  test('says in its answer how long to wait', () => {
    const asked = telegram().retryAfterMs
    expect(asked?.('{"ok":false,"error_code":429,"parameters":{"retry_after":35}}')).toBe(35_000)
    for (const text of ['', 'null', '[]', '{"parameters":{"retry_after":"1"}}', '{"parameters":7}'])
      expect(asked?.(text)).toBeUndefined()
  })

  test('does not take a token that would lead elsewhere', () => {
    const secrets = { token: '12345:AAbbCCddEEffGGhhIIjj/../../x' }
    expect(faultOf(telegram(), { ...given, secrets })).toStartWith('Invalid token: ')
  })
})

describe('a template', () => {
  const url = 'https://home/hook'
  const body = JSON.stringify({ a: '{{who}}: {{ text }}', b: [{ c: '{{reason}}' }], d: 7, e: null })

  test('is filled in its texts, where nothing that is put in means anything', () => {
    const message = denialOf({ who: '"}, {{link}}', reason: 'say "no"\n' })
    const request = requestOf(template, { settings: { url, body } }, message)
    expect(request).toStrictEqual({
      url,
      headers: {},
      body: {
        a: String.raw`"}, {{link}}: At 15:00, by fingerprint. Reason: say "no"\u000a.`,
        b: [{ c: String.raw`say "no"\u000a` }],
        d: 7,
        e: null,
      },
    })
  })

  test('leaves empty what an event does not have', () => {
    const message = messageAbout({ event: 'account.waiting', count: 2 })
    expect(requestOf(template, { settings: { url, body } }, message).body).toMatchObject({
      a: ': 2 people are waiting to be let in.',
      b: [{ c: '' }],
    })
  })

  test.each([
    [
      'apprise',
      { title: 'Ada opened the front door', body: 'At 15:00, by fingerprint.', type: 'info' },
    ],
    ['mattermost', { text: 'Ada opened the front door\nAt 15:00, by fingerprint.' }],
    [
      'discord',
      {
        content: 'Ada opened the front door\nAt 15:00, by fingerprint.',
        allowed_mentions: { parse: [] },
      },
    ],
  ])('is there ready for %s', (preset, filled) => {
    const given = { settings: { url, preset }, secrets: { authorization: 'Bearer x' } }
    expect(requestOf(template, given)).toStrictEqual({
      url,
      headers: { authorization: 'Bearer x' },
      body: filled,
    })
  })

  test.each([
    ['{"a":{{who}}}', 'not in a text'],
    ['{"a":"{{phone}}"}', 'not known'],
    ['"{{who}}"', 'no object'],
    ['{', 'no JSON'],
    [JSON.stringify({ a: 'a'.repeat(4000) }), 'too long'],
  ])('%s is refused: %s', (wrong) => {
    expect(faultOf(template, { settings: { url, body: wrong } })).toStartWith('Invalid body: ')
  })
})
