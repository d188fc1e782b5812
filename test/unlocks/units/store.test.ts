import { describe, expect, test } from 'bun:test'
import { type TestApp, bearer, recordsOf, startApp } from '../../support/app.ts'
import { household } from '../../support/household.ts'
import { plantedLog } from '../../support/unlocks.ts'
import { unlockQueries } from '../../../src/unlocks/query/store.ts'
import { follow } from '../../support/stream.ts'
import { parseCsv } from '../query/csv.test.ts'

type Unlock = { id: string; username: string | null; unit: string | null; seq: number }

const record = async (app: TestApp, token: string, method: string) => {
  const answer = await app.post('/v1/unlocks', { method }, bearer(token))
  expect(answer.status).toBe(200)
}

/** Ada and Bob live in flat 3, Cid in flat 30, and Dan nowhere; each has opened the door. */
const house = async (app: TestApp) => {
  const of = await household(app, {
    oli: 'owner',
    ada: 'member',
    bob: 'member',
    cid: 'member',
    dan: 'member',
  })
  const move = async (name: string, unit: string | null) => {
    const path = `/v1/people/${of(name).id}`
    expect((await app.patch(path, { unit }, bearer(of('oli').token))).status).toBe(200)
  }
  await move('ada', 'Flat 3')
  await move('bob', 'FLAT 3')
  await move('cid', 'Flat 30')
  for (const name of ['ada', 'bob', 'cid', 'dan', 'ada']) await record(app, of(name).token, 'pin')
  const list = async (query: string, by = 'oli') => {
    const answer = await app.get(`/v1/unlocks?order=oldest&${query}`, bearer(of(by).token))
    expect(answer.status).toBe(200)
    return ((await answer.json()) as { unlocks: Unlock[] }).unlocks
  }
  const names = async (query: string, by = 'oli') =>
    (await list(query, by)).map(({ username }) => username)
  return { of, move, list, names }
}

const PIN = { username: 'x', method: 'pin', lock: 'front-door', result: 'unlocked' } as const

