import { describe, expect, test } from 'bun:test'
import { DAY_MS } from '../../../src/domain/duration.ts'
import { type TestApp, bearer, recordsOf, startApp } from '../../support/app.ts'
import { IS_POSTGRES } from '../../support/test-server.ts'
import { parseCsv } from './csv.test.ts'

type Page = {
  unlocks: { seq: number; username: string | null; account: string | null }[]
  next: string | null
}

const record = async (app: TestApp, token: string, ...events: object[]) => {
  const answer = await app.post('/v1/unlocks', events, bearer(token))
  expect(answer.status).toBe(200)
}

const publicIdOf = async (app: TestApp, username: string) =>
  (await app.accounts.store.page(0, 100)).find((person) => person.username === username)
    ?.publicId ?? ''

/** Mia and Max are members, Amy an admin, Oli an owner; Mia and Max have opened the door. */
const household = async (app: TestApp) => {
  const tokens = {
    mia: await app.signIn('mia'),
    max: await app.signIn('max'),
    amy: await app.signIn('amy', 'admin'),
    oli: await app.signIn('oli', 'owner'),
  }
  await record(app, tokens.mia, { method: 'pin' }, { method: 'finger', lock: 'garage' })
  await record(app, tokens.max, { method: 'pin', result: 'denied', reason: 'restricted' })
  await record(app, tokens.mia, { method: 'card' })
  return tokens
}

const list = async (app: TestApp, token: string, query = '') =>
  (await (await app.get(`/v1/unlocks${query}`, bearer(token))).json()) as Page

const seqs = async (app: TestApp, token: string, query = '') =>
  (await list(app, token, query)).unlocks.map(({ seq }) => seq)

