import { expect, test } from 'bun:test'
import { controllerWatch } from '../../../src/controllers/online/watch.ts'
import { controlledHome } from '../../support/controlled-home.ts'
import { withoutInstance } from '../../support/metrics-token.ts'

const MINUTE_MS = 60_000

const controller = {
  id: 'one',
  lockId: 'lock',
  lock: 'front-door',
  publicKey: new Uint8Array(),
  name: 'Pi',
  through: 0,
  enrolledAtMs: 0,
  seenAtMs: 0,
  forkedAtMs: null,
  removedAtMs: null,
} as const

const watching = (given: Partial<Parameters<typeof controllerWatch>[0]> = {}) => {
  const clock = { nowMs: 0, wallMs: () => clock.nowMs, monotonicMs: () => clock.nowMs }
  const told: string[] = []
  const stored: [string, number][] = []
  const watch = controllerWatch({
    clock,
    isLeader: () => true,
    onSilent: async ({ id }) => void told.push(id),
    storeSeen: async (seen) => void stored.push(...seen),
    onError: (error) => {
      throw error
    },
    ...given,
  })
  return { clock, told, stored, watch }
}

test('a controller that does not poll for two minutes is announced once, and again after it came back', async () => {
  const { clock, told, watch } = watching()
  watch.add(controller)
  clock.nowMs += 2 * MINUTE_MS - 1
  await watch.check()
  expect(told).toBeEmpty()
  expect(watch.isSilent('one')).toBe(false)
  clock.nowMs += 1
  await watch.check()
  await watch.check()
  expect(told).toStrictEqual(['one'])
  expect(watch.isSilent('one')).toBe(true)
  watch.seen('one')
  clock.nowMs += 2 * MINUTE_MS
  await watch.check()
  expect(told).toStrictEqual(['one', 'one'])
  await watch.stop()
})

test('one that was copied or removed is not announced', async () => {
  const { clock, told, watch } = watching()
  watch.add(controller)
  watch.add({ ...controller, id: 'two' })
  watch.forked('one')
  watch.remove('two')
  clock.nowMs += 9 * MINUTE_MS
  await watch.check()
  expect(told).toBeEmpty()
  await watch.stop()
})

test('one that polls another replica is not silent, and the leader alone announces one that polls none', async () => {
  const elsewhere = new Map([['one', 0]])
  let leads = false
  const { clock, told, watch } = watching({
    seenElsewhereMs: () => Promise.resolve(elsewhere),
    isLeader: () => leads,
  })
  watch.add(controller)
  clock.nowMs += 2 * MINUTE_MS
  elsewhere.set('one', clock.nowMs - 1).set('removed', clock.nowMs)
  await watch.check()
  expect(watch.isSilent('one')).toBe(false)
  clock.nowMs += 2 * MINUTE_MS
  await watch.check()
  expect(watch.isSilent('one')).toBe(true)
  expect(told).toBeEmpty()
  leads = true
  elsewhere.set('one', clock.nowMs)
  await watch.check()
  clock.nowMs += 2 * MINUTE_MS
  await watch.check()
  expect(told).toStrictEqual(['one'])
  await watch.stop()
})

test('when controllers were last seen is stored now and then, and at the end', async () => {
  const { clock, stored, watch } = watching()
  watch.add(controller)
  for (let minute = 1; minute <= 12; minute += 1) {
    clock.nowMs = minute * MINUTE_MS
    watch.seen('one')
    await watch.check()
  }
  expect(stored).toStrictEqual([['one', 10 * MINUTE_MS]])
  await watch.stop()
  expect(stored).toStrictEqual([
    ['one', 10 * MINUTE_MS],
    ['one', 12 * MINUTE_MS],
  ])
})

test('the silence is announced, and doctor and the metrics say so', async () => {
  await using home = await controlledHome()
  await home.enrolled()
  const body = {
    kind: 'webhook',
    name: 'Alarm',
    settings: { url: 'http://127.0.0.1:1/' },
    rules: [{ on: 'controller.silent' }],
    password: 'correct horse battery',
  }
  expect((await home.post('/v1/targets', body, home.as('oli'))).status).toBe(200)
  home.clock.passedMs += 2 * MINUTE_MS
  home.clock.nowMs += 2 * MINUTE_MS
  await home.controllers.watch.check()
  const told = await home.db.all<{ event: string; about: string }>(
    'SELECT event, about FROM delivery',
  )
  expect(told).toStrictEqual([
    {
      event: 'controller.silent',
      about: 'The controller Test device of the lock front-door has stopped answering',
    },
  ])
  const { findings } = (await (await home.get('/v1/doctor', home.as('amy'))).json()) as {
    findings: { check: string; state: string }[]
  }
  expect(findings.filter(({ check }) => check === 'controllers')).toMatchObject([
    { state: 'warning' },
  ])
  const text = await (await home.get('/metrics', home.as('amy'))).text()
  expect(withoutInstance(text)).toContain('secure_lock_controllers{state="offline"} 1')
})
