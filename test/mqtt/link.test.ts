import { expect, test } from 'bun:test'
import { rmSync } from 'node:fs'
import { mqttUrl } from '../../src/config/parsers.ts'
import { clockFrom } from '../../src/domain/clock.ts'
import { backOffMs } from '../../src/mqtt/back-off.ts'
import { type LinkOptions, openLink } from '../../src/mqtt/link.ts'
import { isMatch } from '../../src/mqtt/topics.ts'
import { temporaryFolder } from '../support/binary.ts'
import { selfSigned } from '../support/certificates.ts'
import { cable } from '../support/cable.ts'
import { olderBroker, startMosquitto } from '../support/mosquitto.ts'
import { until } from '../support/until.ts'

/** A link, and what it logged. */
const linkTo = (url: string, options: Partial<LinkOptions> = {}) => {
  const log: string[] = []
  const write = (fields: object, message: string) =>
    void log.push(`${message} ${JSON.stringify(fields)}`)
  const link = openLink({
    address: mqttUrl(url),
    clientId: `test-${crypto.randomUUID()}`,
    clock: clockFrom(),
    logger: { info: write, warn: write },
    ...options,
  })
  link.begin()
  return Object.assign(link, { log })
}

test('a message counts as heard only if somebody listens', async () => {
  await using broker = await startMosquitto()
  await using link = linkTo(broker.url)
  expect(await link.publish('a/b', 'too early')).toBe('unheard')
  await until(link.isConnected)
  expect(link.state().protocol).toBe('5')
  expect(await link.publish('a/b', 'nobody')).toBe('unheard')
  const listener = await broker.listen('a/#')
  expect(await link.publish('a/b', 'somebody')).toBe('heard')
  await until(() => listener.heard.length === 1)
  expect(listener.heard).toStrictEqual([{ topic: 'a/b', isRetained: false, payload: 'somebody' }])
})

test('a message that would fill the memory is not heard, and those after it are', async () => {
  await using broker = await startMosquitto()
  await using link = linkTo(broker.url)
  const heard: string[] = []
  link.subscribe('in/+', ({ payload }) => heard.push(payload))
  await until(link.isConnected)
  await until(async () => (await link.publish('in/x', 'first')) === 'heard')
  await link.publish('in/x', 'a'.repeat(300_000))
  await link.publish('in/x', 'last')
  await until(() => heard.includes('last'))
  expect(new Set(heard)).toStrictEqual(new Set(['first', 'last']))
})

test('after a broker was killed, the link returns and listens again', async () => {
  await using broker = await startMosquitto()
  await using link = linkTo(broker.url)
  const heard: string[] = []
  let connections = 0
  link.onConnect(() => void (connections += 1))
  const end = link.subscribe('in/+', ({ payload, isRetained }) =>
    heard.push(`${payload} ${String(isRetained)}`),
  )
  await until(() => connections === 1)
  broker.publish('in/x', 'one')
  await until(() => heard.length === 1)
  await broker.stop('SIGKILL')
  await until(() => !link.isConnected())
  expect(await link.publish('a', 'x')).toBe('unheard')
  await broker.start()
  await until(() => connections === 2)
  broker.publish('in/y', 'kept', { retain: true })
  await until(() => heard.length === 2)
  const second = link.subscribe('in/y', ({ payload, isRetained }) =>
    heard.push(`${payload} ${String(isRetained)} again`),
  )
  await until(() => heard.includes('kept true again'))
  end()
  second()
  expect(heard.slice(0, 2)).toStrictEqual(['one false', 'kept false'])
  expect(link.log.filter((line) => line.startsWith('no connection'))).toHaveLength(1)
})

test('a clean end says offline', async () => {
  await using broker = await startMosquitto()
  const will = { topic: 'us/status', payload: 'offline' }
  {
    await using link = linkTo(broker.url, { will })
    await until(link.isConnected)
    await link.publish('us/status', 'online', { retain: true })
    expect(await broker.kept('us/#')).toStrictEqual({ 'us/status': 'online' })
  }
  expect(await broker.kept('us/#')).toStrictEqual({ 'us/status': 'offline' })
})

