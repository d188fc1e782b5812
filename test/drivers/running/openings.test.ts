import { describe, expect, test } from 'bun:test'
import { NO_ACCOUNT } from '../../../src/domain/access.ts'
import { drivenHome } from '../../support/driven-home.ts'
import { tableNames, textOf } from '../../support/tables.ts'
import { until } from '../../support/until.ts'
import { entry, typed } from '../recorded/nuki-hub.ts'
import { PIN, REFUSED } from '../recorded/zigbee2mqtt.ts'

const TOPIC = 'zigbee2mqtt/front-door'
const NUKI = 'nukihub/lock'
const DAY_MS = 86_400_000

const iso = (ms: number): string => new Date(ms).toISOString()

describe('who opened a lock by itself', () => {
  test('is the person of the slot at that time, which a later change leaves as it is', async () => {
    await using home = await drivenHome()
    await home.setUp('zigbee2mqtt', { name: 'front-door' })
    await home.start()
    const typeCode = async (): Promise<void> => {
      const known = home.reports.length
      home.later(60_000)
      home.hear(TOPIC, { action: 'unlock', action_source_name: 'keypad', action_user: 2 })
      home.hear(TOPIC, { state: 'UNLOCK' })
      await until(() => home.reports.length > known)
    }
    const give = async (name: string, dates: object = {}): Promise<void> => {
      const body = { account: home.person(name).id, ...dates }
      const answer = await home.put('/v1/locks/front-door/slots/2', body, home.ada)
      expect(answer.status).toBe(200)
    }
    await typeCode()
    await give('grace', { valid_from: iso(Date.now() - DAY_MS) })
    await typeCode()
    await give('ada', { valid_from: iso(Date.now() - 1000), valid_to: iso(Date.now() + DAY_MS) })
    await typeCode()
    home.later(2 * DAY_MS)
    await typeCode()
    expect(home.reports.map(({ username }) => username)).toStrictEqual(['', 'grace', 'ada', ''])
    expect(home.reports[0]).toStrictEqual({
      lock: 'front-door',
      result: 'unlocked',
      reason: null,
      accountPublicId: NO_ACCOUNT,
      username: '',
      method: 'keypad',
      occurredAtMs: null,
      reporter: 'zigbee2mqtt',
      entry: undefined,
    })
  })

  test('is nobody for a slot of an account that was erased', async () => {
    await using home = await drivenHome()
    const account = home.person('grace').id
    await home.put('/v1/locks/front-door/slots/2', { account }, home.ada)
    const slots = () => home.db.all('SELECT account_public_id FROM lock_slot')
    expect(await slots()).toStrictEqual([{ account_public_id: account }])
    expect((await home.delete(`/v1/people/${account}`, {}, home.ada)).status).toBe(200)
    expect(await slots()).toBeEmpty()
  })

  test('is refused if the lock says so, once a minute for the same', async () => {
    await using home = await drivenHome()
    await home.setUp('zigbee2mqtt', { name: 'front-door' })
    await home.start()
    for (let times = 0; times < 5; times += 1)
      for (const [, topic, payload] of REFUSED) home.hear(topic, payload)
    home.hear(TOPIC, { action: 'unlock', action_source_name: 'rfid' })
    home.later(10_000)
    home.hear(TOPIC, { state: 'UNLOCK' })
    await until(() => home.reports.some(({ result }) => result === 'unlocked'))
    expect(home.reports.map(({ result, reason }) => [result, reason])).toStrictEqual([
      ['denied', 'invalid_credential'],
      ['denied', 'restricted'],
      ['unlocked', null],
    ])
  })

  test('pitfall 12: no PIN is in the log of the process or in the database', async () => {
    await using home = await drivenHome()
    await home.setUp('zigbee2mqtt', { name: 'front-door' })
    await home.start()
    for (const [, topic, payload] of REFUSED) home.hear(topic, payload)
    await until(() => home.reports.length === 2)
    expect(JSON.stringify(REFUSED)).toContain(PIN)
    expect(
      [...home.driverLines, ...home.logLines, JSON.stringify(home.reports)].join(),
    ).not.toContain(PIN)
    expect(await textOf(home.db, await tableNames())).not.toContain(PIN)
  })
})

