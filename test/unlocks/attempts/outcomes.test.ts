import { expect, test } from 'bun:test'
import type { Static } from '@sinclair/typebox'
import { SECOND_MS } from '../../../src/domain/duration.ts'
import type { EventAnswer } from '../../../src/unlocks/log/schema.ts'
import type { ListAnswer } from '../../../src/unlocks/query/schema.ts'
import { homeWithLocks } from '../../support/home-with-locks.ts'
import { CONTROLLER, attested, reported } from '../../support/reports.ts'

const ATTEMPT = '0193c6a8-0000-7000-8000-000000000001'

const home = async () => {
  const app = await homeWithLocks()
  await app.grant({ holder: app.holder('eva'), locks: ['front-door'] })
  const list = async (query = '', by = 'oli') => {
    const answer = await app.get(`/v1/unlocks?order=seq&${query}`, app.as(by))
    return ((await answer.json()) as Static<typeof ListAnswer>).unlocks
  }
  const eva = { accountPublicId: app.idOf('eva'), username: 'eva' }
  return {
    ...app,
    list,
    whose: { ...eva, method: 'app', attemptId: ATTEMPT },
    /** Eva asks for the front door, and the lock is asked. */
    ask: async () => {
      await app.post('/v1/locks/front-door/unlock', { id: ATTEMPT }, app.as('eva'))
      await app.db.run(
        `INSERT INTO lock_operation (attempt_id, lock_id, state, asked_at_ms, deadline_ms)
         SELECT ?, id, 'asked', 0, 0 FROM lock WHERE label = 'front-door'`,
        ATTEMPT,
      )
    },
    outcome: async () => (await list('result=permitted'))[0]?.outcome,
    [Symbol.asyncDispose]: app[Symbol.asyncDispose],
  }
}

test('the outcome of a permitted attempt is the strongest of what was heard of it', async () => {
  await using app = await home()
  await app.post('/v1/locks/front-door/unlock', { id: ATTEMPT }, app.as('eva'))
  // Nobody asked the lock.
  await app.later(SECOND_MS * 60)
  expect(await app.outcome()).toBeNull()
  const other = '0193c6a8-0000-7000-8000-00000000000d'
  for (const [report, outcome] of [
    [
      reported({ ...app.whose, reporter: 'nuki_hub' }),
      { result: 'unlocked', reason: null, source: 'reported' },
    ],
    [
      attested(1, { ...app.whose, result: 'failed', reason: 'motor_blocked' }),
      { result: 'failed', reason: 'motor_blocked', source: 'attested' },
    ],
    [
      attested(1, { ...app.whose, reporter: other }),
      { result: 'released', reason: null, source: 'attested' },
    ],
    [
      attested(2, { ...app.whose, reporter: other, result: 'unlocked' }),
      { result: 'unlocked', reason: null, source: 'attested' },
    ],
    [
      attested(2, { ...app.whose, result: 'failed', reason: 'interrupted' }),
      { result: 'unlocked', reason: null, source: 'attested' },
    ],
  ] as const) {
    await app.unlocks.report(report)
    expect(await app.outcome()).toStrictEqual(outcome)
  }
  // The other entries of the attempt have it as well, and no outcome of their own.
  const entries = await app.list()
  expect(entries.map(({ attempt }) => attempt)).toStrictEqual(entries.map(() => ATTEMPT))
  expect(new Set(entries.slice(1).map(({ outcome }) => outcome))).toStrictEqual(new Set([null]))
})

test('a lock that was asked and says nothing for 30 seconds is unheard, until it does', async () => {
  await using app = await home()
  await app.ask()
  expect(await app.outcome()).toBeNull()
  await app.later(SECOND_MS * 29)
  expect(await app.outcome()).toBeNull()
  await app.later(SECOND_MS)
  expect(await app.outcome()).toStrictEqual({ result: 'unheard', reason: null, source: null })
  await app.unlocks.report(attested(1, app.whose))
  expect(await app.outcome()).toStrictEqual({
    result: 'released',
    reason: null,
    source: 'attested',
  })
})