describe('unlocks and units', () => {
  test('a list has the unit that each account belongs to now, and filters by it', async () => {
    await using app = await startApp()
    const { of, move, list, names } = await house(app)
    expect((await list('')).map(({ unit }) => unit)).toStrictEqual([
      'Flat 3',
      'FLAT 3',
      'Flat 30',
      null,
      'Flat 3',
    ])
    for (const unit of ['Flat 3', ' flat%203', 'fLAT 3'])
      expect(await names(`unit=${unit}`)).toStrictEqual(['ada', 'bob', 'ada'])
    expect(await names('unit=Flat 3&method=pin&text=bo')).toStrictEqual(['bob'])
    expect(await names(`unit=Flat 3&account=${of('cid').id}`)).toStrictEqual([])
    expect(await names('unit=Flat')).toStrictEqual([])
    await move('bob', null)
    await move('dan', 'Flat 3')
    expect(await names('unit=Flat 3')).toStrictEqual(['ada', 'dan', 'ada'])
    const [first] = await list('unit=Flat 3')
    const one = await app.get(`/v1/unlocks/${first?.id}`, bearer(of('ada').token))
    expect(await one.json()).toMatchObject({ username: 'ada', unit: 'Flat 3' })
  })

  test('a member learns nothing about other people of the unit', async () => {
    await using app = await startApp()
    const { names, of } = await house(app)
    expect(await names('unit=Flat 3', 'ada')).toStrictEqual(['ada', 'ada'])
    expect(await names('unit=Flat 30', 'ada')).toStrictEqual([])
    const stats = await app.get('/v1/unlocks/stats?unit=Flat 3', bearer(of('bob').token))
    expect(await stats.json()).toMatchObject({ total: 1, accounts: [{ username: 'bob' }] })
  })

  test('statistics count those of a unit', async () => {
    await using app = await startApp()
    const { of } = await house(app)
    const total = async (query: string) => {
      const answer = await app.get(`/v1/unlocks/stats?${query}`, bearer(of('oli').token))
      const { total: count, accounts } = (await answer.json()) as {
        total: number
        accounts: { username: string }[]
      }
      return [count, ...accounts.map(({ username }) => username).toSorted()]
    }
    expect(await total('unit=flat 3')).toStrictEqual([2, 'ada', 'bob'])
    expect(await total('unit=Flat 30')).toStrictEqual([1, 'cid'])
    expect(await total('unit=Cellar')).toStrictEqual([0])
    expect((await total(''))[0]).toBe(4)
  })

  test('a stream filters by the unit that an account belongs to at that moment', async () => {
    await using app = await startApp()
    const { of, move } = await house(app)
    const stream = await follow(app.url, bearer(of('oli').token), '?unit=flat%203')
    await record(app, of('dan').token, 'not yet')
    await record(app, of('ada').token, 'first')
    await stream.until(() => stream.messages.length === 1)
    await move('dan', 'Flat 3')
    await record(app, of('dan').token, 'second')
    await stream.until(() => stream.messages.length === 2)
    await stream.leave()
    expect(stream.messages.map(({ text }) => JSON.parse(text) as object)).toMatchObject([
      { method: 'first', unit: 'Flat 3' },
      { method: 'second', unit: 'Flat 3' },
    ])
  })

  test('an export has a column for it, and filters by it without naming it in the audit events', async () => {
    await using app = await startApp()
    const { of } = await house(app)
    const exported = async (format: string) => {
      const path = `/v1/unlocks/export?format=${format}&bom=0&unit=flat 3`
      return (await app.get(path, bearer(of('oli').token))).text()
    }
    const [head = [], ...rows] = parseCsv(await exported('csv'))
    const at = head.indexOf('unit')
    // Columns are only added at the end.
    expect(head.slice(at)).toStrictEqual([
      'unit',
      'attempt',
      'grant',
      'reporter',
      'token',
      'delivery',
      'guest',
      'outcome',
      'confirmed',
    ])
    expect(rows.map((row) => row[at])).toStrictEqual(['Flat 3', 'FLAT 3', 'Flat 3'])
    const lines = (await exported('ndjson')).trimEnd().split('\n')
    expect(lines.map((line) => (JSON.parse(line) as Unlock).unit)).toStrictEqual([
      'Flat 3',
      'FLAT 3',
      'Flat 3',
    ])
    const [event] = recordsOf(app.logLines, 'unlocks.export')
    expect(event).toMatchObject({ detail: { filters: 'unit' } })
    expect(JSON.stringify(event)).not.toMatch(/flat/i)
    const own = await app.get('/v1/me/export', bearer(of('ada').token))
    expect(await own.json()).toMatchObject({
      account: { unit: 'Flat 3' },
      unlocks: [{ unit: 'Flat 3' }, {}],
    })
  })

  test('a page of a rare unit in a long log has all that fit', async () => {
    await using log = await plantedLog()
    await log.plant(
      Array.from({ length: 25_000 }, (_, at) => ({
        ...PIN,
        account: at === 7 || at === 24_990 ? 'rare' : 'often',
        receivedAtMs: at,
      })),
    )
    await log.db.run(
      `INSERT INTO account (id, public_id, username, username_key, password_hash, role, phone, address,
         created_at_ms, unit, unit_key)
       VALUES (1, 'rare', 'x', 'x', '', 'member', '', '', 0, 'Flat 3', 'flat 3')`,
    )
    const queries = unlockQueries(log.db)
    const wanted = {
      filter: { unit: 'FLAT 3' },
      order: 'newest',
      size: log.size(),
      limit: 50,
    } as const
    const { unlocks, next } = await queries.page(wanted)
    expect(unlocks.map(({ seq, unit }) => [seq, unit])).toStrictEqual([
      [24_990, 'Flat 3'],
      [7, 'Flat 3'],
    ])
    expect(next).toBeUndefined()
  })

  test('asks for no account’s unit where there are none', async () => {
    await using log = await plantedLog()
    await log.plant([1, 2, 3].map((at) => ({ ...PIN, account: `a${at}`, receivedAtMs: at })))
    const wanted = { filter: {}, order: 'newest', size: log.size(), limit: 50 } as const
    await unlockQueries(log.db).page(wanted)
    const asked = log.statements.filter(({ sql }) => sql.includes('FROM account'))
    expect(asked).toHaveLength(1)
  })
})
