import { expect, test } from 'bun:test'
import { homeWithBroker } from '../support/mqtt-home.ts'
import { until } from '../support/until.ts'

test('a lock with a driver is one in Home Assistant, which operates it as a member', async () => {
  await using home = await homeWithBroker()
  const { broker, client } = home
  const gid = await home.gid()
  const base = `secure-lock/${gid}/locks/front-door`
  const config = `homeassistant/device/secure_lock_${gid}_front_door/config`
  const oli = await home.as('Oli')
  const device = async () =>
    JSON.parse((await broker.kept(config))[config] ?? '{}') as {
      cmps?: { lock: { command_topic?: string; state_topic?: string } }
    }
  const state = async () => (await broker.kept(`${base}/state`))[`${base}/state`]
  await until(async () => (await device()).cmps !== undefined)
  expect((await device()).cmps?.lock).toStrictEqual({ p: 'lock' } as object)
  expect(await state()).toBeUndefined()

  const driver = { kind: 'esphome', settings: { node: 'porch', id: 'front', action: 'unlock' } }
  expect((await client().put('/v1/locks/front-door/driver', driver, oli)).status).toBe(200)
  await until(async () => (await device()).cmps?.lock.command_topic === `${base}/set`)
  await until(async () => (await state()) === 'None')
  broker.publish('porch/lock/front/state', 'LOCKED')
  await until(async () => (await state()) === 'LOCKED')

  const me = await client().get('/v1/me', await home.as('Ben'))
  const { id: account } = (await me.json()) as { id: string }
  await client().put('/v1/locks/front-door/operator', { account }, oli)
  const lock = await broker.listen('porch/lock/front/command')
  const at = new Date().toISOString()
  broker.publish(`${base}/set`, JSON.stringify({ action: 'unlock', at }))
  await until(() => lock.heard.length === 1)
  expect(lock.heard[0]?.payload).toBe('UNLOCK')
  broker.publish('porch/lock/front/state', 'UNLOCKED')
  await until(async () => (await state()) === 'UNLOCKED')
  broker.publish('porch/status', 'offline')
  await until(async () => (await state()) === 'None')

  expect((await client().delete('/v1/locks/front-door/driver', {}, oli)).status).toBe(200)
  await until(async () => (await device()).cmps?.lock.command_topic === undefined)
  await until(async () => (await state()) === undefined)
  expect(lock.heard).toHaveLength(1)
})