describe('who opened the door', () => {
  test('[A2] members see only their own unlocks, admins and owners see all', async () => {
    await using app = await startApp()
    const { mia, max, amy, oli } = await household(app)
    const maxId = await publicIdOf(app, 'max')
    for (const path of [
      '/v1/unlocks',
      '/v1/unlocks?text=m',
      '/v1/unlocks?method=pin',
      '/v1/unlocks?result=denied',
      '/v1/unlocks?from=2000-01-01T00:00:00Z',
      '/v1/unlocks/export?format=csv',
      '/v1/unlocks/export?format=ndjson&text=a',
      '/v1/unlocks/stats',
    ]) {
      const own = await app.get(path, bearer(mia))
      expect([path, own.status]).toStrictEqual([path, 200])
      const text = await own.text()
      expect(text).not.toContain('max')
      expect(text).not.toContain(maxId)
      expect(text).not.toContain('restricted')
      for (const token of [amy, oli])
        expect(await (await app.get(path, bearer(token))).text()).toContain(maxId)
      for (const headers of [{}, bearer('garbage')])
        expect((await app.get(path, headers)).status).toBe(401)
    }
    expect(await seqs(app, mia)).toStrictEqual([3, 1, 0])
    expect(await seqs(app, max)).toStrictEqual([2])
    expect(await seqs(app, amy)).toStrictEqual([3, 2, 1, 0])
    const all = await list(app, oli)
    expect(all).toMatchObject({
      next: null,
      unlocks: [{ username: 'mia' }, { username: 'max' }, {}, {}],
    })
  })

  test('[A2] an unlock by id is visible to its person and to admins, and to nobody else', async () => {
    await using app = await startApp()
    const { mia, max, amy } = await household(app)
    const { unlocks } = await list(app, amy, '?result=denied')
    const [denied] = unlocks as (Page['unlocks'][number] & { id: string })[]
    const path = `/v1/unlocks/${denied?.id}`
    for (const token of [max, amy])
      expect(
        await (await app.get(`/v1/unlocks/${denied?.id.toUpperCase()}`, bearer(token))).json(),
      ).toStrictEqual(denied)
    for (const one of [path, `/v1/unlocks/${crypto.randomUUID()}`, '/v1/unlocks/x']) {
      const answer = await app.get(one, bearer(mia))
      expect([answer.status, await answer.json()]).toMatchObject([
        404,
        { detail: 'No such unlock' },
      ])
    }
    expect((await app.get(path)).status).toBe(401)
  })

  test('[A2] a member who asks for another account gets 404', async () => {
    await using app = await startApp()
    const { mia, amy } = await household(app)
    const [miaId, maxId] = [await publicIdOf(app, 'mia'), await publicIdOf(app, 'max')]
    const nobody = crypto.randomUUID()
    for (const path of ['/v1/unlocks?', '/v1/unlocks/export?format=csv&', '/v1/unlocks/stream?']) {
      for (const other of [maxId, nobody]) {
        const answer = await app.get(`${path}account=${other}`, bearer(mia))
        expect([answer.status, await answer.json()]).toMatchObject([
          404,
          { detail: 'No such account' },
        ])
      }
    }
    expect(await seqs(app, mia, `?account=${miaId}`)).toStrictEqual([3, 1, 0])
    expect(await seqs(app, amy, `?account=${maxId}`)).toStrictEqual([2])
    expect(await seqs(app, amy, `?account=${nobody}`)).toStrictEqual([])
  })

  test('filters narrow the list, alone and combined', async () => {
    await using app = await startApp()
    const { amy } = await household(app)
    for (const [query, expected] of [
      ['?lock=garage', [1]],
      ['?method=pin', [2, 0]],
      ['?method=pin&order=oldest', [0, 2]],
      ['?result=denied', [2]],
      ['?result=unlocked&method=pin', [0]],
      ['?text=PI', [2, 0]],
      ['?text=MIA', [3, 1, 0]],
      ['?text=arag', [1]],
      ['?text=FRONT-door', [3, 2, 0]],
      ['?text=Front%20Door', [3, 2, 0]],
      ['?text=front%20%20door', [3, 2, 0]],
      ['?text=front-%20door', []],
      ['?text=%25', []],
      ['?text=_', []],
      [`?from=2000-01-01T00:00:00%2B02:00&to=${new Date(app.clock.nowMs).toISOString()}`, []],
      [`?from=${new Date(app.clock.nowMs).toISOString()}`, [3, 2, 1, 0]],
    ] as const)
      expect([query, await seqs(app, amy, query)]).toStrictEqual([query, [...expected]])
  })

  test('[A2] the locks and methods to search for are those of the unlocks that an account sees', async () => {
    await using app = await startApp()
    const { mia, max, amy } = await household(app)
    const labels = async (token: string) =>
      (await app.get('/v1/unlocks/labels', bearer(token))).json()
    expect(await labels(mia)).toStrictEqual({
      locks: ['front-door', 'garage'],
      methods: ['card', 'finger', 'pin'],
    })
    expect(await labels(max)).toStrictEqual({ locks: ['front-door'], methods: ['pin'] })
    await record(app, max, { method: 'PIN' }, { method: 'Fußmatte', lock: 'shed' })
    expect(await labels(amy)).toStrictEqual({
      locks: ['front-door', 'shed', 'garage'],
      methods: ['PIN', 'Fußmatte', 'card', 'finger'],
    })
    expect(await labels(await app.signIn('nora'))).toStrictEqual({ locks: [], methods: [] })
  })

  test('the locks and methods are bounded, whatever apps make up', async () => {
    await using app = await startApp()
    const oli = await app.signIn('oli', 'owner')
    const batch = (from: number) =>
      Array.from({ length: 400 }, (_, n) => ({
        method: `way ${from + n}`,
        lock: `lock-${from + n}`,
      }))
    for (let from = 0; from < 1200; from += 400) await record(app, oli, ...batch(from))
    await record(app, oli, { method: 'pin', lock: 'garage' }, { method: 'pin', lock: 'garage' })
    const answer = await app.get('/v1/unlocks/labels', bearer(oli))
    const { locks, methods } = (await answer.json()) as { locks: string[]; methods: string[] }
    expect([locks.length, methods.length]).toStrictEqual([100, 100])
    expect([locks[0], methods[0]]).toStrictEqual(['garage', 'pin'])
    expect(locks).toContain('lock-1199')
    expect(locks).not.toContain('lock-0')
  })

  test('a day’s filter shows what happened that day, whatever the delivery, in every reading', async () => {
    const day = Date.UTC(2026, 5, 10)
    await using app = await startApp({ JWT_ACCESS_TOKEN_EXPIRES: '10080' }, { nowMs: day })
    const [mia, amy] = [await app.signIn('mia'), await app.signIn('amy', 'admin')]
    const at = (days: number) => new Date(day + days * DAY_MS).toISOString()
    app.clock.nowMs = day + DAY_MS / 2
    await record(app, mia, { method: 'prompt', occurred_at: at(0.49) }, { method: 'unsaid' })
    app.clock.nowMs = day + 3 * DAY_MS
    await record(
      app,
      mia,
      { method: 'late', occurred_at: at(0.25) },
      { method: 'oldest', occurred_at: at(3 - 90) },
      { method: 'too old', occurred_at: new Date(day - 87 * DAY_MS - 1).toISOString() },
      { method: 'ahead', occurred_at: at(4) },
    )
    await app.unlocks.unlockLog.append([
      {
        id: crypto.randomUUID(),
        accountPublicId: '',
        username: 'old',
        method: 'imported',
        lock: 'front-door',
        result: 'unlocked',
        reason: null,
        source: 'imported',
        occurredAtMs: day + 1,
      },
    ])
    const ofDay = `from=${at(0)}&to=${at(1)}`
    const { unlocks } = (await list(app, amy, `?${ofDay}`)) as unknown as {
      unlocks: Record<string, unknown>[]
    }
    const marks = ({ method, happened_at: when, late, doubted }: Record<string, unknown>) => [
      method,
      when,
      late,
      doubted,
    ]
    expect(unlocks.map(marks)).toStrictEqual([
      ['unsaid', at(0.5), false, false],
      ['prompt', at(0.49), true, false],
      ['late', at(0.25), true, false],
      ['imported', new Date(day + 1).toISOString(), true, false],
    ])
    const { unlocks: all } = (await list(app, amy, '?order=seq')) as unknown as {
      unlocks: Record<string, unknown>[]
    }
    expect(all.slice(2, 6).map(marks)).toStrictEqual([
      ['late', at(0.25), true, false],
      ['oldest', at(3 - 90), true, false],
      ['too old', at(3), true, true],
      ['ahead', at(3), false, true],
    ])
    expect(await seqs(app, amy, `?order=seq_desc&${ofDay}`)).toStrictEqual([6, 2, 1, 0])
    const stats = await app.get(`/v1/unlocks/stats?${ofDay}`, bearer(amy))
    expect(await stats.json()).toMatchObject({ total: 4, days: [{ day: '2026-06-10', count: 4 }] })
    const file = await app.get(`/v1/unlocks/export?format=ndjson&${ofDay}`, bearer(amy))
    expect((await file.text()).match(/(?<="seq":)\d+/g)).toStrictEqual(['6', '2', '0', '1'])
    const table = (await (await app.get('/getLogs', bearer(amy))).json()) as Record<string, unknown>
    expect(table).toMatchObject({
      1: { date_time: at(0.49), unlocking_method: 'prompt (reported late)' },
      2: { date_time: at(0.5), unlocking_method: 'unsaid' },
      3: { date_time: at(0.25), unlocking_method: 'late (reported late)' },
      6: { date_time: at(3), unlocking_method: 'ahead' },
      7: { date_time: new Date(day + 1).toISOString(), unlocking_method: 'imported' },
    })
    // A cursor of one order is none of another.
    const { next } = await list(app, amy, '?limit=1')
    expect(
      (await app.get(`/v1/unlocks?limit=1&order=seq&cursor=${next}`, bearer(amy))).status,
    ).toBe(400)
  })

  test('[D6] setting the clock back changes no order, and hides nothing from a search by time', async () => {
    await using app = await startApp()
    const [mia, amy] = [await app.signIn('mia'), await app.signIn('amy', 'admin')]
    const noonMs = app.clock.nowMs
    const minute = (count: number) => noonMs + count * 60_000
    // Right, a day behind, in 1970, ahead, and right again but not trusted for a while.
    for (const nowMs of [noonMs, minute(-1440), 0, minute(20), minute(1), minute(2)]) {
      app.clock.nowMs = nowMs
      await record(app, mia, { method: 'pin' })
    }
    const found = async (token: string, from: number | undefined, to?: number, rest = '') =>
      seqs(
        app,
        token,
        `?limit=50${from === undefined ? '' : `&from=${new Date(from).toISOString()}`}` +
          `${to === undefined ? '' : `&to=${new Date(to).toISOString()}`}${rest}`,
      )
    for (const token of [mia, amy]) {
      expect(await found(token, undefined, undefined, '&order=seq_desc')).toStrictEqual([
        5, 4, 3, 2, 1, 0,
      ])
      expect(await found(token, noonMs, undefined, '&order=seq')).toStrictEqual([0, 1, 2, 3, 4, 5])
      // A clock that is behind puts nothing before what is known to have happened; on a server, before any leaf.
      expect(await found(token, noonMs)).toStrictEqual(
        IS_POSTGRES ? [5, 4, 3, 2, 1, 0] : [3, 5, 4, 2, 1, 0],
      )
      expect(await found(token, 0, noonMs)).toStrictEqual([])
      expect(await found(token, noonMs, minute(3))).toStrictEqual(
        IS_POSTGRES ? [2, 1, 0] : [5, 4, 2, 1, 0],
      )
    }
    const from = new Date(minute(-1440)).toISOString()
    const lines = await app.get(`/v1/unlocks/export?format=ndjson&from=${from}`, bearer(amy))
    expect((await lines.text()).match(/(?<="seq":)\d+/g)?.map(Number)).toStrictEqual(
      IS_POSTGRES ? [0, 1, 2, 3, 4, 5] : [0, 1, 2, 4, 5, 3],
    )
  })

  test('the Link header leads from page to page and keeps the filters', async () => {
    await using app = await startApp()
    const { mia } = await household(app)
    const found: number[] = []
    let path: string | undefined = '/v1/unlocks?limit=1&text=a&from=2000-01-01T00:00:00%2B02:00'
    for (let pages = 0; path !== undefined; pages += 1) {
      expect(pages).toBeLessThan(4)
      const answer: Response = await app.get(path, bearer(mia))
      const page = (await answer.json()) as Page
      found.push(...page.unlocks.map(({ seq }) => seq))
      const link: string | null = answer.headers.get('link')
      expect(link === null).toBe(page.next === null)
      path = /^<(\/v1\/unlocks\?[^>]*)>; rel="next"$/.exec(link ?? '')?.[1]
    }
    expect(found).toStrictEqual([3, 1, 0])
  })

  test('[I2] a cursor that is invalid or of another search is refused without echoing it', async () => {
    await using app = await startApp()
    const { mia, amy } = await household(app)
    const { next } = await list(app, mia, '?limit=1')
    expect(next).toMatch(/^[A-Za-z0-9_-]+$/)
    const bad = async (token: string, query: string) => {
      const answer = await app.get(`/v1/unlocks?${query}`, bearer(token))
      const text = await answer.text()
      expect([query, answer.status]).toStrictEqual([query, 400])
      expect(answer.headers.get('content-type')).toContain('application/problem+json')
      expect(text).not.toContain('canary')
      expect(text).not.toContain(next ?? '')
    }
    expect((await app.get(`/v1/unlocks?limit=2&cursor=${next}`, bearer(mia))).status).toBe(200)
    await bad(amy, `cursor=${next}`)
    for (const query of [
      `cursor=${next}&order=oldest`,
      `cursor=${next}&text=a`,
      `cursor=${next}A`,
      'cursor=canary',
      'cursor=',
      `cursor=${btoa('newest.99999999999999999999.x')}`,
      'limit=0',
      'limit=201',
      'limit=canary',
      'order=canary',
      'canary=1',
      'text=a&text=canary',
      'text=',
      `text=${'canary'.repeat(20)}`,
      'text=canary%00',
      'from=canary',
      'from=2026-13-01T00:00:00Z',
      'from=2026-12-01T00:00:00Z&to=2026-12-01T00:00:00Z',
      'account=canary',
      'lock=CANARY!',
      'result=canary',
    ])
      await bad(mia, query)
  })

  test('erased fields are null, in lists and files', async () => {
    await using app = await startApp()
    const { mia, amy } = await household(app)
    const miaId = await publicIdOf(app, 'mia')
    await app.unlocks.unlockLog.eraseAccount(miaId)
    expect(await seqs(app, mia)).toStrictEqual([])
    const { unlocks } = await list(app, amy)
    expect(unlocks.find(({ seq }) => seq === 0)).toMatchObject({
      account: null,
      username: null,
      method: null,
      lock: 'front-door',
    })
    const csv = await (await app.get('/v1/unlocks/export?format=csv', bearer(amy))).text()
    const [heading = [], first = []] = parseCsv(csv)
    expect(first[heading.indexOf('username')]).toBe('')
    expect(csv).not.toContain('mia')
    const stats = await (await app.get('/v1/unlocks/stats', bearer(amy))).json()
    expect(stats).toMatchObject({
      total: 4,
      accounts: [
        { account: null, username: null, count: 3 },
        { username: 'max', count: 1 },
      ],
      methods: [
        { method: null, count: 3 },
        { method: 'pin', count: 1 },
      ],
    })
  })
})

