import { afterAll, beforeAll, expect, test } from 'bun:test'
import { Webhook } from 'standardwebhooks'
import { addAccount, tokenFor } from '../support/accounts.ts'
import { bearer, clientOf } from '../support/app.ts'
import { type Service, UNLIMITED, runCommand, startService } from '../support/binary.ts'
import { startReceiver } from '../support/receiver.ts'
import { until } from '../support/until.ts'

const LOOPBACK = { WEBHOOK_LOOPBACK: 'on' }

let service: Service
let member: string

beforeAll(async () => {
  service = await startService({ env: { ...UNLIMITED, ...LOOPBACK } })
  await addAccount('ada', { folder: service.folder })
  member = await tokenFor(service.url, 'ada')
})

afterAll(async () => {
  await service.stop()
})

const run = (args: readonly string[], input = '') =>
  runCommand(['target', ...args], { folder: service.folder, input })

const words = async (...args: string[]) => {
  const { status, out, words: said } = await run(args)
  return `${status} ${out}${said}`.trimEnd()
}

const unlock = async () => {
  const answer = await clientOf(service.url).post(
    '/logUnlocking',
    { 'unlocking-method': 'pin' },
    bearer(member),
  )
  expect(answer.status).toBe(200)
}

/** The target of this name, as `target list` prints it for other programs. */
const row = async (name: string) =>
  (await run(['list'])).out
    .split('\n')
    .map((line) => line.split('\t'))
    .find((cells) => cells[2] === name)
    ?.slice(1)

test('a webhook is added, tested, told, switched off and on, told again and removed while the service runs', async () => {
  await using receiver = startReceiver()
  const added = await run(['add', 'webhook', 'Node-RED', '--set', `url=${receiver.url}`])
  expect(added.status).toBe(0)
  const [, secret = ''] = added.out.split('\n')
  expect(secret).toStartWith('whsec_')
  expect(added.words).toContain('shown only now')
  expect(await words('test', 'Node-RED')).toBe('0 The test arrived: 204')

  await unlock()
  await until(() => receiver.received.length === 2)
  const [, told] = receiver.received
  expect(told?.data).toMatchObject({ who: 'ada' })
  expect(new Webhook(secret).verify(told?.text ?? '', told?.headers ?? {})).toMatchObject({
    type: told?.type,
  })
  await until(async () => (await row('Node-RED'))?.[5] !== 'never')
  expect(await row('Node-RED')).toStrictEqual([
    'webhook',
    'Node-RED',
    'the home',
    'on',
    '0',
    expect.stringMatching(/Z$/),
    'when anyone opens any door; when somebody is refused',
  ])
  expect((await run(['list', '--json'])).out).not.toContain(secret)

  const [first = ''] = (await run(['deliveries', 'Node-RED'])).out.split('\n').slice(1)
  const [id = '', event, , state, attempts, , status] = first.split('\t')
  expect([event, state, attempts, status]).toStrictEqual(['unlocked', 'delivered', '1', '204'])
  expect(await words('replay', 'Node-RED', '--delivery', id)).toBe(
    '0 One event is sent to Node-RED again',
  )
  await until(() => receiver.received.length === 3)
  expect(receiver.received[2]?.id).toBe(told?.id ?? 'none')
  expect(await words('replay', 'Node-RED')).toStartWith(
    '2 target replay needs either --delivery or --since',
  )

  expect(await words('off', 'Node-RED')).toBe('0 Node-RED is off')
  expect((await row('Node-RED'))?.[3]).toBe('off')
  await unlock()
  expect(await words('on', 'Node-RED')).toBe('0 Node-RED is on')
  await unlock()
  await until(() => receiver.received.length === 4)
  await until(async () => (await row('Node-RED'))?.[4] === '0')
  expect(await words('replay', 'Node-RED', '--since', '0')).toBe(
    '0 2 events are sent to Node-RED again',
  )
  await until(() => receiver.received.length === 6)

  const rotated = await run(['secret', 'Node-RED'])
  const next = rotated.out.trim()
  expect(next).toStartWith('whsec_')
  expect(next).not.toBe(secret)
  await words('test', 'Node-RED')
  const last = receiver.received.at(-1)
  for (const key of [secret, next])
    expect(new Webhook(key).verify(last?.text ?? '', last?.headers ?? {})).toBeDefined()

  receiver.answerWith(() => new Response('full', { status: 507 }))
  expect(await words('test', 'Node-RED')).toBe('1 The test failed: 507 full')
  expect(await words('remove', 'Node-RED')).toBe('0 Removed Node-RED')
  expect(await words('test', 'Node-RED')).toBe('1 There is no target Node-RED; see target list')
})

