import { afterAll, beforeAll, expect, test } from 'bun:test'
import { rmSync } from 'node:fs'
import { addAccount, tokenFor } from '../support/accounts.ts'
import { bearer, clientOf } from '../support/app.ts'
import { type Service, UNLIMITED, startService, temporaryFolder } from '../support/binary.ts'
import { claimed, openLog } from '../support/unlock-log.ts'
import { until } from '../support/until.ts'
import { p99 } from './attack.ts'
import { SHARE, spread, tell } from './evidence.ts'

/** Unlocks of the members whose reads are heavy. */
const EVENTS = 1_000_000 * SHARE
const MEMBERS = ['guest-1', 'guest-2', 'guest-3', 'guest-4'] as const

const ATTACK_MS = 20_000 * SHARE

/** How often other requests are answered during each read, even if the machine is busy. Before reads took turns
 * it was once, or never. */
const ANSWERED_MIN = 3

let service: Service
const tokens: Record<string, string> = {}

beforeAll(async () => {
  const folder = temporaryFolder()
  const env = { ...UNLIMITED, LOG_LEVEL: 'info', DATA_DIR: `${folder}/data` }
  for (const name of ['phone', ...MEMBERS]) await addAccount(name, { folder, env })
  await addAccount('oli', { role: 'owner', folder, env })
  await using app = await openLog(`${folder}/data`)
  for (let seq = 0; seq < EVENTS; seq += 500) {
    const username = MEMBERS[Math.floor((seq / EVENTS) * MEMBERS.length)] ?? MEMBERS[0]
    const account = await app.db.get<{ id: string }>(
      'SELECT public_id AS id FROM account WHERE username = ?',
      username,
    )
    await app.unlocks.unlockLog.append(
      Array.from({ length: 500 }, (_, at) => ({
        ...claimed(seq + at, username),
        accountPublicId: account?.id ?? '',
      })),
    )
  }
  service = await startService({ folder, env })
  for (const name of ['phone', 'oli', ...MEMBERS]) tokens[name] = await tokenFor(service.url, name)
})

afterAll(async () => {
  await service[Symbol.asyncDispose]()
  rmSync(service.folder, { recursive: true, force: true })
})

const headersOf = (name: string) => bearer(tokens[name] ?? '')

/** Reads an answer to its end; returns its status and the number of its lines. */
const readAll = async (name: string, path: string) => {
  const answer = await clientOf(service.url).get(path, headersOf(name))
  let lines = 0
  for await (const chunk of answer.body ?? [])
    for (const byte of chunk) if (byte === NEWLINE) lines += 1
  return { status: answer.status, retryAfter: answer.headers.get('retry-after'), lines }
}

const NEWLINE = 10

/** Lets a phone unlock, and something ask `/livez`, one after the other until the work is done. */
const beside = async <Result>(what: string, work: Promise<Result>): Promise<Result> => {
  const { post, get } = clientOf(service.url)
  const progress = { isOver: false }
  const done = work.finally(() => {
    progress.isOver = true
  })
  const repeated = async (ask: () => Promise<Response>) => {
    const times: number[] = []
    while (!progress.isOver) {
      const begun = performance.now()
      const answer = await ask()
      await answer.arrayBuffer()
      expect(answer.status).toBe(200)
      times.push(performance.now() - begun)
    }
    return times
  }
  const unlock = () => post('/logUnlocking', { 'unlocking-method': 'pin' }, headersOf('phone'))
  const [result, unlocks, lives] = await Promise.all([
    done,
    repeated(unlock),
    repeated(() => get('/livez')),
  ])
  tell(
    `${what} of ${EVENTS} events: ${unlocks.length} unlocks, ${spread(unlocks)}, p99 ${p99(unlocks).toFixed(0)} ms; ` +
      `${lives.length} times /livez, p99 ${p99(lives).toFixed(0)} ms`,
  )
  // Of unlocks, a slow disk may make fewer.
  expect(lives.length).toBeGreaterThan(ANSWERED_MIN)
  return result
}

/** Follows the log from its beginning until all its events have arrived. */
const resumeFromStart = async () => {
  const leaving = new AbortController()
  const answer = await fetch(`${service.url}/v1/unlocks/stream`, {
    headers: { ...headersOf('oli'), 'last-event-id': '0' },
    signal: leaving.signal,
  })
  let lines = 0
  for await (const chunk of answer.body ?? []) {
    for (const byte of chunk) if (byte === NEWLINE) lines += 1
    if (lines >= LINES_PER_EVENT * (EVENTS - 1)) break
  }
  leaving.abort()
  return answer.status
}

const LINES_PER_EVENT = 4
const STATISTICS = 50

test('[G7] a phone unlocks beside an export, a stream from the beginning, statistics and the tables', async () => {
  const exported = await beside('export', readAll('oli', '/v1/unlocks/export?format=ndjson'))
  expect(exported.status).toBe(200)
  expect(exported.lines).toBeGreaterThanOrEqual(EVENTS)
  expect(await beside('stream', resumeFromStart())).toBe(200)
  expect((await beside('/getLogs', readAll('oli', '/getLogs'))).status).toBe(200)
  // Each takes milliseconds.
  const statistics = async () => {
    for (let asked = 0; asked < STATISTICS; asked += 1)
      expect((await readAll('oli', '/v1/unlocks/stats')).status).toBe(200)
  }
  await beside(`${STATISTICS} × /v1/unlocks/stats`, statistics())
})

test('[G7] a phone unlocks while four members ask for statistics and exports as often as they can', async () => {
  for (const path of ['/v1/unlocks/stats', '/v1/unlocks/export?format=csv']) {
    const end = performance.now() + ATTACK_MS
    const statuses = new Set<number>()
    const asking = async (name: string) => {
      while (performance.now() < end || statuses.size < 2) {
        const { status, retryAfter } = await readAll(name, path)
        expect(retryAfter).toBe(status === 429 ? '2' : null)
        statuses.add(status)
      }
    }
    const askers = MEMBERS.flatMap((name) => [1, 2, 3, 4, 5, 6].map(() => asking(name)))
    await beside(`four members’ ${path}`, Promise.all(askers))
    expect(statuses).toStrictEqual(new Set([200, 429]))
  }
})

test('[G7] a read ends when its client is gone', async () => {
  // It was neither answered nor refused. The client may be too early or too late for that.
  await until(async () => {
    const leaving = new AbortController()
    const asked = clientOf(service.url).get('/v1/unlocks/stats', headersOf('oli'))
    const left = fetch(`${service.url}/v1/unlocks/stats`, {
      headers: headersOf(MEMBERS[0]),
      signal: leaving.signal,
    }).catch(() => undefined)
    await Bun.sleep(10)
    leaving.abort()
    await Promise.all([left, asked])
    return service.output().log.includes('"status":499')
  })
})
