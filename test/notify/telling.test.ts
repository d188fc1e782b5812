import { afterEach, beforeEach, expect, test } from 'bun:test'
import { MINUTE_MS } from '../../src/domain/duration.ts'
import { PASSWORD, type TestApp, bearer, startApp } from '../support/app.ts'
import { startMailServer } from '../support/mail-server.ts'
import { startReceiver } from '../support/receiver.ts'
import { until } from '../support/until.ts'

let app: TestApp
let receiver: ReturnType<typeof startReceiver>
let mail: Awaited<ReturnType<typeof startMailServer>>
let owner: Record<string, string> = {}
let member: Record<string, string> = {}

const AT_TWO = Date.parse('2026-11-28T02:00:00+01:00')

beforeEach(async () => {
  mail = await startMailServer()
  const env = {
    WEBHOOK_LOOPBACK: 'on',
    HOME_ZONE: 'Europe/Berlin',
    JWT_ACCESS_TOKEN_EXPIRES: '600',
    SMTP_URL: `smtp://localhost:${mail.port}?from=lock@example.org`,
  }
  app = await startApp(env, { nowMs: AT_TWO })
  receiver = startReceiver()
  owner = bearer(await app.signIn('oli', 'owner'))
  member = bearer(await app.signIn('mia'))
})
afterEach(async () => {
  await app[Symbol.asyncDispose]()
  await receiver[Symbol.asyncDispose]()
  await mail[Symbol.asyncDispose]()
})

const onPhone = (given: object = {}) => ({
  kind: 'ntfy',
  name: 'Phone',
  settings: { url: new URL('/', receiver.url).href, topic: 'door', ...given },
  secrets: { token: 'tk_secret' },
  password: PASSWORD,
})

const byMail = {
  kind: 'email',
  name: 'Mail',
  settings: { to: 'oli@example.org' },
  password: PASSWORD,
}

type Target = { readonly id: string; readonly [field: string]: unknown }

const add = async (given: object, by = owner): Promise<Target> => {
  const answer = await app.post('/v1/targets', given, by)
  expect(answer.status).toBe(200)
  return (await answer.json()) as Target
}

const codeOf = async (answer: Response): Promise<[number, string]> => [
  answer.status,
  ((await answer.json()) as { code: string }).code,
]

const unlock = async (given: object = {}, by = member): Promise<void> =>
  expect((await app.post('/v1/unlocks', { method: 'pin', ...given }, by)).status).toBe(200)

const DENIED = { result: 'denied', reason: 'invalid_credential' }

type Push = { readonly topic: string; readonly title: string; readonly message: string }

const pushes = (topic = 'door'): readonly Push[] =>
  receiver.received
    .map(({ text }) => JSON.parse(text) as Push)
    .filter((push) => push.topic === topic)

/** Has a target that is left alone looked at until something holds. */
const untilWoken = (id: string, isSo: () => boolean): Promise<void> =>
  until(() => {
    app.outbox.wake(id)
    return isSo()
  })

test('a phone and a mailbox hear who opened what, and who was refused', async () => {
  await add(onPhone())
  await add(byMail)
  app.outbox.start()
  await unlock()
  await unlock(DENIED)
  await until(() => pushes().length === 2 && mail.mails.length === 2)
  expect(pushes()).toMatchObject([
    { title: 'mia opened the front door', message: 'At 02:00, by pin.' },
    {
      title: 'mia was refused at the front door',
      message: 'At 02:00, by pin. Wrong code, card or fingerprint.',
    },
  ])
  expect(mail.mails.map(({ text }) => /^Subject: .*$/m.exec(text)?.[0].trim())).toStrictEqual([
    'Subject: mia opened the front door',
    'Subject: mia was refused at the front door',
  ])
})

test('secrets are in no answer of the API and no line of the log', async () => {
  const { id, ...added } = await add(onPhone())
  expect(added).toMatchObject({
    kind: 'ntfy',
    account: null,
    rules: [
      { on: 'unlocked', says: 'when anyone opens any door' },
      { on: 'denied', says: 'when somebody is refused' },
    ],
  })
  receiver.answerWith(({ headers }) => Response.json(headers, { status: 401 }))
  const tested = await app.post(`/v1/targets/${id}/test`, {}, owner)
  const shown = await app.get('/v1/targets', owner)
  const seen = [JSON.stringify(added), await tested.text(), await shown.text(), ...app.logLines]
  expect(receiver.received[0]?.headers['authorization']).toBe('Bearer tk_secret')
  expect(seen.join('\n')).toContain('authorization')
  expect(seen.join('\n')).not.toContain('tk_secret')
})

