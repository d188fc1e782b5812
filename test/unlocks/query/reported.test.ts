import { expect, test } from 'bun:test'
import type { Static } from '@sinclair/typebox'
import { provenLeaf } from '../../../src/unlocks/bundle/verify.ts'
import type { EventAnswer } from '../../../src/unlocks/log/schema.ts'
import type { ListAnswer, StatsAnswer } from '../../../src/unlocks/query/schema.ts'
import { makeToken } from '../../support/access-tokens.ts'
import { bearer } from '../../support/app.ts'
import { homeWithLocks } from '../../support/home-with-locks.ts'
import { reported } from '../../support/reports.ts'
import { follow } from '../../support/stream.ts'

const home = async () => {
  const app = await homeWithLocks()
  const list = async (query = '', by = 'oli') => {
    const answer = await app.get(`/v1/unlocks?order=seq&${query}`, app.as(by))
    return ((await answer.json()) as Static<typeof ListAnswer>).unlocks
  }
  return {
    ...app,
    list,
    /** Eva comes in, as the lock reports it. */
    report: (changes: Parameters<typeof reported>[0] = {}) =>
      app.unlocks.report(
        reported({ accountPublicId: app.idOf('eva'), username: 'eva', ...changes }),
      ),
    attempt: async (id: string, headers = app.as('eva')) => {
      const answer = await app.post('/v1/locks/front-door/unlock', { id }, headers)
      return (await answer.json()) as { decision: string; receipt: string }
    },
    text: async (path: string, by = 'oli') => (await app.get(path, app.as(by))).text(),
    [Symbol.asyncDispose]: app[Symbol.asyncDispose],
  }
}

const events = (unlocks: readonly EventAnswer[], ...names: readonly (keyof EventAnswer)[]) =>
  unlocks.map((unlock) => names.map((name) => unlock[name]))

const ATTEMPT = '0193c6a8-0000-7000-8000-000000000001'

test('lists, exports, the stream and statistics show what a lock reports', async () => {
  await using app = await home()
  await app.report()
  await app.report({ accountPublicId: '', username: '', result: 'denied', reason: 'restricted' })
  const since = (await app.list()).findIndex(({ source }) => source === 'reported')
  const [first, second] = (await app.list()).slice(since)
  expect(first).toMatchObject({
    source: 'reported',
    reporter: 'zigbee2mqtt',
    username: 'eva',
    account: app.idOf('eva'),
    method: 'keypad',
    attempt: null,
    grant: null,
    token: null,
    delivery: null,
  })
  expect(second).toMatchObject({
    account: null,
    username: '',
    result: 'denied',
    reason: 'restricted',
  })
  expect(await app.list('source=reported')).toStrictEqual([first, second] as EventAnswer[])
  expect(await app.list('source=claimed')).toStrictEqual([])
  // Members see their own, and nobody else's.
  expect(await app.list('source=reported', 'eva')).toStrictEqual([first] as EventAnswer[])
  expect(await app.list('source=reported', 'max')).toStrictEqual([])

  const lines = (await app.text('/v1/unlocks/export?format=ndjson')).trim().split('\n')
  expect(lines.map((line) => JSON.parse(line) as unknown)).toStrictEqual([first, second])
  const [header, ...rows] = (await app.text('/v1/unlocks/export?format=csv&bom=0'))
    .trim()
    .split('\r\n')
  expect(header).toEndWith(',attempt,grant,reporter,token,delivery,guest,outcome,confirmed')
  expect(rows[0]).toEndWith(',,,zigbee2mqtt,,,,,')

  const stream = await follow(app.url, app.as('oli'), '?source=reported')
  await app.report({ method: 'card' })
  await stream.until(() => stream.messages.length === 1)
  await stream.leave()
  const [message] = stream.messages
  expect(JSON.parse(message?.text ?? '')).toMatchObject({ reporter: 'zigbee2mqtt', method: 'card' })

  const stats = JSON.parse(await app.text('/v1/unlocks/stats?from=2040-03-19T00:00:00Z')) as Static<
    typeof StatsAnswer
  >
  expect(stats.total).toBe(3)
  expect(stats.methods).toStrictEqual([
    { method: 'keypad', count: 2 },
    { method: 'card', count: 1 },
  ])
})

