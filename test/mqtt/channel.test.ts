import { expect, test } from 'bun:test'
import { mqttUrl } from '../../src/config/parsers.ts'
import { clockFrom } from '../../src/domain/clock.ts'
import type { Message, UnlockFacts } from '../../src/domain/home-event.ts'
import { mqttChannel } from '../../src/mqtt/channel.ts'
import { openLink } from '../../src/mqtt/link.ts'
import type { Remembered } from '../../src/mqtt/memory.ts'
import { topicsOf } from '../../src/mqtt/topics.ts'
import { olderBroker, startMosquitto } from '../support/mosquitto.ts'
import { until } from '../support/until.ts'

const NOW = Date.parse('2026-11-29T10:00:00Z')
const MINUTE = 60_000

const topics = topicsOf({ mqttTopic: 'sl', mqttDiscovery: 'homeassistant', gid: '0a0b0c0d' })

const target = {
  id: 'mqtt',
  kind: 'mqtt',
  name: 'MQTT',
  accountPublicId: null,
  settings: {},
  secrets: {},
}

const unlock = (seq: number, ageMs = 0, lock = 'front-door'): UnlockFacts => {
  const at = new Date(NOW - ageMs).toISOString()
  return {
    seq,
    id: `id-${seq}`,
    who: 'Ada',
    user_id: 'u',
    method: 'pin',
    result: 'unlocked',
    source: 'claimed',
    lock,
    lock_name: 'Front door',
    reason: null,
    occurred_at: null,
    happened_at: at,
    received_at: at,
    late: false,
    receipt: '',
  }
}

/** The channel over a real broker, whose log has `size` leaves. */
const channelTo = async (url: string, { size = 1, hasNames = true } = {}) => {
  const clock = { ms: 0 }
  const link = openLink({
    address: mqttUrl(url),
    clientId: `test-${crypto.randomUUID()}`,
    clock: { wallMs: Date.now, monotonicMs: () => clock.ms },
    logger: { info: () => {}, warn: () => {} },
  })
  const last: [string, Remembered][] = []
  const channel = mqttChannel({
    link,
    topics,
    hasNames,
    clock: clockFrom({ wallMs: () => NOW }),
    logSize: async () => size,
    isAnnounced: async (label) => label === 'front-door',
    noteLast: (label, noted) => last.push([label, noted]),
  })
  const send = (about: Message['about'], signal = new AbortController().signal) =>
    channel.send(target, { id: '1', createdAtMs: NOW, about }, signal)
  return Object.assign(link, { channel, last, send, clock })
}

test('an unlock is told once somebody listens, and until then not delivered', async () => {
  await using broker = await startMosquitto()
  await using mqtt = await channelTo(broker.url)
  const about = { event: 'unlocked', unlock: unlock(0) } as const
  expect(await mqtt.send(about)).toMatchObject({
    status: 'failed',
    answer: 'No connection to the broker',
  })
  mqtt.begin()
  await until(mqtt.isConnected)
  expect(await mqtt.send(about)).toStrictEqual({
    status: 'failed',
    answer: 'The broker has no subscriber for it',
  })
  // Whoever comes later learns at least who was the last.
  expect(mqtt.last).toStrictEqual([['front-door', { seq: 0, happenedAtMs: NOW, isLate: false }]])
  const listener = await broker.listen(topics.unlocks('+'), topics.denials('+'))
  expect(await mqtt.send(about)).toStrictEqual({ status: 'delivered' })
  expect(await mqtt.send({ event: 'denied', unlock: unlock(1) })).toStrictEqual({
    status: 'delivered',
  })
  await until(() => listener.heard.length === 2)
  expect(listener.heard.map(({ topic, isRetained }) => [topic, isRetained])).toStrictEqual([
    ['sl/0a0b0c0d/locks/front-door/unlocks', false],
    ['sl/0a0b0c0d/locks/front-door/denials', false],
  ])
})

