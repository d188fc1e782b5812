import { describe, expect, test } from 'bun:test'
import { rmSync } from 'node:fs'
import { addAccount, tokenFor } from '../support/accounts.ts'
import { bearer, clientOf } from '../support/app.ts'
import { UNLIMITED, startService, temporaryFolder } from '../support/binary.ts'
import { startMosquitto } from '../support/mosquitto.ts'
import { until } from '../support/until.ts'
import { typed } from './recorded/nuki-hub.ts'

type Attempt = { readonly delivery: string; readonly lock_says: string | null }
type Shown = {
  readonly seq: number
  readonly username: string | null
  readonly source: string
  readonly method: string | null
  readonly result: string
}

/** The executable with a real broker, and a front door that Oli owns. */
const home = async () => {
  const folder = temporaryFolder()
  const broker = await startMosquitto()
  const env = { ...UNLIMITED, MQTT_URL: broker.url }
  let service = await startService({ env, folder })
  await addAccount('oli', { role: 'owner', folder })
  await addAccount('eva', { folder })
  const people = {
    oli: await tokenFor(service.url, 'oli'),
    eva: await tokenFor(service.url, 'eva'),
  }
  const as = (name: keyof typeof people) => bearer(people[name])
  const idOf = async (name: keyof typeof people) =>
    ((await (await clientOf(service.url).get('/v1/me', as(name))).json()) as { id: string }).id
  const ask = async () => {
    const id = crypto.randomUUID()
    const path = '/v1/locks/front-door/unlock'
    const answer = await clientOf(service.url).post(path, { id }, as('eva'))
    return { id, ...((await answer.json()) as { decision: string; delivery: string }) }
  }
  const attempt = async (id: string) => {
    const path = `/v1/locks/front-door/attempts/${id}`
    return (await (await clientOf(service.url).get(path, as('eva'))).json()) as Attempt
  }
  return {
    broker,
    ask,
    attempt,
    idOf,
    put: (path: string, body: object) =>
      clientOf(service.url).put(`/v1/locks/front-door${path}`, body, as('oli')),
    driver: async () =>
      (await (
        await clientOf(service.url).get('/v1/locks/front-door/driver', as('oli'))
      ).json()) as {
        state: string | null
        online: boolean | null
      },
    ended: (id: string, state: string) => until(async () => (await attempt(id)).delivery === state),
    /** What the locks themselves reported, oldest first. */
    reported: async () => {
      const answer = await clientOf(service.url).get('/v1/unlocks', as('oli'))
      const { unlocks } = (await answer.json()) as { unlocks: readonly Shown[] }
      return unlocks
        .filter(({ source }) => source === 'reported')
        .toSorted((one, other) => one.seq - other.seq)
        .map(({ username, method, result }) => [username || null, method, result])
    },
    log: () => service.output().log,
    kill: () => service.stop('SIGKILL'),
    start: async () => {
      service = await startService({ env, folder })
    },
    [Symbol.asyncDispose]: async () => {
      await service.stop('SIGTERM')
      await broker[Symbol.asyncDispose]()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

type Home = Awaited<ReturnType<typeof home>>

/** A lock at the other side of the broker: it answers each command by `obey`. */
const lockAt = async (
  { broker }: Home,
  topic: string,
  obey: (payload: string, times: number) => void,
) => {
  const { heard } = await broker.listen(topic)
  let done = 0
  const timer = setInterval(() => {
    for (const { payload } of heard.slice(done)) {
      done += 1
      obey(payload, done)
    }
  }, 5)
  return {
    commands: () => heard.map(({ payload }) => payload),
    [Symbol.dispose]: () => clearInterval(timer),
  }
}

describe('the executable with a real broker', () => {
  test('opens a lock of Zigbee2MQTT once, and tells who typed a code', async () => {
    await using place = await home()
    const { broker } = place
    const topic = 'zigbee2mqtt/front-door'
    const say = (message: object) => broker.publish(topic, JSON.stringify(message))
    let isObeying = true
    using lock = await lockAt(place, `${topic}/set`, () => {
      if (isObeying) say({ state: 'UNLOCK', lock_state: 'unlocked' })
    })
    const put = await place.put('/driver', {
      kind: 'zigbee2mqtt',
      settings: { name: 'front-door' },
    })
    expect(put.status).toBe(200)
    await until(async () => {
      say({ state: 'LOCK', lock_state: 'locked' })
      return (await place.driver()).state === 'locked'
    })

    const asked = await place.ask()
    expect(asked).toMatchObject({ decision: 'permitted', delivery: 'asked' })
    await place.ended(asked.id, 'happened')
    expect(await place.reported()).toStrictEqual([['eva', 'app', 'unlocked']])

    await place.put('/slots/2', { account: await place.idOf('oli') })
    say({
      action: 'unlock',
      action_source_name: 'keypad',
      action_user: 2,
      state: 'LOCK',
      users: { 2: { pin_code: 482_913 } },
    })
    say({ action: '', state: 'LOCK' })
    say({ action: null, state: 'UNLOCK', lock_state: 'unlocked' })
    await until(async () => (await place.reported()).length === 2)
    expect((await place.reported())[1]).toStrictEqual(['oli', 'keypad', 'unlocked'])
    expect(place.log()).not.toContain('482913')

    // Killed between the command and its end: that is unknown, and nothing is asked again.
    isObeying = false
    say({ state: 'LOCK', lock_state: 'locked' })
    const lost = await place.ask()
    await until(() => lock.commands().length === 2)
    await place.kill()
    await place.start()
    await place.ended(lost.id, 'unknown')
    expect(await place.attempt(lost.id)).toMatchObject({ lock_says: null })
    await until(async () => {
      say({ state: 'LOCK', lock_state: 'locked' })
      return (await place.driver()).state === 'locked'
    })
    expect(lock.commands()).toStrictEqual(['{"state":"UNLOCK"}', '{"state":"UNLOCK"}'])
    expect(await place.reported()).toHaveLength(2)
  })

  test('opens it for Home Assistant too, as the operator of the lock, and shows its state', async () => {
    await using place = await home()
    const { broker } = place
    const topic = 'zigbee2mqtt/front-door'
    const say = (message: object) => broker.publish(topic, JSON.stringify(message))
    using lock = await lockAt(place, `${topic}/set`, () => say({ state: 'UNLOCK' }))
    const states = await broker.listen('secure-lock/+/locks/front-door/state')
    await place.put('/driver', { kind: 'zigbee2mqtt', settings: { name: 'front-door' } })
    await place.put('/operator', { account: await place.idOf('eva') })
    await until(async () => {
      say({ state: 'LOCK' })
      return states.heard.at(-1)?.payload === 'LOCKED'
    })
    const shown = states.heard.at(-1)?.topic ?? ''
    const command = { action: 'unlock', at: new Date().toISOString() }
    const send = () => broker.publish(shown.replace(/state$/, 'set'), JSON.stringify(command))
    send()
    send()
    await until(() => states.heard.at(-1)?.payload === 'UNLOCKED')
    await until(async () => (await place.reported()).length === 1)
    expect(await place.reported()).toStrictEqual([['eva', 'app', 'unlocked']])
    expect(lock.commands()).toStrictEqual(['{"state":"UNLOCK"}'])
  })

  test('opens a lock behind a Nuki Hub once, whose own log tells of it a second time', async () => {
    await using place = await home()
    const { broker } = place
    const say = (name: string, payload: string, options = {}) =>
      broker.publish(`nukihub/lock/${name}`, payload, options)
    const now = (Date.now() - Date.parse('2026-11-29T10:25:00Z')) / 1000
    const ours = typed(812, now, 0, { type: 'LockAction', trigger: 'system', authorizationId: 5 })
    using lock = await lockAt(place, 'nukihub/lock/action', (payload) => {
      if (payload !== 'unlatch') return
      say('action', 'ack')
      say('state', 'unlatching', { retain: true })
      say('state', 'unlatched', { retain: true })
      say('rollingLog', JSON.stringify(ours), { retain: true })
      say('log', JSON.stringify([ours]), { retain: true })
    })
    await place.put('/driver', {
      kind: 'nuki_hub',
      settings: { prefix: 'nukihub', action: 'open' },
    })
    await until(async () => {
      say('state', 'locked', { retain: true })
      return (await place.driver()).state === 'locked'
    })
    const asked = await place.ask()
    await place.ended(asked.id, 'happened')
    await place.put('/slots/4', {
      account: await place.idOf('oli'),
      valid_from: '2026-01-01T00:00:00Z',
    })
    say('rollingLog', JSON.stringify(typed(813, now, 4)), { retain: true })
    await until(async () => (await place.reported()).length === 2)

    // The broker has kept the entries, which come again, and the list has one that was missed.
    await place.kill()
    say('log', JSON.stringify([typed(815, now, 9), typed(814, now, 4), typed(813, now, 4), ours]), {
      retain: true,
    })
    await place.start()
    await until(async () => (await place.reported()).length === 4)
    expect(await place.reported()).toStrictEqual([
      ['eva', 'app', 'unlocked'],
      ['oli', 'keypad', 'unlocked'],
      ['oli', 'keypad', 'unlocked'],
      [null, 'keypad', 'unlocked'],
    ])
    expect(lock.commands().filter((payload) => payload === 'unlatch')).toHaveLength(1)
  })

  test('opens a lock of ESPHome once, also when the broker was away', async () => {
    await using place = await home()
    const { broker } = place
    await place.put('/driver', { kind: 'esphome', settings: { node: 'door', id: 'strike' } })
    await until(async () => {
      broker.publish('door/lock/strike/state', 'LOCKED')
      return (await place.driver()).state === 'locked'
    })
    await broker.stop()
    let refused = await place.ask()
    // The gateway may not know yet that the broker has gone.
    await until(async () => {
      if ((await place.attempt(refused.id)).delivery === 'failed') return true
      await Bun.sleep(100)
      refused = await place.ask()
      return false
    })
    await broker.start()
    using lock = await lockAt(place, 'door/lock/strike/command', () =>
      broker.publish('door/lock/strike/state', 'UNLOCKED'),
    )
    await until(async () => {
      broker.publish('door/lock/strike/state', 'LOCKED')
      broker.publish('door/status', 'online')
      return (await place.driver()).online === true
    })
    expect(lock.commands()).toBeEmpty()
    const asked = await place.ask()
    await place.ended(asked.id, 'happened')
    expect(lock.commands()).toStrictEqual(['UNLOCK'])
  })
})
