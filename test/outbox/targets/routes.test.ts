import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { Webhook } from 'standardwebhooks'
import { PASSWORD, type TestApp, bearer, startApp } from '../../support/app.ts'
import { COMMAND_LINE } from '../../../src/domain/audit-event.ts'
import { deliveriesTo } from '../../support/outbox.ts'
import { type Received, startReceiver } from '../../support/receiver.ts'
import { until } from '../../support/until.ts'

let app: TestApp
let receiver: ReturnType<typeof startReceiver>
let owner: Record<string, string> = {}
let member: Record<string, string> = {}

beforeEach(async () => {
  app = await startApp({ WEBHOOK_LOOPBACK: 'on' })
  receiver = startReceiver()
  owner = bearer(await app.signIn('oli', 'owner'))
  member = bearer(await app.signIn('mia'))
})
afterEach(async () => {
  await app[Symbol.asyncDispose]()
  await receiver[Symbol.asyncDispose]()
})

type Target = {
  readonly id: string
  readonly version: number
  readonly secret?: string
  readonly [field: string]: unknown
}

const hook = () => ({
  kind: 'webhook',
  name: 'Node-RED',
  settings: { url: receiver.url },
  password: PASSWORD,
})

const add = async (given: object = {}, by = owner): Promise<Target> => {
  const answer = await app.post('/v1/targets', { ...hook(), ...given }, by)
  expect(answer.status).toBe(200)
  return (await answer.json()) as Target
}

const at = async (id: string, by = owner): Promise<Target> =>
  (await (await app.get(`/v1/targets/${id}`, by)).json()) as Target

const unlock = async (by = member): Promise<void> =>
  expect((await app.post('/v1/unlocks', { method: 'pin' }, by)).status).toBe(200)

const codeOf = async (answer: Response): Promise<[number, string]> => [
  answer.status,
  ((await answer.json()) as { code: string }).code,
]

const isSignedBy = (secret: string | undefined, { text, headers }: Received): boolean => {
  try {
    new Webhook(secret ?? '').verify(text, { ...headers })
    return true
  } catch {
    return false
  }
}