describe('the log as a file', () => {
  test('[I4] names and methods that look like formulas are text in it', async () => {
    await using app = await startApp()
    const token = await app.signIn('=cmd|calc!A0')
    const methods = ['+1', '-1', '@SUM(A1)', 'a "quoted", one', "'tis", 'pin']
    await record(app, token, ...methods.map((method) => ({ method })))
    const answer = await app.get('/v1/unlocks/export?format=csv', bearer(token))
    expect(answer.headers.get('content-type')).toBe('text/csv; charset=utf-8')
    expect(answer.headers.get('content-disposition')).toBe('attachment; filename="unlocks.csv"')
    const [heading = [], ...rows] = parseCsv(await answer.text())
    expect(heading.slice(0, 6)).toStrictEqual([
      'seq',
      'id',
      'account',
      'username',
      'lock',
      'method',
    ])
    expect(rows.map((row) => row[5]?.replace(/^'/, ''))).toStrictEqual(methods)
    for (const row of rows) {
      expect(row[3]).toBe("'=cmd|calc!A0")
      for (const field of row) expect(field).not.toMatch(/^[=+\-@\t\r]/)
    }
  })

  test('CSV begins with a byte order mark for Excel, unless it is not wanted', async () => {
    await using app = await startApp()
    const token = await app.signIn('ánh')
    await record(app, token, { method: 'vân tay' })
    const start = async (query: string) => {
      const answer = await app.get(`/v1/unlocks/export?${query}`, bearer(token))
      return Buffer.from(await answer.arrayBuffer()).toString('latin1', 0, 6)
    }
    expect(await start('format=csv')).toBe('\u00EF\u00BB\u00BFseq')
    expect(await start('format=csv&bom=1')).toBe('\u00EF\u00BB\u00BFseq')
    expect(await start('format=csv&bom=0')).toBe('seq,id')
    expect(await start('format=ndjson&bom=1')).toBe('{"seq"')
    const wrong = await app.get('/v1/unlocks/export?format=csv&bom=yes', bearer(token))
    expect(await wrong.json()).toMatchObject({ status: 400, detail: 'Invalid bom: 1 or 0' })
  })

  test('[O3] an audit event names who exported the log, but not what was searched for', async () => {
    await using app = await startApp()
    const { mia, amy } = await household(app)
    const [miaId, amyId] = [await publicIdOf(app, 'mia'), await publicIdOf(app, 'amy')]
    const path = '/v1/unlocks/export?format=csv'
    const answers = [
      await app.get(path, bearer(mia)),
      await app.get(`${path}&text=max&lock=garage`, bearer(amy)),
    ]
    await app.get(path)
    const requestIds = answers.map((answer) => answer.headers.get('x-request-id'))
    const common = { client: '127.0.0.1', result: 'success' }
    const records = recordsOf(app.logLines, 'unlocks.export')
    expect(records).toMatchObject([
      { ...common, actor: miaId, subject: miaId, request_id: requestIds[0] },
      { ...common, actor: amyId, request_id: requestIds[1] },
    ])
    expect(records.map(({ detail }) => detail)).toStrictEqual([
      { format: 'csv', size: 4, filters: '' },
      { format: 'csv', size: 4, filters: 'lock,text' },
    ])
  })

  test('NDJSON has the same unlocks as the list, across pages, oldest first', async () => {
    await using app = await startApp()
    const token = await app.signIn('ada')
    for (let times = 0; times < 3; times += 1)
      await record(app, token, ...Array.from({ length: 500 }, () => ({ method: 'pin' })))
    const text = await (await app.get('/v1/unlocks/export?format=ndjson', bearer(token))).text()
    const rows = text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { seq: number })
    expect(rows.map(({ seq }) => seq)).toStrictEqual(Array.from({ length: 1500 }, (_, seq) => seq))
    expect(rows.slice(0, 3)).toStrictEqual(
      (await list(app, token, '?order=oldest&limit=3')).unlocks,
    )
  })
})