test('in quiet hours nothing is sent; after them, what waited is one digest', async () => {
  const quiet = { quiet: { from: '22:00', to: '06:00' } }
  const { id } = await add(onPhone(quiet))
  await add(onPhone({ topic: 'awake' }))
  app.outbox.start()
  for (const minutes of [10, 20, 30]) {
    app.clock.nowMs = AT_TWO + minutes * MINUTE_MS
    await unlock()
    await until(() => pushes('awake').length === minutes / 10)
  }
  await unlock(DENIED)
  await until(() => pushes('awake').length === 4)
  expect(pushes()).toStrictEqual([])
  const passed = 4 * 60 * MINUTE_MS
  app.clock.nowMs = AT_TWO + passed
  app.clock.passedMs += passed
  await untilWoken(id, () => pushes().length === 1)
  expect(pushes()).toMatchObject([
    {
      title: 'What you missed',
      message: '3 openings and 1 refusal between 02:10 and 02:30.',
    },
  ])
  await unlock()
  await until(() => pushes().length === 2)
  expect(pushes()[1]).toMatchObject({ message: 'At 06:00, by pin.' })
})

test('a service that is told too much is told again later, and in order', async () => {
  const tooMany = () =>
    Response.json({ error: 'limit reached: too many requests' }, { status: 429 })
  receiver.answerWith(tooMany)
  const { id } = await add(onPhone())
  app.outbox.start()
  await unlock()
  await unlock(DENIED)
  const deliveries = async () => {
    const answer = await app.get(`/v1/targets/${id}/deliveries`, owner)
    return ((await answer.json()) as { deliveries: readonly Record<string, unknown>[] }).deliveries
  }
  await until(async () => (await deliveries()).at(-1)?.['attempts'] === 1)
  const [second, first] = await deliveries()
  expect(second).toMatchObject({ event: 'denied', attempts: 0, state: 'waiting' })
  expect(first).toMatchObject({ event: 'unlocked', status: 429, state: 'waiting' })
  expect(Date.parse(String(first?.['due_at'])) - AT_TWO).toBeWithin(4500, 5501)
  receiver.answerWith(() => Response.json({}))
  await untilWoken(id, () => pushes().length === 3)
  expect(pushes().map(({ title }) => title)).toStrictEqual([
    'mia opened the front door',
    'mia opened the front door',
    'mia was refused at the front door',
  ])
})

test('a test says what the service said', async () => {
  receiver.answerWith(() => Response.json({ error: 'forbidden' }, { status: 403 }))
  const tested = async (given: object) => {
    const { id } = await add(given)
    return (await app.post(`/v1/targets/${id}/test`, {}, owner)).json()
  }
  expect(await tested(onPhone())).toStrictEqual({
    state: 'failed',
    status: 403,
    answer: '{"error":"forbidden"}',
  })
  expect(await tested(byMail)).toMatchObject({
    state: 'delivered',
    status: 250,
    answer: expect.stringContaining('250'),
  })
  expect(mail.mails[0]?.text).toContain('Notifications from your home arrive here.')
})

test('a member hears of themselves alone, by a service that an owner set up', async () => {
  expect(await codeOf(await app.post('/v1/targets', onPhone(), member))).toStrictEqual([
    403,
    'destination_unknown',
  ])
  await add(onPhone())
  const { rules } = await add(onPhone({ topic: 'mia' }), member)
  expect(rules).toMatchObject([
    { says: 'when you open any door' },
    { says: 'when you are refused' },
  ])
  await add({ ...byMail, settings: { to: 'mia@example.org' } }, member)
  const bot = { chat_id: '1' }
  const telegram = { settings: bot, secrets: { token: `1:${'a'.repeat(30)}` } }
  expect(
    await codeOf(
      await app.post('/v1/targets', { ...onPhone(), kind: 'telegram', ...telegram }, member),
    ),
  ).toStrictEqual([403, 'destination_unknown'])
  app.outbox.start()
  await unlock({}, owner)
  await unlock({ method: 'card' })
  await until(() => pushes().length === 2 && pushes('mia').length === 1)
  await until(() => mail.mails.length === 1)
  expect(pushes('mia')).toMatchObject([{ title: 'mia opened the front door' }])
  expect(mail.mails).toMatchObject([{ to: ['mia@example.org'] }])
})

test('of strangers only their number is told', async () => {
  await add({ ...onPhone(), rules: [{ on: 'account.waiting' }] })
  app.outbox.start()
  const stranger = { username: 'Call 0900 now', password: PASSWORD, phone: '1', address: 'x' }
  expect((await app.post('/register', stranger)).status).toBe(200)
  await until(() => pushes().length === 1)
  expect(pushes()).toMatchObject([{ message: '1 person is waiting to be let in.' }])
  expect(JSON.stringify(receiver.received)).not.toContain('0900')
})

test('without SMTP_URL there is no e-mail', async () => {
  await using other = await startApp()
  const by = bearer(await other.signIn('oli', 'owner'))
  expect(await codeOf(await other.post('/v1/targets', byMail, by))).toStrictEqual([409, 'kind_off'])
})