describe('a webhook', () => {
  test('is told of an unlock and a denial, signed, with who it was', async () => {
    const { secret, ...target } = await add()
    expect(secret).toStartWith('whsec_')
    expect(JSON.stringify(await at(target.id))).not.toContain('whsec_')
    app.outbox.start()
    await unlock()
    const denied = { method: 'pin', result: 'denied', reason: 'invalid_credential' }
    expect((await app.post('/v1/unlocks', denied, member)).status).toBe(200)
    await until(() => receiver.received.length === 2)
    const [one, two] = receiver.received
    expect(one).toMatchObject({
      type: 'unlock.recorded',
      data: { seq: 0, who: 'mia', method: 'pin', source: 'claimed', lock: 'front-door' },
    })
    expect(two).toMatchObject({ type: 'access.denied', data: { seq: 1, who: 'mia' } })
    expect(one?.id).toBe(String(one?.data['id']))
    expect(String(one?.data['receipt'])).toEndWith(`/console/log/${one?.id}`)
    for (const received of receiver.received) expect(isSignedBy(secret, received)).toBeTrue()
    await until(async () => (await at(target.id))['waiting'] === 0)
    expect(await at(target.id)).toMatchObject({
      state: 'enabled',
      failing_since: null,
      last: { state: 'delivered', status: 204 },
    })
  })

  test('tells the name as it is at sending, and none once the person is erased', async () => {
    receiver.answerWith(() => new Response('Hello mia'))
    const { id } = await add()
    await unlock()
    expect((await app.delete('/v1/me', { password: PASSWORD }, member)).status).toBe(200)
    app.outbox.start()
    await until(() => receiver.received.length === 1)
    expect(receiver.received[0]?.data).toMatchObject({ who: null, user_id: null, method: null })
    expect(receiver.received[0]?.text).not.toContain('mia')
    await until(async () => (await at(id))['waiting'] === 0)
    expect(await at(id)).toMatchObject({ last: { answer: 'Hello mia' } })
    const other = bearer(await app.signIn('max'))
    await app.delete('/v1/me', { password: PASSWORD }, other)
    expect(await at(id)).toMatchObject({ last: { answer: null } })
  })

  test('with a new secret signs with both, and shows the new one once', async () => {
    const { id, secret: before } = await add()
    const answer = await app.post(`/v1/targets/${id}/secret`, { password: PASSWORD }, owner)
    const { secret } = (await answer.json()) as Target
    expect(secret).not.toBe(before)
    expect((await app.post(`/v1/targets/${id}/test`, {}, owner)).status).toBe(200)
    const [received] = receiver.received
    expect(received?.type).toBe('test')
    if (received)
      expect([isSignedBy(before, received), isSignedBy(secret, received)]).toStrictEqual([
        true,
        true,
      ])
  })

  test('that answers 410 is disabled, which is audited', async () => {
    receiver.answerWith(() => new Response('moved away', { status: 410 }))
    const { id } = await add()
    app.outbox.start()
    await unlock()
    await until(async () => (await at(id))['state'] === 'disabled')
    expect(await at(id)).toMatchObject({
      disabled_why: 'gone',
      waiting: 0,
      last: { state: 'dead', status: 410, answer: 'moved away' },
    })
    const audit = (await (await app.get('/v1/audit?action=target.disable', owner)).json()) as {
      events: unknown[]
    }
    expect(audit.events).toMatchObject([{ result: 'failure', detail: { reason: 'gone' } }])
    await unlock()
    expect(await deliveriesTo(app.db, id)).toHaveLength(1)
    receiver.answerWith(() => new Response(null, { status: 204 }))
    expect(
      await (await app.patch(`/v1/targets/${id}`, { state: 'enabled' }, owner)).json(),
    ).toMatchObject({
      state: 'enabled',
      disabled_why: null,
    })
    await unlock()
    await until(() => receiver.received.length === 2)
    expect(receiver.seqs()).toStrictEqual([0, 2])
  })

  test('is told again by replay, one delivery or all since a number, with the same ids', async () => {
    const { id } = await add()
    app.outbox.start()
    for (let count = 0; count < 3; count += 1) await unlock()
    await until(async () => receiver.received.length === 3 && (await at(id))['waiting'] === 0)
    const replay = async (body: object) =>
      (await app.post(`/v1/targets/${id}/replay`, body, owner)).json()
    expect(await replay({ since_seq: 1 })).toStrictEqual({ replayed: 2 })
    await until(() => receiver.received.length === 5)
    expect(receiver.seqs()).toStrictEqual([0, 1, 2, 1, 2])
    expect(receiver.received[3]?.id).toBe(String(receiver.received[1]?.id))
    await until(async () => (await at(id))['waiting'] === 0)
    const listed = (await (
      await app.get(`/v1/targets/${id}/deliveries?limit=2`, owner)
    ).json()) as {
      deliveries: { id: number; state: string }[]
      next: number
    }
    expect(listed.deliveries.map(({ state }) => state)).toStrictEqual(['delivered', 'delivered'])
    const rest = await app.get(`/v1/targets/${id}/deliveries?before=${listed.next}`, owner)
    const { deliveries } = (await rest.json()) as { deliveries: { id: number }[] }
    expect(deliveries).toHaveLength(1)
    expect(await replay({ delivery: deliveries[0]?.id })).toStrictEqual({ replayed: 1 })
    await until(() => receiver.received.length === 6)
    expect(receiver.seqs().at(-1)).toBe(0)
    expect(await codeOf(await app.post(`/v1/targets/${id}/replay`, {}, owner))).toStrictEqual([
      400,
      'invalid',
    ])
  })
})