describe('the own log of a lock', () => {
  const nukiHome = async () => {
    const home = await drivenHome()
    await home.setUp('nuki_hub', { prefix: 'nukihub' })
    return home
  }
  const entriesOf = ({ reports }: Awaited<ReturnType<typeof nukiHome>>) =>
    reports.map((report) => report.entry)

  test('what is older than the driver becomes no event', async () => {
    await using home = await nukiHome()
    using drivers = await home.start()
    home.hear(`${NUKI}/log`, [typed(811, -120, 4), typed(810, -180, 4)], true)
    home.hear(`${NUKI}/rollingLog`, typed(811, -120, 4), true)
    home.hear(`${NUKI}/rollingLog`, typed(812, 5, 4))
    await until(() => home.reports.length > 0)
    expect(entriesOf(home)).toStrictEqual(['812'])
    expect(drivers.stateOf('front-door')).toMatchObject({ kind: 'nuki_hub' })
  })

  test('the first entry is an event if it is new', async () => {
    await using home = await nukiHome()
    await home.start()
    home.hear(`${NUKI}/rollingLog`, typed(812, 5, 4))
    home.hear(`${NUKI}/rollingLog`, typed(813, 9, 4))
    await until(() => home.reports.length > 1)
    expect(entriesOf(home)).toStrictEqual(['812', '813'])
  })

  test('pitfall 3: an entry is one event, however often it comes, and gaps are filled', async () => {
    await using home = await nukiHome()
    const before = await home.start()
    home.hear(`${NUKI}/rollingLog`, typed(812, 5, 4))
    home.hear(`${NUKI}/rollingLog`, typed(812, 5, 4))
    await until(() => home.reports.length > 0)
    before[Symbol.dispose]()
    // While the gateway was away, two people opened, and the list was kept.
    await home.start()
    home.hear(`${NUKI}/rollingLog`, typed(815, 95, 5), true)
    home.hear(
      `${NUKI}/log`,
      [typed(815, 95, 5), entry(814, 90, { action: 'Lock' }), typed(813, 60, 4), typed(812, 5, 4)],
      true,
    )
    home.hear(`${NUKI}/rollingLog`, typed(816, 120, 5))
    await until(() => entriesOf(home).includes('816'))
    expect(entriesOf(home)).toStrictEqual(['812', '815', '813', '816'])
  })

  test('pitfall 4: an expired code is a denial of its person, and the opening of nobody', async () => {
    await using home = await nukiHome()
    await home.start()
    const account = home.person('grace').id
    await home.put('/v1/locks/front-door/slots/4', { account, valid_from: iso(0) }, home.ada)
    home.hear(`${NUKI}/rollingLog`, typed(812, 5, 4, { completionStatus: 'notAuthorized' }))
    await until(() => home.reports.length > 0)
    expect(home.reports).toMatchObject([
      { result: 'denied', reason: 'restricted', username: 'grace', entry: '812' },
    ])
  })

  test('tells of our own command too, which stays one opening, also after a crash', async () => {
    await using home = await nukiHome()
    const drivers = await home.start()
    home.hear(`${NUKI}/state`, 'locked')
    const { id } = await home.ask()
    await drivers.operate({ id, lockId: home.lockId })
    await until(() => home.commands().length > 0)
    home.hear(`${NUKI}/action`, 'unlock')
    home.hear(`${NUKI}/action`, 'ack')
    await until(async () => (await home.attempt(id)).delivery === 'accepted')
    home.hear(`${NUKI}/state`, 'unlocking')
    home.hear(`${NUKI}/state`, 'unlocked')
    await until(async () => (await home.attempt(id)).delivery === 'happened')
    const seconds = (Date.now() - Date.parse('2026-11-29T10:25:00Z')) / 1000
    const ours = entry(812, seconds, { trigger: 'system', authorizationId: 5 })
    home.hear(`${NUKI}/rollingLog`, ours)
    drivers[Symbol.dispose]()
    await home.start()
    home.hear(`${NUKI}/rollingLog`, ours, true)
    home.hear(`${NUKI}/log`, [ours], true)
    home.hear(`${NUKI}/rollingLog`, typed(813, seconds, 4))
    await until(() => entriesOf(home).includes('813'))
    expect(entriesOf(home)).toStrictEqual([`attempt:${id}`, '813'])
  })

  test('tells what became of a command after the deadline', async () => {
    await using home = await drivenHome({ deadlineMs: 20 })
    await home.setUp('nuki_hub', { prefix: 'nukihub' })
    using drivers = await home.start()
    home.hear(`${NUKI}/rollingLog`, entry(811, 0, { action: 'Lock' }))
    const { id } = await home.ask()
    await drivers.operate({ id, lockId: home.lockId })
    await until(async () => (await home.attempt(id)).delivery === 'unknown')
    home.hear(`${NUKI}/rollingLog`, entry(812, 9, { trigger: 'system', authorizationId: 5 }))
    await until(async () => (await home.attempt(id)).delivery === 'happened')
    expect(home.reports).toMatchObject([{ username: 'grace', attemptId: id }])
  })

  test('pitfall 5: a command waits until the hub listens', async () => {
    await using home = await nukiHome()
    using drivers = await home.start()
    home.hear('nukihub/maintenance/mqttConnectionState', 'online')
    const { id } = await home.ask()
    const asked = drivers.operate({ id, lockId: home.lockId })
    await asked
    expect(home.commands()).toBeEmpty()
    home.later(60_000)
    await until(() => home.commands().length > 0)
    expect(home.commands()).toMatchObject([{ topic: `${NUKI}/action`, payload: 'unlock', qos: 0 }])
  })

  test('pitfall 6: a motor that is blocked is a failure, and no second command', async () => {
    await using home = await nukiHome()
    using drivers = await home.start()
    const { id } = await home.ask()
    await drivers.operate({ id, lockId: home.lockId })
    await until(() => home.commands().length > 0)
    home.hear(`${NUKI}/completionStatus`, 'motor\0Blocked')
    home.hear(`${NUKI}/state`, 'unlocked')
    await until(async () => (await home.attempt(id)).delivery === 'failed')
    expect(await home.attempt(id)).toMatchObject({ lock_says: 'motor Blocked' })
    expect(home.commands()).toHaveLength(1)
    expect(home.reports).toBeEmpty()
  })
})

