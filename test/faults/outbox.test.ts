import { afterEach, beforeEach, expect, test } from 'bun:test'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { rowsOf } from '../support/access.ts'
import { addAccount, tokenFor } from '../support/accounts.ts'
import { PASSWORD, bearer, clientOf } from '../support/app.ts'
import { UNLIMITED, runCommand, startService, temporaryFolder } from '../support/binary.ts'
import { startReceiver } from '../support/receiver.ts'
import { until } from '../support/until.ts'
import { SHARE, tell } from './evidence.ts'

/** A home with an owner and a webhook to a receiver that the test controls, at the compiled executable. */
const ENV = { ...UNLIMITED, LOG_LEVEL: 'warn', WEBHOOK_LOOPBACK: 'on' }
const EVENTS = 200
const BACKLOG = 10_000 * SHARE

let folder = ''
let receiver: ReturnType<typeof startReceiver>

beforeEach(async () => {
  folder = temporaryFolder()
  receiver = startReceiver()
  await addAccount('oli', { role: 'owner', folder })
})
afterEach(async () => {
  await receiver[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true, force: true })
})

const start = async () => {
  const service = await startService({ folder, env: ENV })
  const owner = bearer(await tokenFor(service.url, 'oli'))
  return { service, owner, ...clientOf(service.url) }
}

type Home = Awaited<ReturnType<typeof start>>

const addHook = async ({ post, owner }: Home): Promise<string> => {
  const hook = { kind: 'webhook', name: 'hook', settings: { url: receiver.url } }
  const answer = await post('/v1/targets', { ...hook, password: PASSWORD }, owner)
  expect(answer.status).toBe(200)
  return ((await answer.json()) as { id: string }).id
}

const record = async ({ post, owner }: Home, count: number): Promise<void> => {
  for (let sent = 0; sent < count; sent += 500) {
    const events = Array.from({ length: Math.min(500, count - sent) }, () => ({ method: 'pin' }))
    expect((await post('/v1/unlocks', events, owner)).status).toBe(200)
  }
}

const waiting = (): number => {
  using rows = rowsOf(join(folder, 'data/secure-lock.db'))
  const { waiting: count } = rows.get(
    `SELECT count(*) AS waiting FROM delivery WHERE state = 'waiting'`,
  ) as { waiting: number }
  return count
}

const droppedSeqs = (): readonly number[] => {
  using rows = rowsOf(join(folder, 'data/secure-lock.db'))
  const { seqs } = rows.get(
    `SELECT json_group_array(seq) AS seqs FROM delivery WHERE state = 'dropped'`,
  ) as { seqs: string }
  return JSON.parse(seqs) as number[]
}

const inOrder = (count: number) => Array.from({ length: count }, (_, seq) => seq)

test(`kill -9 while ${EVENTS} events are told: none is lost, and ids repeat only at the seam`, async () => {
  const killsAt = [20, 70, 71, 150]
  {
    const home = await start()
    await addHook(home)
    await record(home, EVENTS)
    await until(() => receiver.received.length >= (killsAt[0] ?? 0))
    await home.service.stop('SIGKILL')
  }
  const seams = [receiver.received.length]
  for (const at of killsAt.slice(1)) {
    const service = await startService({ folder, env: ENV })
    await until(() => new Set(receiver.seqs()).size >= at)
    await service.stop('SIGKILL')
    seams.push(receiver.received.length)
  }
  await using service = await startService({ folder, env: ENV })
  await until(() => waiting() === 0)
  expect(service.pid).toBeGreaterThan(0)
  const { received } = receiver
  expect([...new Set(receiver.seqs())]).toStrictEqual(inOrder(EVENTS))
  const idOf = new Map(received.map(({ data, id }) => [data['seq'], id]))
  // The same event has the same id at every attempt, and no two events share one.
  for (const { data, id } of received) expect(idOf.get(data['seq'])).toBe(id)
  expect(new Set(idOf.values()).size).toBe(EVENTS)
  // A repetition follows a kill, and steps back over what was told in the moments before it.
  const seqs = receiver.seqs().map(Number)
  const stepsBack = seqs.flatMap((seq, at) => (at > 0 && seq <= (seqs[at - 1] ?? -1) ? [at] : []))
  for (const at of stepsBack) {
    expect(seams.some((seam) => Math.abs(seam - at) <= 1)).toBeTrue()
    expect((seqs[at - 1] ?? 0) - (seqs[at] ?? 0)).toBeLessThan(51)
  }
  tell(
    `outbox: ${killsAt.length} kills, ${EVENTS} events, ${received.length - EVENTS} told twice, each with its id`,
  )
})

test(`a backlog of ${BACKLOG} events is told in order once its receiver is back, and no unlock waits`, async () => {
  const home = await start()
  await using _ = home.service
  await addHook(home)
  receiver.answerWith(() => new Response(null, { status: 503, headers: { 'retry-after': '1' } }))
  await record(home, BACKLOG)
  await until(() => receiver.received.length > 0)
  expect(waiting()).toBe(BACKLOG)
  const times: number[] = []
  for (let lone = 0; lone < 50; lone += 1) {
    const begun = performance.now()
    await record(home, 1)
    times.push(performance.now() - begun)
  }
  const failures = receiver.received.length
  receiver.answerWith(() => new Response(null, { status: 204 }))
  const { targets } = (await (await home.get('/v1/targets', home.owner)).json()) as {
    targets: { id: string }[]
  }
  // Enabling a target is asking for it to be told at once.
  for (const { id } of targets)
    await home.patch(`/v1/targets/${id}`, { state: 'enabled' }, home.owner)
  const begun = performance.now()
  await until(() => waiting() === 0, 280_000)
  const seconds = (performance.now() - begun) / 1000
  const told = receiver.received.slice(failures)
  // At most 10,000 wait, so the oldest may have been dropped for the 50 unlocks after them.
  const dropped = new Set(droppedSeqs())
  expect(dropped.size).toBeLessThanOrEqual(50)
  const isDigest = ({ type }: { readonly type: string }): boolean => type === 'digest'
  const missed = told.filter(isDigest).map(({ data }) => Number(data['dropped']))
  expect(missed.reduce((sum, count) => sum + count, 0)).toBe(dropped.size)
  const seqs = told.filter((one) => !isDigest(one)).map(({ data }) => data['seq'])
  expect(seqs).toStrictEqual(inOrder(BACKLOG + 50).filter((seq) => !dropped.has(seq)))
  tell(
    `outbox: ${BACKLOG} of backlog told in ${seconds.toFixed(1)} s; a lone unlock meanwhile took ${times.toSorted((one, other) => one - other)[25]?.toFixed(1)} ms in the middle`,
  )
  const { status } = await runCommand(['log', 'verify'], { folder })
  expect(status).toBe(0)
})

test('a receiver that never answers delays neither an unlock nor the stop', async () => {
  const home = await start()
  await addHook(home)
  const never = Promise.withResolvers<Response>()
  receiver.answerWith(() => never.promise)
  await record(home, 3)
  await until(() => receiver.received.length === 1)
  await record(home, 3)
  expect(await home.service.stop()).toBe(0)
  expect(waiting()).toBe(6)
  never.resolve(new Response(null))
})
