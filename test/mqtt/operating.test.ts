import { expect, test } from 'bun:test'
import { homeWithBroker } from '../support/mqtt-home.ts'
import { until } from '../support/until.ts'

type Home = Awaited<ReturnType<typeof homeWithBroker>>

/** Makes Ben the operator of the front door, whom a grant lets in or not. */
const letBenOperate = async (home: Home, { isGranted }: { readonly isGranted: boolean }) => {
  const oli = await home.as('Oli')
  const me = await home.client().get('/v1/me', await home.as('Ben'))
  const { id } = (await me.json()) as { id: string }
  const set = await home.client().put('/v1/locks/front-door/operator', { account: id }, oli)
  expect(set.status).toBe(200)
  if (isGranted) return
  // The first lock of a home is open to members.
  const listed = await home.client().get('/v1/grants', oli)
  const { grants } = (await listed.json()) as { grants: { id: string }[] }
  for (const grant of grants) await home.client().post(`/v1/grants/${grant.id}/revocation`, {}, oli)
}

const decided = async (home: Home) => {
  const answer = await home.client().get('/v1/unlocks?order=seq', await home.as('Oli'))
  const { unlocks } = (await answer.json()) as {
    unlocks: { source: string; username: string; result: string; attempt: string }[]
  }
  return unlocks.filter(({ source }) => source === 'decided')
}

const command = (atMs = Date.now(), action = 'unlock') =>
  JSON.stringify({ action, at: new Date(atMs).toISOString().replace('Z', '+00:00') })

test('a command of Home Assistant is an attempt of the operator, once', async () => {
  await using home = await homeWithBroker()
  const { broker } = home
  const topic = `secure-lock/${await home.gid()}/locks/front-door/set`
  const logged = (text: string) => home.service().output().log.split(text).length - 1
  broker.publish(topic, command())
  await until(() => logged('no operator') === 1)
  await letBenOperate(home, { isGranted: true })

  // A live message with the retain flag counts while it is fresh; what the broker kept of it does not.
  const atMs = Date.now()
  broker.publish(topic, command(atMs), { retain: true })
  await until(async () => (await decided(home)).length === 1)
  expect(await decided(home)).toMatchObject([{ username: 'Ben', result: 'permitted' }])
  for (const payload of [
    command(atMs),
    command(atMs - 1),
    command(Date.now() - 10_001),
    command(Date.now() + 60_000),
    command(Date.now(), 'toggle'),
    'UNLOCK',
  ])
    broker.publish(topic, payload)
  broker.publish(topic, '', { retain: true })
  broker.publish(topic, command(), { retain: true })
  await until(async () => (await decided(home)).length === 2)
  await broker.stop('SIGTERM')
  await broker.start()
  broker.publish(topic, command(atMs), { retain: true })
  await until(() => logged('connected to the broker') === 2)
  await until(() => logged('it is a retained message') === 1)
  broker.publish(topic, command())
  await until(async () => (await decided(home)).length === 3)
  const attempts = await decided(home)
  expect(new Set(attempts.map(({ attempt }) => attempt)).size).toBe(3)
  expect(logged('not after the last')).toBe(2)
})

test('an operator without a grant is refused, and Home Assistant hears of the denial', async () => {
  await using home = await homeWithBroker()
  const { broker } = home
  const base = `secure-lock/${await home.gid()}/locks/front-door`
  const listener = await broker.listen(`${base}/unlocks`, `${base}/denials`)
  await letBenOperate(home, { isGranted: false })
  broker.publish(`${base}/set`, command())
  await until(() => listener.heard.length === 1)
  expect(listener.heard[0]?.topic).toBe(`${base}/denials`)
  expect(JSON.parse(listener.heard[0]?.payload ?? '')).toMatchObject({
    event_type: 'denied',
    who: 'Ben',
    reason: 'revoked',
    source: 'decided',
  })
})

test('doctor fails where anyone at the broker could open a lock', async () => {
  await using home = await homeWithBroker({}, { isOpen: true })
  const found = async () => {
    const { out, status } = await home.command(['doctor', '--json'])
    const { findings } = JSON.parse(out) as {
      findings: { check: string; state: string; says: string }[]
    }
    const answer = await home.client().get('/v1/doctor', await home.as('Oli'))
    const ofService = (await answer.json()) as { findings: typeof findings }
    const [here, there] = [findings, ofService.findings].map((all) =>
      all.find(({ check }) => check === 'mqtt'),
    )
    expect(here).toStrictEqual(there)
    expect(out).not.toContain('broker-secret')
    return { ...here, status }
  }
  expect(await found()).toMatchObject({
    state: 'warning',
    says: expect.stringContaining('can read who opened the door'),
  })
  await letBenOperate(home, { isGranted: true })
  expect(await found()).toMatchObject({
    state: 'fault',
    says: expect.stringMatching(/^Anyone on the network of the broker .* can open front-door/),
    status: 1,
  })
})

test('doctor is content with a broker that wants a password, and warns of one that is gone', async () => {
  await using home = await homeWithBroker()
  await letBenOperate(home, { isGranted: true })
  const says = async () => (await home.command(['doctor'])).out
  expect(await says()).toMatch(/ok +mqtt +The broker mqtt:\/\/127\.0\.0\.1:\d+ answers, by MQTT 5/)
  await home.broker.stop()
  expect(await says()).toMatch(/warning +mqtt +No connection to the broker mqtt:/)
})