test('guests and problems are told at once, and hold nothing up if nobody listens', async () => {
  const at = new Date(NOW).toISOString()
  const abouts = [
    { event: 'guest.opened', unlock: unlock(0) },
    { event: 'guest.problem', says: 'Plumber asks for help' },
    { event: 'controller.alarm', says: 'The front door opened unasked' },
  ] as const
  for (const hasNames of [true, false]) {
    await using broker = await startMosquitto()
    await using mqtt = await channelTo(broker.url, { hasNames })
    mqtt.begin()
    await until(mqtt.isConnected)
    for (const about of abouts)
      expect(await mqtt.send(about)).toStrictEqual({
        status: 'delivered',
        answer: 'The broker accepted it, but has no subscriber',
      })
    const listener = await broker.listen(topics.guests('+'), topics.notices)
    for (const about of abouts)
      expect(await mqtt.send(about)).toStrictEqual({ status: 'delivered' })
    await until(() => listener.heard.length === abouts.length)
    expect(listener.heard.map(({ topic, payload }) => [topic, JSON.parse(payload)])).toStrictEqual([
      [
        'sl/0a0b0c0d/locks/front-door/guests',
        {
          event_type: 'guest_opened',
          who: hasNames ? 'Ada' : null,
          source: 'claimed',
          lock: 'front-door',
          seq: 0,
          event_id: 'id-0',
          received_at: at,
          late: false,
          receipt: '',
        },
      ],
      [
        'sl/0a0b0c0d/notices',
        { event_type: 'guest_problem', says: hasNames ? 'Plumber asks for help' : null, at },
      ],
      [
        'sl/0a0b0c0d/notices',
        { event_type: 'controller_alarm', says: 'The front door opened unasked', at },
      ],
    ])
    expect(mqtt.last).toBeEmpty()
  }
})

test('after an hour or a hundred events an unlock is late, and after a day only the last one', async () => {
  await using broker = await startMosquitto()
  const listener = await broker.listen(topics.unlocks('+'))
  const typeOf = async (ageMs: number, eventsSince: number) => {
    await using mqtt = await channelTo(broker.url, { size: 2001 })
    mqtt.begin()
    await until(mqtt.isConnected)
    const before = listener.heard.length
    const result = await mqtt.send({ event: 'unlocked', unlock: unlock(2000 - eventsSince, ageMs) })
    expect(result.status).toBe('delivered')
    expect(mqtt.last).toHaveLength(1)
    if (result.answer !== undefined) return result.answer
    await until(() => listener.heard.length > before)
    const { event_type: type, late } = JSON.parse(listener.heard.at(-1)?.payload ?? '') as {
      event_type: string
      late: boolean
    }
    expect(late).toBe(type === 'unlocked_late')
    return type
  }
  const tooOld = 'Too old to be sent as an event'
  expect(await typeOf(0, 0)).toBe('unlocked')
  expect(await typeOf(60 * MINUTE, 100)).toBe('unlocked')
  expect(await typeOf(60 * MINUTE + 1, 0)).toBe('unlocked_late')
  expect(await typeOf(0, 101)).toBe('unlocked_late')
  expect(await typeOf(24 * 60 * MINUTE, 1000)).toBe('unlocked_late')
  expect(await typeOf(24 * 60 * MINUTE + 1, 0)).toBe(tooOld)
  expect(await typeOf(0, 1001)).toBe(tooOld)
  // The gateway's clock was ahead, and is right again.
  expect(await typeOf(-60 * MINUTE, 0)).toBe('unlocked')
})

test('without MQTT 5 an unlock waits until listeners have had time to come back', async () => {
  await using broker = await startMosquitto()
  using old = await olderBroker(() => broker.port)
  const listener = await broker.listen(topics.unlocks('+'))
  await using mqtt = await channelTo(broker.url.replace(String(broker.port), String(old.port)))
  mqtt.begin()
  await until(mqtt.isConnected)
  mqtt.clock.ms = 5000
  expect(await mqtt.send({ event: 'unlocked', unlock: unlock(0) })).toStrictEqual({
    status: 'failed',
    answer: 'Waiting for subscribers to reconnect',
    retryAfterMs: 10_000,
  })
  expect(listener.heard).toStrictEqual([])
  mqtt.clock.ms = 15_000
  expect(await mqtt.send({ event: 'unlocked', unlock: unlock(0) })).toStrictEqual({
    status: 'delivered',
  })
  await until(() => listener.heard.length === 1)
})

test('what nobody could listen to holds up nothing', async () => {
  await using broker = await startMosquitto()
  await using mqtt = await channelTo(broker.url)
  mqtt.begin()
  await until(mqtt.isConnected)
  for (const about of [
    { event: 'unlocked', unlock: unlock(0, 0, 'no-such-lock') },
    { event: 'log.problem', says: 'x' },
    { event: 'account.waiting', count: 2 },
    { event: 'test' },
  ] as const)
    expect([about.event, (await mqtt.send(about)).status]).toStrictEqual([about.event, 'delivered'])
  expect(mqtt.last).toStrictEqual([])
  const aborted = AbortSignal.abort()
  expect((await mqtt.send({ event: 'denied', unlock: unlock(0) }, aborted)).status).toBe('failed')
})