test('what the lock and the app tell of one opening says so in lists and files, and is one row of /getLogs', async () => {
  await using app = await home()
  await app.report()
  await app.post('/logUnlocking', { 'unlocking-method': 'fingerprint' }, app.as('eva'))
  const [lock, phone] = await app.list()
  expect(lock).toMatchObject({ source: 'reported', repeat_of: null })
  expect(phone).toMatchObject({ source: 'claimed', repeat_of: lock?.seq })
  const exported = (await app.text('/v1/unlocks/export?format=ndjson')).trim().split('\n')
  expect(exported.map((line) => (JSON.parse(line) as EventAnswer).repeat_of)).toStrictEqual([
    null,
    lock?.seq ?? NaN,
  ])
  const table = JSON.parse(await app.text('/getLogs')) as object
  expect(Object.values(table)).toStrictEqual([
    {
      id: (lock?.seq ?? NaN) + 1,
      username: 'eva',
      unlocking_method: 'keypad',
      date_time: '2040-03-19T10:00:00.000Z',
    },
  ])
  const stats = JSON.parse(await app.text('/v1/unlocks/stats')) as Static<typeof StatsAnswer>
  expect(stats.total).toBe(1)
})

test('/getLogs shows an opening by somebody whom the lock does not know', async () => {
  await using app = await home()
  await app.report({ accountPublicId: '', username: '' })
  expect(Object.values(JSON.parse(await app.text('/getLogs')) as object)).toMatchObject([
    { username: '(unknown)', unlocking_method: 'keypad' },
  ])
})

test('a permitted attempt and what the lock reports of it share the attempt, and tell what became of it', async () => {
  await using app = await home()
  await app.grant({ holder: app.holder('eva'), locks: ['front-door'] })
  const { decision } = await app.attempt(ATTEMPT)
  expect(decision).toBe('permitted')
  const delivery = async () => (await app.list('result=permitted'))[0]?.delivery
  expect(await delivery()).toBeNull()
  await app.db.run(
    `INSERT INTO lock_operation (attempt_id, lock_id, state, asked_at_ms, deadline_ms)
     SELECT ?, id, 'asked', 0, 0 FROM lock WHERE label = 'front-door'`,
    ATTEMPT,
  )
  expect(await delivery()).toBe('asked')
  await app.db.run("UPDATE lock_operation SET state = 'happened'")
  await app.report({ attemptId: ATTEMPT })
  expect(events(await app.list(), 'source', 'attempt', 'delivery', 'repeat_of')).toStrictEqual([
    ['decided', ATTEMPT, 'happened', null],
    ['reported', ATTEMPT, null, null],
  ])
  const [row] = (await app.text('/v1/unlocks/export?format=csv&bom=0')).split('\r\n').slice(1)
  expect(row).toEndWith(',happened,,unlocked,')
})

test('an event names the token it came by, to its maker and to admins; a decision commits to it', async () => {
  await using app = await home()
  await app.grant({ holder: app.holder('eva'), locks: ['front-door'] })
  const scopes = ['unlocks:write:front-door', 'locks:operate:front-door']
  const { id, token } = await makeToken(app, app.as('eva'), scopes, { name: 'Doorbell' })
  const by = bearer(token)
  await app.post('/logUnlocking', { 'unlocking-method': 'button' }, by)
  await app.post('/v1/unlocks', [{ method: 'button 2' }, { method: 'button 3' }], by)
  const { decision, receipt } = await app.attempt(ATTEMPT, by)
  expect(decision).toBe('permitted')
  const named = { id, name: 'Doorbell' }
  for (const person of ['eva', 'amy', 'oli'])
    expect(events(await app.list('', person), 'source', 'token')).toStrictEqual([
      ['claimed', named],
      ['claimed', named],
      ['claimed', named],
      ['decided', named],
    ])
  expect(await app.list('', 'max')).toStrictEqual([])
  const key = app.unlocks.verifierKey
  expect(provenLeaf(receipt, key)).toMatchObject({ person: { tokenId: id } })
  const [row] = (await app.text('/v1/unlocks/export?format=csv&bom=0')).split('\r\n').slice(1)
  expect(row).toEndWith(',Doorbell,,,,')
  await app.attempt('0193c6a8-0000-7000-8000-000000000002')
  expect((await app.list()).at(-1)).toMatchObject({ source: 'decided', token: null })
  // Erased with its maker: what remains says nothing of it.
  await app.unlocks.eraseAccount(app.idOf('eva'))
  expect(events(await app.list(), 'token')).toStrictEqual([[null], [null], [null], [null], [null]])
})
