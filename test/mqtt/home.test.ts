import { expect, test } from 'bun:test'
import { cable } from '../support/cable.ts'
import { homeWithBroker } from '../support/mqtt-home.ts'
import { until } from '../support/until.ts'
import { homeDatabase } from '../support/home-database.ts'

type Event = { event_type: string; who: string | null; seq: number; lock: string }

const eventsOf = (heard: readonly { payload: string }[]) =>
  heard.map(({ payload }) => JSON.parse(payload) as Event)

test('a home appears at the broker, tells of unlocks, and is offline when it is gone', async () => {
  await using home = await homeWithBroker({ PUBLIC_URL: 'https://lock.home:8443' })
  const { broker } = home
  const gid = await home.gid()
  const base = `secure-lock/${gid}`
  const config = `homeassistant/device/secure_lock_${gid}_front_door/config`
  await until(async () => config in (await broker.kept('homeassistant/#')))
  const kept = await broker.kept('#')
  expect(Object.keys(kept).toSorted()).toStrictEqual([config, `${base}/log`, `${base}/status`])
  expect(kept[`${base}/status`]).toBe('online')
  expect(JSON.parse(kept[`${base}/log`] ?? '')).toMatchObject({
    problem: false,
    size: expect.any(Number),
    root: expect.stringMatching(/^[\w+/]{43}=$/),
    checked_at: expect.stringMatching(/^20.*Z$/),
  })
  expect(JSON.parse(kept[config] ?? '')).toMatchObject({
    dev: { name: 'Front door', cu: 'https://lock.home:8443/' },
    cmps: { unlocks: { state_topic: `${base}/locks/front-door/unlocks` }, lock: { p: 'lock' } },
  })

  const listener = await broker.listen(`${base}/locks/+/unlocks`, `${base}/locks/+/denials`)
  await home.unlock('Ada')
  await home.unlock('Ada')
  await until(() => listener.heard.length === 2)
  const [first, second] = eventsOf(listener.heard)
  expect(first).toMatchObject({
    event_type: 'unlocked',
    who: 'Ada',
    lock: 'front-door',
    method: 'pin',
    source: 'claimed',
    receipt: expect.stringContaining('https://lock.home:8443/'),
  })
  expect(second?.seq).toBe((first?.seq ?? 0) + 1)
  const last = `${base}/locks/front-door/last`
  const lastSeq = async () =>
    (JSON.parse((await broker.kept(last))[last] ?? '{}') as { seq?: number }).seq
  await until(async () => (await lastSeq()) === second?.seq)

  // A stranger registers and claims to have opened: nobody hears of it.
  const stranger = { username: 'Eve', password: 'correct horse battery', phone: '1', address: 'x' }
  expect((await home.client().post('/register', stranger)).status).toBe(200)
  await home.unlock('Eve')
  await home.unlock('Ben')
  await until(() => listener.heard.length === 3)
  expect(eventsOf(listener.heard).map(({ who }) => who)).toStrictEqual(['Ada', 'Ada', 'Ben'])

  const status = async () => (await broker.kept(`${base}/status`))[`${base}/status`]
  await home.allTold()
  expect(await home.service().stop('SIGKILL')).not.toBe(0)
  await until(async () => (await status()) === 'offline')
  await home.restart()
  await until(async () => (await status()) === 'online')
  expect(await home.gid()).toBe(gid)
  expect(await home.service().stop('SIGTERM')).toBe(0)
  expect(await status()).toBe('offline')
  // Its end and its return were no unlock, and nothing was told twice.
  expect(listener.heard).toHaveLength(3)
  expect(home.service().output().log).not.toContain('broker-secret')
})

test('what happens while nobody listens, or no broker is there, is told later, once and in order', async () => {
  await using home = await homeWithBroker()
  const { broker } = home
  const base = `secure-lock/${await home.gid()}`
  const unlocks = `${base}/locks/front-door/unlocks`
  await home.unlock('Ada', 'nobody listens')
  const listener = await broker.listen(unlocks)
  await until(() => listener.heard.length === 1)
  await listener.end()
  await broker.stop('SIGKILL')
  for (const method of ['one', 'two', 'three']) await home.unlock('Ben', method)
  await broker.start()
  // The broker has forgotten everything; Home Assistant is back after a while.
  const config = () => broker.kept('homeassistant/#')
  await until(async () => Object.keys(await config()).length === 1)
  const again = await broker.listen(unlocks)
  await until(() => again.heard.length === 3)
  await home.unlock('Ada', 'four')
  await until(() => again.heard.length === 4)
  const methods = again.heard.map(
    ({ payload }) => (JSON.parse(payload) as { method: string }).method,
  )
  expect(methods).toStrictEqual(['one', 'two', 'three', 'four'])
  const last = `${base}/locks/front-door/last`
  await until(async () => (await broker.kept(last))[last]?.includes('"four"') === true)

  // Home Assistant has forgotten too: it says that it is there.
  broker.publish(Object.keys(await config())[0] ?? '', '', { retain: true })
  expect(await config()).toStrictEqual({})
  broker.publish('homeassistant/status', 'online')
  await until(async () => Object.keys(await config()).length === 1)
})