test('a wrong password is refused, and never shown', async () => {
  await using broker = await startMosquitto()
  const url = broker.url.replace('broker-secret', 'wrong%23secret')
  await using link = linkTo(url)
  await until(() => link.state().fault !== undefined)
  expect(link.state()).toMatchObject({
    isConnected: false,
    fault: 'Connection refused: Not authorized',
  })
  expect(link.log.join('\n')).not.toContain('secret')
  expect(mqttUrl(url)).toMatchObject({ username: 'gateway', password: 'wrong#secret' })
})

test('a broker that only knows MQTT 3.1.1 gets 15 seconds until its listeners are back', async () => {
  await using broker = await startMosquitto()
  using old = await olderBroker(() => broker.port)
  const clock = { ms: 0 }
  await using link = linkTo(broker.url.replace(String(broker.port), String(old.port)), {
    clock: { wallMs: Date.now, monotonicMs: () => clock.ms },
  })
  await until(link.isConnected)
  expect(link.state().protocol).toBe('3.1.1')
  expect(link.settlesInMs()).toBe(15_000)
  clock.ms = 14_999
  expect(link.settlesInMs()).toBe(1)
  clock.ms = 15_000
  expect(link.settlesInMs()).toBe(0)
  // It does not say that nobody listens.
  expect(await link.publish('a', 'x')).toBe('heard')
})

test('nobody knows what became of a message when the cable was cut', async () => {
  await using broker = await startMosquitto()
  using line = await cable(() => broker.port)
  await using link = linkTo(broker.url.replace(String(broker.port), String(line.port)))
  await until(link.isConnected)
  const listener = await broker.listen('a')
  line.cut()
  expect(await link.publish('a', 'lost')).toBe('unknown')
  line.mend()
  await until(link.isConnected)
  expect(await link.publish('a', 'there')).toBe('heard')
  await until(() => listener.heard.length > 0)
  expect(listener.heard.map(({ payload }) => payload)).toStrictEqual(['there'])
})

test('TLS trusts the given authority, and no unknown one', async () => {
  const folder = temporaryFolder()
  const tls = selfSigned(folder, 'localhost')
  const other = selfSigned(folder, 'other')
  await using broker = await startMosquitto({ tls })
  {
    await using link = linkTo(broker.url, { caFile: tls.cert })
    await until(link.isConnected)
  }
  for (const caFile of [undefined, other.cert, '/no/such/file']) {
    await using link = linkTo(broker.url, { caFile })
    await until(() => link.state().fault !== undefined)
    expect(link.isConnected()).toBe(false)
  }
  rmSync(folder, { recursive: true, force: true })
})

test('the wait doubles from a second to a minute, and varies by a tenth', () => {
  const waits = (random: number) =>
    [0, 1, 5, 6, 99].map((failures) => backOffMs(failures, () => random))
  expect(waits(0.5)).toStrictEqual([1000, 2000, 32_000, 60_000, 60_000])
  expect(waits(0).map(Math.round)).toStrictEqual([900, 1800, 28_800, 54_000, 54_000])
  expect(waits(1).map(Math.round)).toStrictEqual([1100, 2200, 35_200, 66_000, 66_000])
})

test('filters match as MQTT says', () => {
  for (const [filter, topic] of [
    ['a/b', 'a/b'],
    ['a/+', 'a/b'],
    ['+/+', 'a/'],
    ['a/#', 'a/b/c'],
    ['a/#', 'a'],
    ['#', 'a/b'],
  ] as const)
    expect([filter, topic, isMatch(filter, topic)]).toStrictEqual([filter, topic, true])
  for (const [filter, topic] of [
    ['a/b', 'a'],
    ['a', 'a/b'],
    ['a/+', 'a/b/c'],
    ['+', 'a/b'],
    ['b/#', 'a/b'],
    ['#', '$SYS/x'],
  ] as const)
    expect([filter, topic, isMatch(filter, topic)]).toStrictEqual([filter, topic, false])
})