test('what a target hears of is written and read in words, and a change keeps the rest', async () => {
  await using receiver = startReceiver()
  const when = ['--when', 'unlocked,who=ada,lock=front-door,hours=22:00-06:00']
  const given = ['--set', `url=${receiver.url}`]
  expect((await run(['add', 'webhook', 'Night', ...given, ...when])).status).toBe(0)
  const hears = async () => (await row('Night'))?.at(-1)
  expect(await hears()).toBe('when ada opens the front door between 22:00 and 06:00')
  expect(await words('change', 'Night', '--when', 'denied', '--when', 'account.waiting')).toBe(
    '0 Changed Night',
  )
  expect(await hears()).toBe('when somebody is refused; when a new account is waiting')
  const moved = `${receiver.url}/elsewhere`
  expect(await words('change', 'Night', '--name', 'Day', '--set', `url=${moved}`)).toBe(
    '0 Changed Day',
  )
  const [json = ''] = (await run(['list', '--json'])).out.split('\n')
  expect(JSON.parse(json)).toMatchObject({ name: 'Day', settings: { url: moved }, version: 3 })
  expect((await row('Day'))?.at(-1)).toBe('when somebody is refused; when a new account is waiting')
  await words('remove', 'Day')
})

test('a secret comes from standard input, and never from the arguments', async () => {
  await using receiver = startReceiver()
  const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`
  const given = ['add', 'webhook', 'Own', '--set', `url=${receiver.url}`, '--secret']
  expect((await run([...given, `secret=${secret}`])).status).toBe(2)
  expect((await run([...given, 'secret'])).words).toContain('No secret was given')
  expect(await run([...given, 'secret'], `${secret}\n`)).toMatchObject({
    status: 0,
    out: 'Added Own\n',
  })
  await words('test', 'Own')
  const [told] = receiver.received
  expect(new Webhook(secret).verify(told?.text ?? '', told?.headers ?? {})).toBeDefined()
  await words('remove', 'Own')
})

test('what is not accepted is said, and nothing is added', async () => {
  for (const [args, said] of [
    [['webhook'], 'target add needs a KIND and a NAME'],
    [['pigeon', 'Coo', '--set', 'url=http://a.home'], 'Invalid kind: one of webhook'],
    [['webhook', 'Coo'], 'Invalid url: an http or https URL'],
    [['webhook', 'Coo', '--set', 'http://a.home'], '--set must look like NAME=VALUE'],
    [['webhook', 'Coo', '--when', 'opened'], '--when must begin with unlocked, denied'],
    [['webhook', 'Coo', '--when', 'denied,where=shed'], '--when must look like EVENT'],
    [['webhook', 'Coo', '--when', 'denied,who=eve'], 'There is no account eve'],
    [['webhook', 'Coo', '--when', 'denied,lock=shed'], 'no such lock'],
  ] as const) {
    const { status, words: refused } = await run(['add', ...args])
    expect(status).toBeGreaterThan(0)
    expect(refused.toLowerCase()).toContain(said.toLowerCase())
  }
  expect((await run(['list'])).out.split('\n')).toHaveLength(2)
  expect(await words('change', 'Coo', '--name', 'x')).toContain('There is no target Coo')
})

test('settings are numbers where they look like one, and are left out again; quiet hours too', async () => {
  const settings = async () => {
    const [json = ''] = (await run(['list', '--json'])).out.split('\n')
    return (JSON.parse(json) as { settings: object }).settings
  }
  const place = ['--set', 'url=https://ntfy.home', '--set', 'topic=007']
  const more = ['--set', 'priority=5', '--quiet', '22:00-06:00']
  expect((await run(['add', 'ntfy', 'Phones', ...place, ...more])).status).toBe(0)
  const kept = { url: 'https://ntfy.home/', topic: '007' }
  expect(await settings()).toStrictEqual({
    ...kept,
    priority: 5,
    quiet: { from: '22:00', to: '06:00' },
  })
  expect(await words('change', 'Phones', '--set', 'priority=', '--quiet', '')).toBe(
    '0 Changed Phones',
  )
  expect(await settings()).toStrictEqual(kept)
  expect(await words('change', 'Phones', '--quiet', 'nights')).toStartWith('2 --quiet must have')
  await words('remove', 'Phones')
})