describe('what is known of a lock', () => {
  test('pitfall 10: a lock that stays on its way is unknown after a while', async () => {
    await using home = await drivenHome({ deadlineMs: 20 })
    await home.setUp('esphome', { node: 'door', id: 'front' })
    using drivers = await home.start()
    const told: (string | null)[] = []
    drivers.onState((_, { state }) => told.push(state))
    home.hear('door/lock/front/state', 'UNLOCKING')
    await until(() => told.length === 2)
    expect(told).toStrictEqual(['unlocking', null])
    expect(drivers.stateOf('front-door')).toMatchObject({ state: null, stateAtMs: null })
  })

  test('pitfall 11: the state has an age, which is unknown for what the broker had kept', async () => {
    await using home = await drivenHome()
    await home.setUp('zigbee2mqtt', { name: 'front-door' })
    using drivers = await home.start()
    home.hear(TOPIC, { state: 'LOCK' }, true)
    await until(() => drivers.stateOf('front-door')?.state === 'locked')
    expect(drivers.stateOf('front-door')).toMatchObject({ stateAtMs: null, heardAtMs: null })
    home.hear(TOPIC, { state: 'LOCK' })
    await until(() => drivers.stateOf('front-door')?.heardAtMs !== null)
    const since = drivers.stateOf('front-door')?.stateAtMs
    expect(since).toBeNumber()
    home.later(60_000)
    home.hear(TOPIC, { state: 'LOCK' })
    await until(() => Number(drivers.stateOf('front-door')?.heardAtMs) > Number(since))
    expect(drivers.stateOf('front-door')).toMatchObject({ stateAtMs: since ?? 0 })
    expect(home.said).toStrictEqual([{ topic: `${TOPIC}/get`, payload: '{"state":""}', qos: 0 }])
    expect(home.reports).toBeEmpty()
  })
})