test.each([
  ['accepted', null, null, null],
  ['offline', null, null, null],
  ['failed', 'jammed', 'failed', null],
  ['failed', 'motor_blocked', 'failed', 'motor_blocked'],
  ['happened', null, 'unlocked', null],
  ['happened', 'released', 'released', null],
  ['unknown', null, 'unheard', null],
] as const)(
  'without an entry, an operation that is %p, as %p, says %p',
  async (state, detail, result, reason) => {
    await using app = await home()
    await app.ask()
    await app.db.run('UPDATE lock_operation SET state = ?, detail = ?', state, detail)
    await app.later(SECOND_MS * 60)
    expect(await app.outcome()).toStrictEqual(result && { result, reason, source: null })
  },
)

/** Enrols a controller at the front door. */
const enrol = (app: Awaited<ReturnType<typeof home>>, atMs: number) =>
  app.db.run(
    `INSERT INTO controller (id, lock_id, public_key, name, enrolled_at_ms, seen_at_ms)
     SELECT ?, id, ?, 'Pi', ?, 0 FROM lock WHERE label = 'front-door'`,
    CONTROLLER,
    new Uint8Array(1),
    atMs,
  )

const claim = (app: Awaited<ReturnType<typeof home>>, lock = 'front-door') =>
  app.post('/v1/unlocks', { method: 'app', lock }, app.as('eva'))

test('a claim at a lock that signs is confirmed by the lock, or unconfirmed after two minutes', async () => {
  await using app = await home()
  const confirmed = async () => (await app.list('source=claimed')).map((unlock) => unlock.confirmed)
  await claim(app)
  await app.later(SECOND_MS * 300)
  await enrol(app, app.clock.nowMs)
  // There was no controller then, which could have said so.
  expect(await confirmed()).toStrictEqual([null])
  await claim(app)
  await claim(app, 'garage')
  expect(await confirmed()).toStrictEqual([null, null, null])
  await app.later(SECOND_MS * 120)
  expect(await confirmed()).toStrictEqual([null, null, null])
  await app.later(1)
  expect(await confirmed()).toStrictEqual([null, false, null])
  const file = async (format: string) =>
    (await app.get(`/v1/unlocks/export?format=${format}&bom=0`, app.as('oli'))).text()
  expect(
    (await file('ndjson'))
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as EventAnswer).confirmed),
  ).toStrictEqual([null, false, null])
  expect((await file('csv')).split('\r\n')[2]).toEndWith(',,,false')
  // The report comes late.
  const occurredAtMs = app.clock.nowMs - SECOND_MS * 100
  await app.unlocks.report(attested(1, { ...app.whose, occurredAtMs }))
  expect(await confirmed()).toStrictEqual([null, true, null])
  // Another claim, right after a report.
  await app.unlocks.report(attested(2, { ...app.whose, attemptId: undefined }))
  await claim(app)
  expect(await confirmed()).toStrictEqual([null, true, null, true])
  await app.db.run('UPDATE controller SET removed_at_ms = ?', app.clock.nowMs + 1)
  await app.later(SECOND_MS * 121)
  await claim(app)
  await app.later(SECOND_MS * 121)
  expect(await confirmed()).toStrictEqual([null, true, null, true, null])
})

test('a lock that reports an opening by nobody it knows confirms a claim of it', async () => {
  await using app = await home()
  await enrol(app, 0)
  const nobody = { accountPublicId: '', username: '', method: 'unknown' }
  const confirmed = async (changes: Parameters<typeof attested>[1]) => {
    await app.later(SECOND_MS * 1000, 'oli', 'eva')
    await app.unlocks.report(attested(1, { ...nobody, result: 'unlocked', ...changes }))
    await app.later(SECOND_MS * 60)
    await claim(app)
    await app.later(SECOND_MS * 121)
    return (await app.list('source=claimed')).at(-1)?.confirmed
  }
  expect(await confirmed({})).toBe(true)
  expect(await confirmed({ lock: 'garage' })).toBe(false)
  expect(await confirmed({ result: 'failed', reason: 'motor_blocked' })).toBe(false)
  expect(await confirmed({ attemptId: ATTEMPT })).toBe(false)
  expect(await confirmed({ accountPublicId: app.idOf('max'), username: 'max' })).toBe(false)
  const guest = { passId: 'pass-1', deviceId: null, counter: null }
  expect(await confirmed({ username: 'Plumber', guest })).toBe(false)
})

test('a controller that was copied confirms nothing more', async () => {
  await using app = await home()
  await enrol(app, 0)
  await app.db.run('UPDATE controller SET forked_at_ms = ?', app.clock.nowMs)
  await claim(app)
  await app.later(SECOND_MS * 121)
  expect((await app.list('source=claimed'))[0]?.confirmed).toBeNull()
})
