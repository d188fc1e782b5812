import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import type { AppendedEvent } from '../../../src/domain/home-event.ts'
import { enqueueAppended } from '../../../src/outbox/core/after-append.ts'
import { enqueueIn } from '../../../src/outbox/core/enqueue-store.ts'
import { targetsIn } from '../../../src/outbox/core/target-store.ts'
import type { NewUnlockEvent } from '../../../src/unlocks/log/event.ts'
import { type TestApp, startApp } from '../../support/app.ts'
import { addTarget, deliveriesTo } from '../../support/outbox.ts'

let app: TestApp
let ada = ''

beforeEach(async () => {
  app = await startApp({ HOME_ZONE: 'UTC' }, { nowMs: Date.UTC(2026, 10, 28, 12) })
  await app.signIn('ada')
  ada = await publicId('ada')
})
afterEach(() => app[Symbol.asyncDispose]())

const publicId = async (username: string): Promise<string> =>
  (
    await app.db.get<{ public_id: string }>(
      'SELECT public_id FROM account WHERE username = ?',
      username,
    )
  )?.public_id ?? ''

const EVERYTHING = [{ on: 'unlocked' }, { on: 'denied' }] as const

const event = (given: Partial<NewUnlockEvent> = {}): NewUnlockEvent => ({
  id: crypto.randomUUID(),
  accountPublicId: ada,
  username: 'ada',
  method: 'pin',
  lock: 'front-door',
  result: 'unlocked',
  reason: null,
  source: 'claimed',
  occurredAtMs: null,
  ...given,
})

const append = (...events: readonly NewUnlockEvent[]) => app.unlocks.unlockLog.append(events)
const toldOf = async (id = 'hook') =>
  (await deliveriesTo(app.db, id)).map(({ event: on, seq }) => [on, seq])

describe('a row of the outbox', () => {
  test('is written for each enabled target whose rules want the event', async () => {
    await addTarget(app.db, 'hook', EVERYTHING)
    await addTarget(app.db, 'denials', [{ on: 'denied' }])
    await addTarget(app.db, 'off', EVERYTHING, { disabledWhy: 'person' })
    await append(event(), event({ result: 'denied', reason: 'invalid_credential' }))
    expect(await toldOf()).toStrictEqual([
      ['unlocked', 0],
      ['denied', 1],
    ])
    expect(await toldOf('denials')).toStrictEqual([['denied', 1]])
    expect(await toldOf('off')).toBeEmpty()
  })

  test('is written once although an event is sent twice', async () => {
    await addTarget(app.db, 'hook', EVERYTHING)
    const once = event()
    await append(once)
    await append(once)
    expect(await toldOf()).toStrictEqual([['unlocked', 0]])
  })

  test('is not written for what the legacy server recorded', async () => {
    await addTarget(app.db, 'hook', EVERYTHING)
    await append(event({ source: 'imported', occurredAtMs: 0 }), event())
    expect(await toldOf()).toStrictEqual([['unlocked', 1]])
  })

  test('is not written for someone who is waiting to be let in, nor for an account that is gone', async () => {
    await addTarget(app.db, 'hook', EVERYTHING)
    await app.db.run('UPDATE account SET admitted_at_ms = NULL')
    await append(event(), event({ result: 'denied', reason: 'unspecified' }))
    await append(event({ accountPublicId: crypto.randomUUID() }))
    expect(await toldOf()).toBeEmpty()
    await app.db.run('UPDATE account SET admitted_at_ms = 1')
    await append(event())
    expect(await toldOf()).toStrictEqual([['unlocked', 3]])
  })

  test('is written for what the lock itself reports, whoever’s code it was', async () => {
    await addTarget(app.db, 'hook', EVERYTHING)
    await app.db.run('UPDATE account SET admitted_at_ms = NULL')
    const claim = { ...appended, source: 'claimed', accountPublicId: ada } as const
    await enqueue(claim, { ...appended, seq: 2, accountPublicId: ada, sameAs: 1 })
    await enqueue({ ...claim, seq: 3, sameAs: 2 })
    expect(await toldOf()).toStrictEqual([['unlocked', 2]])
    await app.db.run('UPDATE account SET admitted_at_ms = 1')
    await enqueue({ ...claim, seq: 4 }, { ...appended, seq: 5, accountPublicId: ada, sameAs: 4 })
    expect(await toldOf()).toStrictEqual([
      ['unlocked', 2],
      ['unlocked', 4],
    ])
  })

  test('of a person’s own target is about that person, while they may enter', async () => {
    await app.signIn('bob')
    const bob = await publicId('bob')
    await addTarget(app.db, 'hook', EVERYTHING, { accountPublicId: bob })
    await append(event(), event({ accountPublicId: bob, username: 'bob' }))
    expect(await toldOf()).toStrictEqual([['unlocked', 1]])
    await app.db.run("UPDATE account SET disabled_at_ms = 1 WHERE username = 'bob'")
    await append(event({ accountPublicId: bob, username: 'bob' }))
    expect(await toldOf()).toStrictEqual([['unlocked', 1]])
  })

  test('is not written for a target whose row is damaged, which stops no unlock and no other target', async () => {
    await addTarget(app.db, 'hook', EVERYTHING)
    await addTarget(app.db, 'broken', EVERYTHING)
    const damaged = ['{', 'null', '5', '{}', '[null]', '[{"on":"unlocked","locks":5}]']
    for (const rules of damaged) {
      await app.db.run("UPDATE target SET rules = ?, settings = '{' WHERE id = 'broken'", rules)
      expect(await append(event())).toMatchObject([{ status: 'stored' }])
    }
    expect(await toldOf()).toHaveLength(damaged.length)
    expect(await toldOf('broken')).toBeEmpty()
    expect(await targetsIn(app.db).all()).toMatchObject([
      { id: 'broken', settings: {}, rules: [] },
      { id: 'hook', rules: EVERYTHING },
    ])
  })

  test('is looked for among the targets of the home and of whom the event is about, and no others', async () => {
    for (const [id, accountPublicId] of [
      ['hook', null],
      ['own', ada],
      ['other', crypto.randomUUID()],
    ] as const)
      await addTarget(app.db, id, EVERYTHING, { accountPublicId })
    const idsFor = async (accounts: readonly string[]) =>
      (await enqueueIn(app.db).listeners(app.clock.nowMs, accounts)).map(({ id }) => id)
    expect(await idsFor([])).toStrictEqual(['hook'])
    expect((await idsFor([ada])).toSorted()).toStrictEqual(['hook', 'own'])
  })

  test('has the number of the event, and no name', async () => {
    await addTarget(app.db, 'hook', EVERYTHING)
    await append(event())
    const [row] = await deliveriesTo(app.db, 'hook')
    expect(row).toMatchObject({ seq: 0, about: null, attempts: 0, state: 'waiting' })
    expect(row?.createdAtMs).toBe(app.clock.nowMs)
  })
})

