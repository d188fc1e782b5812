import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { type Socket, connect } from 'node:net'
import { PASSWORD, type TestApp, bearer, startApp } from '../support/app.ts'
import { claimed } from '../support/unlock-log.ts'
import { until } from '../support/until.ts'

const STATS = '/v1/unlocks/stats'
const LABELS = '/v1/unlocks/labels'
const EXPORT = '/v1/unlocks/export?format=ndjson'

/** More waiting requests than one account may have. */
const TOO_MANY = 5

let app: TestApp
beforeAll(async () => {
  app = await startApp()
})
afterAll(() => app[Symbol.asyncDispose]())

/** An account with more unlocks than the buffers of a connection hold. */
const withUnlocks = async (token: string): Promise<string> => {
  const { id } = (await (await app.get('/v1/me', bearer(token))).json()) as { id: string }
  for (let batch = 0; batch < 3; batch += 1)
    await app.unlocks.unlockLog.append(
      Array.from({ length: 500 }, (_, at) => ({
        ...claimed(at),
        accountPublicId: id,
        method: 'x'.repeat(8000),
      })),
    )
  return token
}

/** Asks for something and never reads the answer. */
const stuck = async (token: string, path = EXPORT): Promise<Socket & Disposable> => {
  const socket = connect(Number(new URL(app.url).port), '127.0.0.1')
  socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n\r\n`)
  await new Promise((resolve) => socket.once('readable', resolve))
  return Object.assign(socket, { [Symbol.dispose]: () => socket.destroy() })
}

/** Asks for the same several times at once, and returns the first answer. */
const firstOf = async (path: string, token: string) => {
  const leaving = new AbortController()
  const asked = Array.from({ length: TOO_MANY }, () =>
    fetch(app.url + path, { headers: bearer(token), signal: leaving.signal }),
  )
  const answer = await Promise.race(asked)
  const body = (await answer.json()) as Record<string, unknown>
  leaving.abort()
  await Promise.allSettled(asked)
  return { status: answer.status, retryAfter: answer.headers.get('retry-after'), body }
}

const isGone = (socket: Socket): Promise<void> =>
  new Promise((resolve) => {
    socket.once('close', () => resolve())
    socket.resume()
  })

describe('heavy reads', () => {
  test('[G7] those of one account wait for each other, so that a page may ask for several', async () => {
    const ada = await app.signIn('ada')
    const answers = await Promise.all(
      [STATS, '/v1/unlocks?text=x', STATS, EXPORT].map((path) => app.get(path, bearer(ada))),
    )
    expect(answers.map(({ status }) => status)).toStrictEqual([200, 200, 200, 200])
    await Promise.all(answers.map((answer) => answer.text()))
  })

  test('[G7] an account has one at a time; what no index slows down is answered as ever', async () => {
    const bob = await withUnlocks(await app.signIn('bob'))
    using download = await stuck(bob)
    expect(await firstOf(STATS, bob)).toStrictEqual({
      status: 429,
      retryAfter: '2',
      body: {
        type: 'about:blank',
        title: 'Too Many Requests',
        status: 429,
        detail: 'Another long read of your account is running; try again when it is done',
        code: 'rate_limited',
      },
    })
    expect((await firstOf(LABELS, bob)).status).toBe(429)
    expect((await app.get('/v1/unlocks', bearer(bob))).status).toBe(200)
    download.destroy()
    await until(async () => (await app.get(STATS, bearer(bob))).status === 200)
  })

  test('[G7] the tables answer like everything that the existing app reads', async () => {
    const oli = await withUnlocks(await app.signIn('oli', 'owner'))
    using _ = await stuck(oli)
    const refused = await firstOf('/getLogs', oli)
    expect([refused.status, refused.retryAfter, refused.body]).toStrictEqual([
      429,
      '2',
      { msg: 'Another long read of your account is running; try again when it is done' },
    ])
  })

  test('[G7] members leave room for admins and owners, and newcomers make room for members', async () => {
    const person = (username: string) => ({
      username,
      password: PASSWORD,
      phone: '1',
      address: 'x',
    })
    const newcomers = ['new-1', 'new-2', 'new-3', 'new-4']
    for (const username of newcomers) await app.post('/register', person(username))
    const downloads = await Promise.all(
      newcomers.map(async (name) => stuck(await withUnlocks(await app.logIn(name)))),
    )
    const mia = await withUnlocks(await app.signIn('mia'))
    const gone = Promise.race(downloads.map(isGone))
    using download = await stuck(mia)
    await gone
    const members = await Promise.all(
      ['max', 'meg', 'moe'].map(async (name) => stuck(await withUnlocks(await app.signIn(name)))),
    )
    const full = 'Too many long reads are running; try again in a few seconds'
    const may = await app.signIn('may')
    expect(await firstOf(STATS, may)).toMatchObject({ status: 429, body: { detail: full } })
    const amy = await app.signIn('amy', 'admin')
    expect((await app.get(STATS, bearer(amy))).status).toBe(200)
    for (const socket of [...downloads, ...members, download]) socket.destroy()
    await until(async () => (await app.get(STATS, bearer(may))).status === 200)
  })

  test('[G7] a client that goes away while it waits, or while its read runs, leaves nothing behind', async () => {
    const eve = await withUnlocks(await app.signIn('eve'))
    const left = async (path: string, ms: number) => {
      const leaving = new AbortController()
      const asked = fetch(app.url + path, { headers: bearer(eve), signal: leaving.signal })
      setTimeout(() => leaving.abort(), ms)
      await asked.then((answer) => answer.text()).catch(() => {})
    }
    for (const path of [STATS, EXPORT, '/v1/unlocks?text=zzzz', '/v1/me/export'])
      await Promise.all([left(path, 1), left(path, 3), left(path, 5)])
    await until(() => app.http.server?.pendingRequests === 0)
    expect((await app.get(STATS, bearer(eve))).status).toBe(200)
    const head = await fetch(app.url + EXPORT, { method: 'HEAD', headers: bearer(eve) })
    expect(head.status).toBe(200)
    expect((await app.get(STATS, bearer(eve))).status).toBe(200)
    expect(app.logLines.filter((line) => line.includes('"level":"error"'))).toStrictEqual([])
  })
})
