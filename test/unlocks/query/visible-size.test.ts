import { expect, test } from 'bun:test'
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from '../../../src/domain/duration.ts'
import type { RouteDetail } from '../../../src/http/endpoint.ts'
import { parseCheckpoint } from '../../../src/unlocks/tlog/checkpoint.ts'
import { parseReceipt, verifyReceipt } from '../../../src/unlocks/tlog/receipt.ts'
import { parseNote } from '../../../src/unlocks/tlog/signed-note.ts'
import { type TestApp, bearer, startApp } from '../../support/app.ts'
import { follow } from '../../support/stream.ts'

/** An app at half past the hour. */
const startAtHalfPast = async () => {
  const app = await startApp({ JWT_ACCESS_TOKEN_EXPIRES: '10000' })
  const pass = (ms: number) => {
    app.clock.nowMs += ms
    app.clock.passedMs += ms
  }
  pass(HOUR_MS - (app.clock.nowMs % HOUR_MS) + HOUR_MS / 2)
  return { app, pass }
}

const unlock = (app: TestApp, token: string, event: object = { method: 'pin' }) =>
  app.post('/v1/unlocks', event, bearer(token)).then((answer) => answer.json()) as Promise<Recorded>

type Recorded = { readonly id: string; readonly status: string; readonly receipt: string }

const sizeOf = (checkpoint: string): number => parseCheckpoint(parseNote(checkpoint).text).size

const checkpointSize = async (app: TestApp, token: string): Promise<number> =>
  sizeOf(await (await app.get('/v1/log/checkpoint', bearer(token))).text())

const consistency = async (app: TestApp, token: string, to: number) => {
  const answer = await app.get(`/v1/log/consistency?from=0&to=${to}`, bearer(token))
  return [answer.status, ((await answer.json()) as { detail?: string }).detail] as const
}

test('[G11] a member sees the log up to their own newest unlock or the last full hour', async () => {
  const { app, pass } = await startAtHalfPast()
  await using _ = app
  const [mia, max, amy] = [
    await app.signIn('mia'),
    await app.signIn('max'),
    await app.signIn('amy', 'admin'),
  ]
  const sizes = async () => [await checkpointSize(app, mia), await checkpointSize(app, amy)]
  await unlock(app, max)
  expect(await sizes()).toStrictEqual([0, 1])
  await unlock(app, mia)
  await unlock(app, max)
  expect(await sizes()).toStrictEqual([2, 3])
  expect(await consistency(app, mia, 2)).toStrictEqual([200, undefined])
  const refused = [400, 'Needs 0 <= from <= to <= 2, the size of the log'] as const
  for (const to of [3, 4]) expect(await consistency(app, mia, to)).toStrictEqual(refused)
  expect(await consistency(app, amy, 3)).toStrictEqual([200, undefined])
  // On a server, the hour is over once the last COMMIT in it is.
  pass(HOUR_MS / 2 + 11 * SECOND_MS)
  expect(await sizes()).toStrictEqual([3, 3])
  await unlock(app, max)
  expect(await sizes()).toStrictEqual([3, 4])
})

test('[G11] a clock that jumps ahead and back reveals nothing between two full hours', async () => {
  const { app, pass } = await startAtHalfPast()
  await using _ = app
  const [mia, max] = [await app.signIn('mia'), await app.signIn('max')]
  app.clock.nowMs += DAY_MS
  await checkpointSize(app, mia)
  app.clock.nowMs -= DAY_MS
  pass(11 * MINUTE_MS)
  await unlock(app, max)
  expect(await checkpointSize(app, mia)).toBe(0)
  pass(HOUR_MS)
  expect(await checkpointSize(app, mia)).toBe(1)
})

