import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { type Socket, connect } from 'node:net'
import { PASSWORD, type TestApp, basic, bearer, startApp } from '../support/app.ts'
import { claimed } from '../support/unlock-log.ts'

const EXPORT = '/v1/unlocks/export?format=ndjson'

let app: TestApp
let owner: Record<string, string>
beforeAll(async () => {
  app = await startApp()
  owner = bearer(await app.signIn('oli', 'owner'))
  const { id } = (await (await app.get('/v1/me', owner)).json()) as { id: string }
  // More than the buffers of a connection hold, and than a slow reader reads in a second.
  for (let batch = 0; batch < 4; batch += 1)
    await app.unlocks.unlockLog.append(
      Array.from({ length: 500 }, (_, at) => ({
        ...claimed(at),
        accountPublicId: id,
        method: 'x'.repeat(8000),
      })),
    )
})
afterAll(() => app[Symbol.asyncDispose]())

type Headers = Readonly<Record<string, string>>
type Place = { readonly path: string; readonly address?: string }

/** Begins a download, from an address of this machine, and resolves once its first part has come. */
const download = async (headers: Headers, { path, address = '127.0.0.1' }: Place) => {
  const socket = connect({
    port: Number(new URL(app.url).port),
    host: '127.0.0.1',
    localAddress: address,
  })
  // A complete answer ends its connection too.
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${lines.join('')}\r\n`)
  await new Promise((resolve) => socket.once('readable', resolve))
  const status = Number(String(socket.read(12)).slice(9))
  return Object.assign(socket, { status, [Symbol.dispose]: () => socket.destroy() })
}

/** Reads on, and resolves to whether the answer came whole. A part takes `pauseMs`. */
const isWhole = (socket: Socket, pauseMs = 0): Promise<boolean> =>
  new Promise((resolve) => {
    let last = ''
    socket.on('data', (part) => {
      last = (last + String(part)).slice(-5)
      socket.pause()
      setTimeout(() => socket.resume(), pauseMs)
    })
    socket.on('error', () => {})
    socket.on('close', () => resolve(last === '0\r\n\r\n'))
  })

/** A part is up to 512 KiB, so that all would take eight seconds; the server, in this process, asks each
 * second whether it may go on. */
const SLOW_MS = 250

const idOf = async (token: string): Promise<string> =>
  ((await (await app.get('/v1/me', bearer(token))).json()) as { id: string }).id

type End = (id: string) => Promise<Response>

const ENDS: Readonly<Record<string, End>> = {
  'is disabled': (id) => app.patch(`/v1/people/${id}`, { disabled: true }, owner),
  'is demoted': (id) => app.patch(`/v1/people/${id}`, { role: 'member' }, owner),
  'is erased': (id) => app.delete(`/v1/people/${id}`, {}, owner),
}

describe('a download', () => {
  test.each(Object.entries(ENDS))('[T3] is cut when its reader %s', async (how, end) => {
    const name = how.replace(' ', '-')
    const token = await app.signIn(name, 'admin')
    using reading = await download(bearer(token), { path: EXPORT })
    expect(reading.status).toBe(200)
    expect((await end(await idOf(token))).status).toBe(200)
    expect(await isWhole(reading, SLOW_MS)).toBe(false)
  })

  test.each(Object.entries(ENDS))(
    '[T3] that began with a password is cut when its reader %s',
    async (how, end) => {
      const name = `basic-${how.replace(' ', '-')}`
      const id = await idOf(await app.signIn(name, 'admin'))
      using reading = await download(basic(name, PASSWORD), { path: '/getLogs' })
      expect(reading.status).toBe(200)
      expect((await end(id)).status).toBe(200)
      expect(await isWhole(reading, SLOW_MS)).toBe(false)
    },
  )

  test('[T3] is cut when its session is ended, and not when another is', async () => {
    const token = await app.signIn('amy', 'admin')
    const other = await app.logIn('amy')
    using reading = await download(bearer(token), { path: '/getLogs' })
    expect((await app.post('/v1/session/logout', {}, bearer(other))).status).toBe(200)
    expect((await app.post('/v1/session/logout', {}, bearer(token))).status).toBe(200)
    expect(await isWhole(reading, SLOW_MS)).toBe(false)
    const third = await app.logIn('amy')
    using whole = await download(bearer(third), { path: '/getLogs' })
    await app.post('/v1/session/logout', {}, bearer(await app.logIn('amy')))
    expect(await isWhole(whole)).toBe(true)
  })
})

describe('the tables by name and password', () => {
  const leave = (sockets: readonly Socket[]): void => sockets.forEach((socket) => socket.destroy())

  test('[G7] count as their account’s long read, from whatever address', async () => {
    await app.signIn('al', 'admin')
    const al = basic('al', PASSWORD)
    using first = await download(al, { path: '/getLogs', address: '127.0.0.2' })
    using second = await download(al, { path: '/getLogs', address: '127.0.0.3' })
    expect([first.status, second.status]).toStrictEqual([200, 429])
  })

  test('[G7] leave room for owners, whatever number of admins read', async () => {
    const names = ['ad-1', 'ad-2', 'ad-3', 'ad-4', 'ad-5', 'ad-6']
    const reading = []
    for (const name of names) {
      await app.signIn(name, 'admin')
      reading.push(await download(basic(name, PASSWORD), { path: '/getLogs' }))
    }
    expect(reading.map(({ status }) => status)).toStrictEqual(names.map(() => 200))
    expect((await app.get('/v1/unlocks/stats', owner)).status).toBe(200)
    leave(reading)
  })
})

describe('a long answer', () => {
  test('goes on when the access token expires, which is no end of the session', async () => {
    await using house = await startApp()
    const token = await house.signIn('ann', 'admin')
    const request = new Request(house.url, { headers: bearer(token) })
    const signedIn = await house.accounts.authenticateRequest(request)
    const { account, sessionId } = signedIn ?? { account: undefined, sessionId: undefined }
    const origin = { address: '', isAddressHidden: false, userAgent: '', requestId: undefined }
    const caller = { account, sessionId, ...origin }
    house.clock.nowMs += 31 * 60_000
    expect((await house.get('/v1/me', bearer(token))).status).toBe(401)
    expect(await house.accounts.stillHolds(caller)).toBe(true)
    const again = await house.logIn('ann')
    await house.delete(`/v1/sessions/${sessionId}`, {}, bearer(again))
    expect(await house.accounts.stillHolds(caller)).toBe(false)
  })
})
