import { describe, expect, test } from 'bun:test'
import { connect } from 'node:net'
import { homeDatabase } from '../../support/home-database.ts'
import { PASSWORD, type TestApp, bearer, clientOf, startApp } from '../../support/app.ts'
import { UNLIMITED, startService } from '../../support/binary.ts'
import { follow } from '../../support/stream.ts'
import { claimed } from '../../support/unlock-log.ts'
import { until } from '../../support/until.ts'
import { scraping } from '../../support/metrics-token.ts'

const record = async (app: TestApp, token: string, count = 1, method = 'pin') => {
  const events = Array.from({ length: count }, () => ({ method }))
  expect((await app.post('/v1/unlocks', events, bearer(token))).status).toBe(200)
}

const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => from + n)

describe('unlocks as they happen', () => {
  test('a stream sends new events, and with Last-Event-ID also the missed ones', async () => {
    await using app = await startApp()
    const ada = await app.signIn('ada')
    await record(app, ada, 3)
    const fresh = await follow(app.url, bearer(ada))
    expect(fresh.answer.headers.get('content-type')).toBe('text/event-stream')
    expect(fresh.answer.headers.get('x-accel-buffering')).toBe('no')
    expect(fresh.answer.headers.get('cache-control')).toBe('no-store')
    await record(app, ada, 2)
    await fresh.until(() => fresh.messages.length >= 2)
    expect(fresh.ids()).toStrictEqual([3, 4])
    const listed = (await (await app.get('/v1/unlocks?limit=2', bearer(ada))).json()) as {
      unlocks: object[]
    }
    expect(fresh.messages.map(({ text }) => JSON.parse(text) as object)).toStrictEqual(
      listed.unlocks.toReversed(),
    )
    const resumed = await follow(app.url, { ...bearer(ada), 'last-event-id': '0' })
    await resumed.until(() => resumed.messages.length >= 4)
    expect(resumed.ids()).toStrictEqual([1, 2, 3, 4])
    for (const id of ['5', '99999999', 'x', '-1', '1.5', '9'.repeat(20)])
      expect((await follow(app.url, { ...bearer(ada), 'last-event-id': id })).answer.status).toBe(
        400,
      )
    await Promise.all([fresh.leave(), resumed.leave()])
  })

  test('imported unlocks are not streamed', async () => {
    await using app = await startApp()
    const amy = await app.signIn('amy', 'admin')
    const all = await follow(app.url, bearer(amy))
    const imported = { ...claimed(0), source: 'imported', occurredAtMs: 0 } as const
    await app.unlocks.unlockLog.append(
      Array.from({ length: 3000 }, () => ({ ...imported, id: crypto.randomUUID() })),
    )
    await record(app, amy)
    await all.until(() => all.messages.length >= 1)
    expect(all.ids()).toStrictEqual([3000])
    const resumed = await follow(app.url, { ...bearer(amy), 'last-event-id': '0' })
    await resumed.until(() => resumed.messages.length >= 1)
    expect(resumed.ids()).toStrictEqual([3000])
    await Promise.all([all.leave(), resumed.leave()])
  })

  test('[A2] members follow their own unlocks, admins all or a filtered selection', async () => {
    await using app = await startApp()
    const [mia, max, amy] = [
      await app.signIn('mia'),
      await app.signIn('max'),
      await app.signIn('amy', 'admin'),
    ]
    const own = await follow(app.url, bearer(mia))
    const all = await follow(app.url, bearer(amy))
    const pins = await follow(app.url, bearer(amy), '?method=pin&text=MAX')
    await record(app, max, 1, 'secret')
    await record(app, mia)
    await record(app, max)
    await all.until(() => all.messages.length === 3)
    await own.until(() => own.messages.length === 1)
    await pins.until(() => pins.messages.length === 1)
    expect([own.ids(), all.ids(), pins.ids()]).toStrictEqual([[1], [0, 1, 2], [2]])
    expect(JSON.stringify(own.messages)).not.toMatch(/max|secret/)
    expect((await follow(app.url, {})).answer.status).toBe(401)
    await Promise.all([own.leave(), all.leave(), pins.leave()])
  })

  test('a reader that comes and goes while unlocks are recorded gets each once, in order', async () => {
    await using app = await startApp()
    const ada = await app.signIn('ada')
    await record(app, ada)
    const progress = { isDone: false }
    const writing = Promise.all(
      numbers(0, 6).map(async (writer) => {
        for (let times = 0; times < 40; times += 1) {
          await record(app, ada, 1 + ((times + writer) % 7))
          await Bun.sleep(5)
        }
      }),
    ).then(() => (progress.isDone = true))
    const got: number[] = [0]
    const size = async () => (await app.unlocks.store.head())?.size ?? 0
    let visits = 0
    while (!progress.isDone || got.length < (await size())) {
      const stream = await follow(app.url, { ...bearer(ada), 'last-event-id': `${got.at(-1)}` })
      await Bun.sleep(Math.random() * 20)
      await stream.leave()
      got.push(...stream.ids())
      visits += 1
    }
    await writing
    expect(got).toStrictEqual(numbers(0, await size()))
    expect(visits).toBeGreaterThan(3)
    await until(() => app.unlocks.eventStream.count() === 0)
  })

  test('streams are limited per account and in total, and closing one frees its place', async () => {
    await using app = await startApp()
    const ada = await app.signIn('ada')
    const streams = await Promise.all(numbers(0, 5).map(() => follow(app.url, bearer(ada))))
    const refused = await app.get('/v1/unlocks/stream', bearer(ada))
    expect([refused.status, refused.headers.get('retry-after')]).toStrictEqual([429, '2'])
    const bob = await follow(app.url, bearer(await app.signIn('bob')))
    expect([bob.answer.status, app.unlocks.eventStream.count()]).toStrictEqual([200, 6])
    await streams[0]?.leave()
    await bob.until(() => app.unlocks.eventStream.count() === 5)
    expect(
      (await fetch(`${app.url}/v1/unlocks/stream`, { method: 'HEAD', headers: bearer(ada) }))
        .status,
    ).toBe(200)
    const again = await follow(app.url, bearer(ada))
    expect(again.answer.status).toBe(200)
    await Promise.all([...streams, bob, again].map((stream) => stream.leave()))
    await bob.until(() => app.unlocks.eventStream.count() === 0)
  })

  test('[G8] whoever takes the streams, an owner or admin gets one, and a member before newcomers', async () => {
    await using app = await startApp({ TRUSTED_PROXIES: '127.0.0.1' })
    const from = (client: number) => ({ 'x-forwarded-for': `192.0.2.${client}` })
    const stream = (token: string, client = 0) =>
      follow(app.url, { ...bearer(token), ...from(client) })
    const statusOf = async (token: string, client: number) => {
      const { answer } = await stream(token, client)
      return [answer.status, answer.headers.get('retry-after')]
    }
    const newcomer = async (number: number) => {
      const username = `new-${number}`
      await app.post('/register', { username, password: PASSWORD, phone: '1', address: 'x' })
      return app.logIn(username)
    }
    const open = await Promise.all(
      numbers(0, 18).map(async (number) => {
        const token = await newcomer(number)
        // Four accounts at each address fill the twenty streams that it may have.
        return Promise.all(numbers(0, 5).map(() => stream(token, Math.floor(number / 4))))
      }),
    )
    const streams = open.flat()
    expect(app.unlocks.eventStream.count()).toBe(90)
    const late = await newcomer(18)
    // At an address with twenty streams, newcomers make room for each other.
    expect(await statusOf(late, 0)).toStrictEqual([200, null])
    expect(app.unlocks.eventStream.count()).toBe(90)
    expect(await statusOf(late, 99)).toStrictEqual([503, '2'])

    const [mia, oli] = [await app.signIn('mia'), await app.signIn('oli', 'owner')]
    // Behind the same router as twenty of their streams.
    const member = await stream(mia, 0)
    const owners = await Promise.all(numbers(0, 5).map(() => stream(oli)))
    expect([member, ...owners].map(({ answer }) => answer.status)).toStrictEqual([
      200, 200, 200, 200, 200, 200,
    ])
    // One newcomer made room for the member; the owner had places of their own.
    expect(app.unlocks.eventStream.count()).toBe(95)
    const over = await Promise.race(streams.map(({ isOver }) => isOver))
    expect(over).toBeUndefined()
    await record(app, mia)
    await member.until(() => member.messages.length === 1)
    await Promise.all([...streams, member, ...owners].map(({ leave }) => leave()))
  })

  test('[A2] a stream ends with the session, and with a change of role, before the next event', async () => {
    await using service = await startService({ env: UNLIMITED })
    const { url, folder } = service
    const { post } = clientOf(url)
    const signIn = async (username: string) => {
      const person = { username, password: PASSWORD, phone: '1', address: 'x' }
      await post('/register', person)
      const login = (await (await post('/login', person)).json()) as { access_token: string }
      return bearer(login.access_token)
    }
    const [amy, bob, eve] = [await signIn('amy'), await signIn('bob'), await signIn('eve')]
    await using db = await homeDatabase(folder)
    await db.run("UPDATE account SET role = 'admin' WHERE username IN ('amy', 'bob')")
    const [demoted, disabled] = [await follow(url, amy), await follow(url, bob)]
    await post('/logUnlocking', { 'unlocking-method': 'one' }, eve)
    await demoted.until(() => demoted.messages.length === 1 && disabled.messages.length === 1)
    await db.run("UPDATE account SET role = 'member' WHERE username = 'amy'")
    await db.run("UPDATE account SET disabled_at_ms = 1 WHERE username = 'bob'")
    await post('/logUnlocking', { 'unlocking-method': 'two' }, eve)
    expect([await demoted.isOver, await disabled.isOver]).toStrictEqual([undefined, undefined])
    expect([demoted.ids(), disabled.ids()]).toStrictEqual([[0], [0]])
    await service.stop()
  })

  test('heartbeats keep a quiet stream open, and end it if its session has ended', async () => {
    await using app = await startApp({}, { heartbeatSeconds: 0.2 })
    const token = await app.signIn('ada')
    const quiet = await follow(app.url, bearer(token))
    await quiet.until(() => quiet.comments.length >= 4)
    app.clock.nowMs += 3_600_000
    expect(await quiet.isOver).toBeUndefined()
    expect(quiet.messages).toStrictEqual([])
    expect((await app.get('/v1/unlocks', bearer(token))).status).toBe(401)
  })

  test('a reader that takes nothing is disconnected, does not affect others, and can resume later', async () => {
    // Bun checks connection timeouts every four seconds: three heartbeats must be longer.
    await using app = await startApp({}, { heartbeatSeconds: 2 })
    const ada = await app.signIn('ada')
    const fast = await follow(app.url, bearer(ada))
    await record(app, ada)
    const stuck = connect(Number(new URL(app.url).port), '127.0.0.1')
    stuck.pause()
    stuck.write(
      `GET /v1/unlocks/stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${ada}\r\nLast-Event-ID: 0\r\n\r\n`,
    )
    await fast.until(() => app.unlocks.eventStream.count() === 2)
    for (let times = 0; times < 40; times += 1) await record(app, ada, 500, 'x'.repeat(80))
    await fast.until(() => fast.messages.length === 20_001)
    await until(() => app.unlocks.eventStream.count() === 1)
    stuck.destroy()
    const again = await follow(app.url, { ...bearer(ada), 'last-event-id': '7' })
    await again.until(() => again.messages.length === 19_993)
    expect(again.ids()).toStrictEqual(numbers(8, 20_001))
    await Promise.all([fast.leave(), again.leave()])
  })

  test('an aborted download leaves nothing behind', async () => {
    await using app = await startApp()
    const ada = await app.signIn('ada')
    for (let times = 0; times < 20; times += 1) await record(app, ada, 500, 'x'.repeat(80))
    for (const format of ['csv', 'ndjson'])
      for (let times = 0; times < 20; times += 1) {
        const leaving = new AbortController()
        const answer = await fetch(`${app.url}/v1/unlocks/export?format=${format}`, {
          headers: bearer(ada),
          signal: leaving.signal,
        })
        await answer.body?.getReader().read()
        leaving.abort()
      }
    await until(() => app.http.server?.pendingRequests === 0)
    expect(app.logLines.filter((line) => line.includes('"level":"error"'))).toStrictEqual([])
  })

  test('[O1] SIGTERM ends streams at once, even that of a reader who takes nothing', async () => {
    await using service = await startService({ env: UNLIMITED })
    const { url } = service
    const person = { username: 'ada', password: PASSWORD, phone: '1', address: 'x' }
    const { get, post } = clientOf(url)
    await post('/register', person)
    const { access_token } = (await (await post('/login', person)).json()) as {
      access_token: string
    }
    const stream = await follow(url, bearer(access_token))
    const { port } = new URL(url)
    const stuck = connect(Number(port), '127.0.0.1')
    stuck.write(
      `GET /v1/unlocks/stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${access_token}\r\n\r\n`,
    )
    stuck.pause()
    await until(async () =>
      /^secure_lock_live_streams(?:\{.*\})? 2$/m.test(
        await (await get('/metrics', scraping(service.folder))).text(),
      ),
    )
    expect(await service.stop()).toBe(0)
    // Neither had to be cut off.
    expect(service.output().log).not.toContain('requests left unanswered')
    expect(await stream.isOver).toBeUndefined()
    stuck.destroy()
  })
})