describe('adding and changing a target', () => {
  test('takes the password, and the audit event has neither it nor the address', async () => {
    const wrong = await app.post('/v1/targets', { ...hook(), password: 'wrong' }, owner)
    expect(await codeOf(wrong)).toStrictEqual([403, 'wrong_password'])
    const { id } = await add()
    const url = `${receiver.url}/other`
    const without = await app.patch(`/v1/targets/${id}`, { settings: { url } }, owner)
    expect(await codeOf(without)).toStrictEqual([403, 'password_required'])
    const moved = { settings: { url }, password: PASSWORD }
    expect((await app.patch(`/v1/targets/${id}`, moved, owner)).status).toBe(200)
    expect((await app.patch(`/v1/targets/${id}`, { name: 'Other' }, owner)).status).toBe(200)
    const audit = await (await app.get('/v1/audit', owner)).text()
    for (const action of ['target.add', 'target.change']) expect(audit).toContain(action)
    expect(audit).not.toContain('/hook')
    expect(app.logLines.join('')).not.toContain('whsec_')
  })

  test('does not overwrite what somebody else has changed', async () => {
    const { id, version } = await add()
    const changed = { ...owner, 'if-match': `"${version}"` }
    expect((await app.patch(`/v1/targets/${id}`, { name: 'One' }, changed)).status).toBe(200)
    const again = await app.patch(`/v1/targets/${id}`, { name: 'Two' }, changed)
    expect(await codeOf(again)).toStrictEqual([412, 'version_changed'])
    expect((await app.delete(`/v1/targets/${id}`, {}, changed)).status).toBe(412)
    expect((await app.delete(`/v1/targets/${id}`, {}, owner)).status).toBe(200)
    expect((await app.get(`/v1/targets/${id}`, owner)).status).toBe(404)
  })

  test.each([
    [{ settings: { url: 'http://user:secret@x.home/' } }, 'invalid'],
    [{ settings: {} }, 'invalid'],
    [{ kind: 'pigeon' }, 'invalid'],
    [{ kind: 'constructor' }, 'invalid'],
    [{ secrets: { secret: 'short' } }, 'invalid'],
    [{ rules: [{ on: 'unlocked', hours: { from: '22:00', to: '22:00' } }] }, 'invalid'],
    [{ rules: [{ on: 'unlocked', hours: { from: '25:00', to: '06:00' } }] }, 'invalid'],
    [{ rules: [{ on: 'opened' }] }, 'invalid'],
    [{ rules: [{ on: 'unlocked', lock: 'x' }] }, 'invalid'],
    [{ personal: true }, 'home_only'],
  ])('%p is refused: %s', async (given, code) => {
    const answer = await app.post('/v1/targets', { ...hook(), ...given }, owner)
    expect((await codeOf(answer))[1]).toBe(code)
  })

  test('is for owners; to others the home’s targets do not exist', async () => {
    const { id } = await add()
    const admin = bearer(await app.signIn('amy', 'admin'))
    for (const by of [member, admin]) {
      expect((await app.post('/v1/targets', { ...hook(), personal: false }, by)).status).toBe(403)
      expect((await app.post('/v1/targets', hook(), by)).status).toBe(403)
      expect(await (await app.get('/v1/targets', by)).json()).toMatchObject({
        targets: [],
        kinds: { home: [], personal: ['ntfy', 'gotify', 'telegram'] },
      })
      for (const path of [`/v1/targets/${id}`, `/v1/targets/${id}/deliveries`])
        expect((await app.get(path, by)).status).toBe(404)
      expect((await app.post(`/v1/targets/${id}/test`, {}, by)).status).toBe(404)
      expect((await app.post(`/v1/targets/${id}/replay`, { delivery: 1 }, by)).status).toBe(404)
      expect((await app.delete(`/v1/targets/${id}`, {}, by)).status).toBe(404)
      expect((await app.patch(`/v1/targets/${id}`, { name: 'x' }, by)).status).toBe(404)
    }
    expect(receiver.received).toBeEmpty()
  })

  test('a member’s own leads to the address of one of the home, and to no other of its host', async () => {
    const settings = { url: receiver.url.replace('/hook', '/ntfy'), topic: 'mia' }
    const ntfy = { kind: 'ntfy', settings, personal: true }
    const addOwn = (url: string) =>
      app.post('/v1/targets', { ...hook(), ...ntfy, settings: { ...settings, url } }, member)
    expect(await codeOf(await addOwn(settings.url))).toStrictEqual([403, 'destination_unknown'])
    await add({ ...ntfy, settings: { ...settings, topic: 'home' }, personal: false })
    const others = [`${settings.url}/other`, receiver.url, 'http://127.0.0.1', 'http://127.0.0.1:1']
    for (const url of [...others, settings.url.replace('http:', 'https:')])
      expect(await codeOf(await addOwn(url))).toStrictEqual([403, 'destination_unknown'])
    const own = (await (await addOwn(settings.url)).json()) as Target
    expect(own).toMatchObject({ kind: 'ntfy', version: 1 })
    const moved = { settings: { ...settings, url: receiver.url }, password: PASSWORD }
    const answer = await app.patch(`/v1/targets/${own.id}`, moved, member)
    expect(await codeOf(answer)).toStrictEqual([403, 'destination_unknown'])
  })

  test('[D7] a member’s own is in their export, without its secrets', async () => {
    const ntfy = { kind: 'ntfy', settings: { url: receiver.url, topic: 'mia' } }
    await add({ ...ntfy, secrets: { token: 'tk_home' } })
    const own = await add({ ...ntfy, secrets: { token: 'tk_own' }, personal: true }, member)
    const file = await (await app.get('/v1/me/export', member)).text()
    expect(JSON.parse(file)).toMatchObject({
      targets: [{ id: own.id, settings: { topic: 'mia' } }],
    })
    expect(file).not.toContain('tk_')
  })

  test('is possible for 20 of the home', async () => {
    for (let count = 0; count < 20; count += 1) await add()
    const answer = await app.post('/v1/targets', hook(), owner)
    expect(await codeOf(answer)).toStrictEqual([409, 'too_many_targets'])
  })
})

