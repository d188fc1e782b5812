import { afterAll, beforeAll, expect, test } from 'bun:test'
import { addAccount, tokenFor } from '../../support/accounts.ts'
import { bearer, clientOf } from '../../support/app.ts'
import { type Service, UNLIMITED, runCommand, startService } from '../../support/binary.ts'
import { until } from '../../support/until.ts'

let service: Service
let oli: string

beforeAll(async () => {
  service = await startService({ env: UNLIMITED })
  const { folder, url } = service
  await addAccount('oli', { role: 'owner', folder })
  await addAccount('assistant', { folder })
  oli = await tokenFor(url, 'oli')
})

afterAll(async () => {
  await service.stop()
})

const run = (args: readonly string[], input = '') =>
  runCommand(['lock', ...args], { folder: service.folder, input })

const words = async (...args: string[]) => {
  const { status, out, words: said } = await run(args)
  return `${status} ${out}${said}`.trimEnd()
}

/** A relay on this machine that counts how often it was switched. */
const startRelay = () => {
  const switched: unknown[] = []
  const server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    fetch: async (request) => {
      const { method, params } = (await request.json()) as { method: string; params: unknown }
      if (method === 'Switch.Set') switched.push(params)
      return Response.json({ id: 1, src: 'shelly', result: { was_on: false } })
    },
  })
  return {
    url: `http://127.0.0.1:${server.port}`,
    switched,
    [Symbol.asyncDispose]: () => server.stop(true),
  }
}

test('a driver that a command sets moves the lock of the running service, until a command removes it', async () => {
  await using relay = startRelay()
  const { url } = service
  const get = async (path: string) =>
    (await (await clientOf(url).get(path, bearer(oli))).json()) as Record<string, unknown>
  const ask = async () => {
    const path = '/v1/locks/front-door/unlock'
    const answer = await clientOf(url).post(path, { id: crypto.randomUUID() }, bearer(oli))
    return (await answer.json()) as { delivery: string }
  }
  expect(await words('driver', 'front-door')).toBe('1 The lock has no driver')
  const set = ['--set', `url=${relay.url}`, '--set', 'seconds=0.5']
  const done = await run(['driver', 'front-door', 'shelly', ...set, '--secret', 'password'], 'pw\n')
  expect(done).toMatchObject({ status: 0, out: 'front-door is driven by shelly\n' })
  await until(async () => (await get('/v1/locks/front-door/driver'))['online'] === true)
  expect((await ask()).delivery).toBe('asked')
  await until(() => relay.switched.length === 1)
  expect(relay.switched).toStrictEqual([{ id: 0, on: true, toggle_after: 0.5 }])

  expect(await words('driver', 'front-door')).toBe(
    `0 kind\tshelly\nurl\t${relay.url}\nseconds\t0.5\npassword\t(secret)`,
  )
  expect(JSON.parse((await run(['driver', 'front-door', '--json'])).out)).toStrictEqual({
    lock: 'front-door',
    kind: 'shelly',
    settings: { url: relay.url, seconds: 0.5 },
    secrets: ['password'],
    version: 1,
  })

  expect(await words('driver', 'front-door', '--remove')).toBe(
    '0 front-door no longer has a driver',
  )
  const delivery = async () => (await ask()).delivery
  await until(async () => (await delivery()) === 'no_controller')
  const { length } = relay.switched
  await ask()
  expect(relay.switched).toHaveLength(length)
})

test('what a driver does not accept is said, and nothing is set', async () => {
  for (const [args, said] of [
    [[], 'lock driver needs one LABEL'],
    [['front-door', 'hammer'], 'The kind of a driver is one of zigbee2mqtt, nuki_hub'],
    [['front-door', '--set', 'name=x'], 'lock driver needs a KIND to set'],
    [['front-door', 'shelly', '--set', 'url=relay'], 'Invalid url: an address without a path'],
    [['front-door', 'zigbee2mqtt'], 'name'],
    [['shed', 'zigbee2mqtt', '--set', 'name=shed'], 'no such lock'],
  ] as const) {
    const { status, words: refused } = await run(['driver', ...args])
    expect(status).toBeGreaterThan(0)
    expect(refused).toContain(said)
  }
  expect(await words('driver', 'front-door')).toBe('1 The lock has no driver')
})

test('slots say whose a code is, since when and until when', async () => {
  const times = ['--starts', '2026-11-28T15:00:00Z', '--ends', '2199-11-28T15:00:00Z']
  expect(await words('slot', 'front-door', '2', 'assistant', ...times)).toBe(
    '0 Slot 2 of front-door is assistant’s',
  )
  expect(await words('slot', 'front-door', 'auth-7', 'oli')).toStartWith('0 Slot auth-7')
  const listed = async () => (await run(['slot', 'front-door'])).out.trimEnd().split('\n').slice(1)
  expect(await listed()).toStrictEqual([
    '2\t2026-11-28T15:00:00.000Z\t2199-11-28T15:00:00.000Z\tassistant',
    expect.stringMatching(/^auth-7\t\S+Z\t\toli$/),
  ])
  expect(await words('slot', 'front-door', 'auth-7', '--remove')).toBe(
    '0 Slot auth-7 of front-door belongs to nobody',
  )
  expect((await listed())[1]).toMatch(/^auth-7\t\S+Z\t\S+Z\toli$/)
  expect((await run(['slot', 'front-door', '--json'])).out.split('\n')).toHaveLength(3)
  expect(await words('slot', 'front-door', '2')).toStartWith('2 lock slot needs a LABEL')
  expect(await words('slot', 'front-door', 'two', 'oli')).toStartWith('2 SLOT must be a number')
  expect(await words('slot', 'front-door', '3', 'eve')).toStartWith('1 There is no account eve')
})

test('an operator is shown, set to a member alone, and removed', async () => {
  const off = '0 The broker cannot open front-door'
  expect(await words('operator', 'front-door')).toBe(off)
  expect(await words('operator', 'front-door', 'oli')).toContain('The operator must be a member')
  expect(await words('operator', 'front-door', 'assistant')).toStartWith(
    '0 The broker can open front-door as assistant',
  )
  expect(await words('operator', 'front-door')).toBe(
    '0 The broker can open front-door as assistant',
  )
  expect(await words('operator', 'front-door', '--remove')).toBe(off)
  expect(await words('operator', 'shed')).toBe('1 There is no such lock')
})