const appended = {
  seq: 1,
  lock: 'front-door',
  result: 'unlocked',
  reason: null,
  source: 'reported',
  accountPublicId: '',
  receivedAtMs: 1,
  happenedAtMs: 1,
} as const

const enqueue = (...events: readonly AppendedEvent[]) =>
  app.db.transaction((tx) => enqueueAppended({ zone: () => 'UTC' })(tx, events))

test('a guest who was let in is told to the home, and to the host alone', async () => {
  await app.signIn('bob')
  const bob = await publicId('bob')
  const pass = crypto.randomUUID()
  await app.db.run(
    `INSERT INTO pass (id, label, made_by, devices_max, created_at_ms) VALUES (?, 'Plumber', ?, 2, 0)`,
    pass,
    ada,
  )
  const rules = [{ on: 'guest.opened' }] as const
  for (const [id, accountPublicId] of [
    ['hook', null],
    ['host', ada],
    ['other', bob],
  ] as const)
    await addTarget(app.db, id, rules, { accountPublicId })
  const guest = { ...appended, result: 'permitted', source: 'decided', passId: pass } as const
  await enqueue(guest, { ...guest, seq: 2, passId: undefined, accountPublicId: ada })
  await enqueue({ ...guest, seq: 3, result: 'denied', reason: 'expired' })
  expect(await toldOf()).toStrictEqual([['guest.opened', 1]])
  expect(await toldOf('host')).toStrictEqual([['guest.opened', 1]])
  expect(await toldOf('other')).toBeEmpty()
})

test('what a controller signed is told although the app’s claim came first and was not', async () => {
  await addTarget(app.db, 'hook', EVERYTHING)
  await app.db.run('UPDATE account SET admitted_at_ms = NULL')
  const claim = { ...appended, source: 'claimed', accountPublicId: ada } as const
  await enqueue(claim, { ...claim, seq: 2, source: 'attested', result: 'released', sameAs: 1 })
  expect(await toldOf()).toStrictEqual([['unlocked', 2]])
})

test('an opening that another leaf has told of is not told of twice', async () => {
  await addTarget(app.db, 'hook', EVERYTHING)
  await enqueue(appended, { ...appended, seq: 2, source: 'claimed', sameAs: 1 })
  expect(await toldOf()).toStrictEqual([['unlocked', 1]])
})

test('what the lock reports and the app says of one opening is one row, in either order', async () => {
  await addTarget(app.db, 'hook', EVERYTHING)
  const report = (lock: string) =>
    app.unlocks.unlockLog.report({
      lock,
      result: 'unlocked',
      reason: null,
      accountPublicId: ada,
      username: 'ada',
      method: 'keypad',
      occurredAtMs: app.clock.nowMs,
      reporter: 'zigbee2mqtt',
    })
  await append(event())
  await report('front-door')
  await report('garage')
  app.clock.nowMs += 60_000
  await append(event({ lock: 'garage' }))
  const rows = await deliveriesTo(app.db, 'hook')
  const locks = await Promise.all(
    rows.map(async ({ seq }) => (await app.unlocks.findShown(seq ?? -1))?.lock),
  )
  expect(locks).toStrictEqual(['front-door', 'garage'])
})

test('without a target, a group of unlocks costs one read and writes nothing', async () => {
  const statements: string[] = []
  const note = (sql: string) => {
    statements.push(sql.trim().split(/\s/)[0] ?? '')
    return []
  }
  await enqueueAppended({ zone: () => 'UTC' })(
    {
      all: async (sql) => note(sql),
      get: async (sql) => void note(sql),
      run: async (sql) => note(sql).length,
    },
    Array.from({ length: 100 }, () => appended),
  )
  expect(statements).toStrictEqual(['SELECT'])
})