test('changes of locks and people reach what the broker keeps', async () => {
  await using home = await homeWithBroker()
  const { broker, client } = home
  const base = `secure-lock/${await home.gid()}`
  const oli = await home.as('Oli')
  const devices = async () =>
    Object.values(await broker.kept('homeassistant/#')).map(
      (payload) => (JSON.parse(payload) as { dev: { name: string } }).dev.name,
    )
  await client().post('/v1/locks', { label: 'back-door', name: 'Back door' }, oli)
  await until(async () => (await devices()).includes('Back door'))
  await client().patch('/v1/locks/back-door', { name: 'Garden' }, oli)
  await until(async () => (await devices()).includes('Garden'))
  expect((await home.command(['lock', 'retire', '--yes', 'back-door'])).status).toBe(0)
  await until(async () => !(await devices()).includes('Garden'))
  expect(await devices()).toStrictEqual(['Front door'])

  // A lock that was retired while the gateway was down goes too, and nobody hears of what was not there.
  await client().post('/v1/locks', { label: 'gate', name: 'Gate' }, oli)
  await until(async () => (await devices()).includes('Gate'))
  await home.service().stop()
  expect((await home.command(['lock', 'retire', '--yes', 'gate'])).status).toBe(0)
  const all = await broker.listen('#')
  await home.restart()
  await until(async () => !(await devices()).includes('Gate'))
  const empty = all.heard.filter(({ payload }) => payload === '').map(({ topic }) => topic)
  expect(empty).toStrictEqual([`homeassistant/device/secure_lock_${await home.gid()}_gate/config`])
  await all.end()

  const listener = await broker.listen(`${base}/locks/+/unlocks`)
  await home.unlock('Ada')
  await until(() => listener.heard.length === 1)
  const last = `${base}/locks/front-door/last`
  const who = async () => {
    const text = (await broker.kept(last))[last]
    return text === undefined ? undefined : (JSON.parse(text) as { who: string | null }).who
  }
  await until(async () => (await who()) === 'Ada')
  expect((await home.command(['user', 'erase', '--yes', 'Ada'])).status).toBe(0)
  await until(async () => (await who()) === null)
  expect(JSON.stringify(await broker.kept('#'))).not.toContain('Ada')
})

test('names stay in the house with MQTT_NAMES=off, and nothing is announced with MQTT_DISCOVERY=off', async () => {
  await using home = await homeWithBroker({
    MQTT_NAMES: 'off',
    MQTT_DISCOVERY: 'off',
    MQTT_TOPIC: 'x/y',
  })
  const { broker } = home
  await until(async () => Object.keys(await broker.kept('x/y/#')).length === 2)
  const listener = await broker.listen('x/y/+/locks/+/unlocks')
  await home.unlock('Ada')
  await until(() => listener.heard.length === 1)
  await until(
    async () => Object.keys(await broker.kept('x/y/+/locks/front-door/last')).length === 1,
  )
  expect(eventsOf(listener.heard)[0]?.who).toBeNull()
  expect(JSON.stringify([listener.heard, await broker.kept('#')])).not.toContain('Ada')
  expect(await broker.kept('homeassistant/#', 'off/#')).toStrictEqual({})
})

test('a cable that was cut loses no unlock and repeats none', async () => {
  const far = { port: 0 }
  using line = await cable(() => far.port)
  await using home = await homeWithBroker((port) => {
    far.port = port
    return { MQTT_URL: `mqtt://gateway:broker-secret@127.0.0.1:${line.port}` }
  })
  const listener = await home.broker.listen(`secure-lock/${await home.gid()}/locks/+/unlocks`)
  await home.unlock('Ada', 'before')
  await until(() => listener.heard.length === 1)
  await home.allTold()
  line.cut()
  for (const method of ['one', 'two', 'three']) await home.unlock('Ben', method)
  // Nobody says that a cable is cut.
  await until(() => home.service().output().log.includes('the broker does not answer'))
  line.mend()
  await until(() => listener.heard.length === 4)
  await home.allTold()
  expect(
    listener.heard.map(({ payload }) => (JSON.parse(payload) as { method: string }).method),
  ).toStrictEqual(['before', 'one', 'two', 'three'])
})

test('a log that somebody has changed is a problem in Home Assistant', async () => {
  await using home = await homeWithBroker()
  const topic = `secure-lock/${await home.gid()}/log`
  const log = async () =>
    JSON.parse((await home.broker.kept(topic))[topic] ?? '{}') as { problem?: boolean }
  await home.unlock('Ada')
  await until(async () => (await log()).problem === false)
  await home.service().stop()
  {
    await using db = await homeDatabase(home.folder)
    await db.run(
      `UPDATE unlock_event SET lock = 'other' WHERE seq = (SELECT max(seq) FROM unlock_event)`,
    )
  }
  await home.restart()
  await until(async () => (await log()).problem === true)
  expect(await log()).toMatchObject({ problem: true, size: null, root: null })
})