test('[G11] receipts can be checked alone, and do not tell what others did since', async () => {
  const { app } = await startAtHalfPast()
  await using _ = app
  const [mia, max] = [await app.signIn('mia'), await app.signIn('max')]
  await unlock(app, max)
  const event = { id: crypto.randomUUID(), method: 'pin' }
  const first = await unlock(app, mia, event)
  await unlock(app, max)
  const again = await unlock(app, mia, event)
  expect(again.status).toBe('duplicate')
  const asked = await (await app.get(`/v1/unlocks/${event.id}/receipt`, bearer(mia))).text()
  const key = (await (await app.get('/v1/log/key', bearer(mia))).json()) as { verifier_key: string }
  for (const receipt of [first.receipt, again.receipt, asked]) {
    expect(sizeOf(parseReceipt(receipt).checkpoint)).toBe(2)
    const extra = Buffer.from(parseReceipt(receipt).extra ?? []).toString()
    const entry = new TextEncoder().encode((JSON.parse(extra) as { entry: string }).entry)
    const proven = { receipt, entry, verifierKey: key.verifier_key }
    expect(verifyReceipt(proven)).toMatchObject({ ok: true, index: 1 })
  }
})

/** Differs from call to call, or does not end. */
const WALKED_APART = new Set(['/v1/me/export', '/v1/unlocks/stream'])

test('[G11] nothing that a member or anyone else can read changes when somebody else opens the door', async () => {
  const { app } = await startAtHalfPast()
  await using _ = app
  const [mia, max, amy] = [
    await app.signIn('mia'),
    await app.signIn('max'),
    await app.signIn('amy', 'admin'),
  ]
  const { id } = await unlock(app, mia)
  await app.unlocks.verification.verifyAll()
  const paths = app.http.routes.flatMap(({ method, path, hooks }) => {
    const { 'x-access': access } = (hooks as { detail?: RouteDetail }).detail ?? {}
    const isRead = method === 'GET' && (access === 'public' || access === 'member')
    return isRead && !WALKED_APART.has(path) ? [path.replace(':id', id)] : []
  })
  paths.push('/v1/unlocks/export?format=csv', '/v1/log/consistency?from=0&to=1')
  for (const to of [2, 3, 4, 5]) paths.push(`/v1/log/consistency?from=0&to=${to}`)
  const walk = async () => {
    const seen: Record<string, unknown> = {}
    for (const path of paths)
      for (const headers of [bearer(mia), {}] as Record<string, string>[]) {
        const answer = await app.get(path, headers)
        const told = Object.fromEntries(answer.headers)
        const { date: _date, 'x-request-id': _id, ...rest } = told
        seen[`${path} ${'authorization' in headers}`] = [answer.status, rest, await answer.text()]
      }
    return seen
  }
  const before = await walk()
  for (let times = 0; times < 3; times += 1) await unlock(app, max)
  await app.unlocks.verification.verifyAll()
  const after = await walk()
  for (const [path, answer] of Object.entries(before))
    expect([path, after[path]]).toStrictEqual([path, answer])
  expect(paths.length).toBeGreaterThan(20)
  expect(await checkpointSize(app, amy)).toBe(4)
})

test('[G11] a member’s stream and export say nothing of others’ unlocks', async () => {
  const { app } = await startAtHalfPast()
  await using _ = app
  const [mia, max] = [await app.signIn('mia'), await app.signIn('max')]
  await unlock(app, mia)
  const own = await follow(app.url, bearer(mia))
  for (let times = 0; times < 3; times += 1) await unlock(app, max)
  for (const lastId of ['1', '3', '4', '99']) {
    const resumed = await follow(app.url, { ...bearer(mia), 'last-event-id': lastId })
    expect(resumed.answer.status).toBe(400)
  }
  await (await app.get('/v1/unlocks/export?format=ndjson', bearer(mia))).text()
  const exported = await (await app.get('/v1/me/export', bearer(mia))).text()
  expect(exported).toContain('{"format":"ndjson","size":1,"filters":""}')
  await unlock(app, mia)
  await own.until(() => own.messages.length > 0)
  expect([own.ids(), own.comments.length]).toStrictEqual([[4], 1])
  await own.leave()
})