test('a test tells what became of it, also without an answer', async () => {
  const { id } = await add()
  receiver.answerWith(() => new Response(`no\nsuch ${'x'.repeat(1000)}`, { status: 404 }))
  const result = await (await app.post(`/v1/targets/${id}/test`, {}, owner)).json()
  expect(result).toMatchObject({ state: 'failed', status: 404 })
  expect((result as { answer: string }).answer).toHaveLength(200)
  expect((result as { answer: string }).answer).toStartWith('no such x')
  await receiver[Symbol.asyncDispose]()
  expect(await (await app.post(`/v1/targets/${id}/test`, {}, owner)).json()).toStrictEqual({
    state: 'failed',
    status: null,
    answer: 'Connection refused',
  })
})

test('rules are said in words, with the names of now; the words may come back in a change', async () => {
  const { publicId } = await app.accounts.authentication
    .checkPassword({ username: 'mia', password: PASSWORD }, COMMAND_LINE)
    .then((account) => account ?? { publicId: '' })
  const hours = { from: '22:00', to: '06:00' }
  const rule = { on: 'unlocked', people: [publicId.toUpperCase()], hours }
  const says = 'when mia opens any door between 22:00 and 06:00'
  const { id, rules } = await add({ rules: [rule] })
  expect(rules).toStrictEqual([{ ...rule, people: [publicId], says }])
  expect((await app.patch(`/v1/targets/${id}`, { rules }, owner)).status).toBe(200)
  await app.delete('/v1/me', { password: PASSWORD }, member)
  expect(await at(id)).toMatchObject({
    rules: [{ says: 'when an erased person opens any door between 22:00 and 06:00' }],
  })
})
