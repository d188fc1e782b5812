import { describe, expect, test } from 'bun:test'
import { rmSync } from 'node:fs'
import type { TestApp } from '../support/app.ts'
import { temporaryFolder } from '../support/binary.ts'
import {
  type Both,
  JSON_TYPE,
  PATHS,
  type Sent,
  leftBy,
  sendBoth,
  startBoth,
  usual,
} from '../support/both-routes.ts'
import { IS_POSTGRES } from '../support/test-server.ts'
import { fillUp, inMemory, smallDisk } from '../support/small-disk.ts'
import { until } from '../support/until.ts'

/** Of G1 to G12, these routes are concerned by G3, G5, G7 and G10, which are here, and by G6 and G12 in
 * direct-routes.test.ts. The others are about connections (G1, G2), accounts of owners (G4), streams (G8), logins (G9)
 * and reads (G11). */
describe('a direct route and Elysia’s refuse the same', () => {
  const withMember = async (env: Readonly<Record<string, string>>, isWaiting = false) => {
    const both = await startBoth(env)
    const tokens = new Map<string, string[]>()
    for (const app of both.apps) {
      tokens.set('member', [...(tokens.get('member') ?? []), await app.signIn('member')])
      if (isWaiting) await app.db.run('UPDATE account SET admitted_at_ms = NULL')
    }
    const statuses = async (times: number) => {
      const found: number[] = []
      for (const path of PATHS)
        for (let time = 0; time < times; time += 1)
          found.push(await sendBoth(both, usual(path), tokens))
      return found
    }
    return { both, statuses, [Symbol.asyncDispose]: () => both[Symbol.asyncDispose]() }
  }

  test('[G3] what is over RATE_LIMIT_UNLOCK', async () => {
    await using limited = await withMember({ RATE_LIMIT_UNLOCK: '3/minute' })
    expect(await limited.statuses(4)).toEqual([200, 200, 200, 429, 429, 429, 429, 429])
  })

  test('[G3] what is over the quota of a day', async () => {
    await using limited = await withMember({ RATE_LIMIT_UNLOCK: '60/minute', UNLOCK_QUOTA: '2' })
    expect(await limited.statuses(3)).toEqual([200, 200, 429, 429, 429, 429])
    const env = { RATE_LIMIT_UNLOCK: '60/minute', UNLOCK_QUOTA_WAITING: '1' }
    await using waiting = await withMember(env, true)
    expect(await waiting.statuses(2)).toEqual([200, 429, 429, 429])
  })

  test('[G5] what comes through a trusted proxy', async () => {
    await using trusted = await withMember({ TRUSTED_PROXIES: '127.0.0.1' })
    const tokens = new Map([
      ['member', await Promise.all(trusted.both.apps.map((app) => app.logIn('member')))],
    ])
    for (const path of PATHS)
      for (const headers of [
        { 'x-forwarded-for': '203.0.113.7, 198.51.100.4' },
        { 'x-forwarded-host': 'evil.example', 'user-agent': 'Mozilla/5.0' },
        { 'x-forwarded-proto': 'https', 'x-forwarded-host': 'lock.example' },
      ])
        await sendBoth(
          trusted.both,
          { ...usual(path), headers: { ...JSON_TYPE, ...headers } },
          tokens,
        )
  })

  test('and with CORS_ORIGINS, Elysia answers everything, since its plugin adds headers', async () => {
    await using open = await withMember({ CORS_ORIGINS: 'https://home.example' })
    open.both.reached.direct = 0
    expect(await open.statuses(1)).toEqual([200, 200])
    expect(open.both.reached.direct).toBe(2)
  })

  /** Sends to each service what is its own, and expects the same of both. Returns the status. */
  const sendOwn = async (both: Both, tokens: readonly string[], sentTo: (at: number) => Sent) => {
    const [one, other] = await Promise.all(
      both.apps.map((app, at) => leftBy(app, sentTo(at), tokens[at])),
    )
    expect(one).toEqual(other)
    return one?.answer[0]
  }

  test('[G10] an id that another account has taken', async () => {
    await using both = await startBoth()
    const tokensOf = (name: string) => Promise.all(both.apps.map((app) => app.signIn(name)))
    const [ada, eve] = [await tokensOf('ada'), await tokensOf('eve')]
    const headers = { ...JSON_TYPE, 'idempotency-key': 'unlock-1' }
    expect(await sendOwn(both, ada, () => ({ ...usual('/logUnlocking'), headers }))).toBe(200)
    const ids: string[] = []
    for (const app of both.apps)
      ids.push((await app.db.get<{ id: string }>('SELECT id FROM unlock_event'))?.id ?? '')
    const taken = (method: string) =>
      sendOwn(both, eve, (at) => ({
        ...usual('/v1/unlocks'),
        body: JSON.stringify({ id: ids[at], method }),
      }))
    for (const method of ['fingerprint', 'card']) expect(await taken(method)).toBe(409)
    // The key of one account is nothing to another.
    expect(await sendOwn(both, eve, () => ({ ...usual('/logUnlocking'), headers }))).toBe(200)
  })

  test('[G7] what finds no room in the queue of writes', async () => {
    await using limited = await withMember({})
    const { apps } = limited.both
    const progress = { held: 0, isOver: false }
    const holding = apps.map((app) =>
      app.db.transaction(async (tx) => {
        progress.held += 1
        // A unit of work that asks nothing for a while would be ended.
        while (!progress.isOver) {
          await tx.get('SELECT 1')
          await Bun.sleep(20)
        }
      }),
    )
    await until(() => progress.held === apps.length)
    const waiting = apps.map((app) => fillQueue(app))
    expect(await limited.statuses(1)).toEqual([503, 503])
    progress.isOver = true
    await Promise.all([...holding, ...waiting])
    expect(await limited.statuses(1)).toEqual([200, 200])
  })

  /** Submits units of work until there is no room for one more, and none for an unlock. */
  const fillQueue = async ({ db }: TestApp): Promise<void> => {
    const work = Array.from({ length: QUEUE_MAX }, () => db.transaction(async () => {}))
    const done = await Promise.allSettled(work)
    expect(done.some(({ status }) => status === 'rejected')).toBe(true)
  }

  /** More units of work than may wait. */
  const QUEUE_MAX = 5000

  /** Works in another folder until disposed. */
  const currentFolder = (path: string) => {
    const before = process.cwd()
    process.chdir(path)
    return { [Symbol.dispose]: () => process.chdir(before) }
  }

  /** The database of a server is on another disk. */
  const canFillDisk = process.getuid?.() === 0 && !IS_POSTGRES

  test.if(canFillDisk)('[G3, D4] what must not take the last space of a file’s disk', async () => {
    const folder = temporaryFolder()
    await using small = await smallDisk(folder, ...inMemory(100))
    await using both = await startBoth()
    // Beside a database in memory, the disk of the current folder is looked at.
    using _ = currentFolder(small.outside)
    const tokens = new Map<string, string[]>()
    for (const [name, role] of [
      ['member', 'member'],
      ['waiting', 'member'],
      ['owner', 'owner'],
    ] as const)
      tokens.set(name, await Promise.all(both.apps.map((app) => app.signIn(name, role))))
    for (const { db } of both.apps)
      await db.run("UPDATE account SET admitted_at_ms = NULL WHERE username = 'waiting'")
    const batch = JSON.stringify([{ method: 'a' }, { method: 'b' }])
    const statuses = async () => {
      // Free space is read once a second.
      for (const app of both.apps) app.clock.passedMs += 1001
      const found: Record<string, number[]> = {}
      for (const by of tokens.keys()) {
        found[by] = []
        for (const path of PATHS)
          found[by].push(await sendBoth(both, { ...usual(path), by }, tokens))
        const sent = { ...usual('/v1/unlocks'), by, body: batch }
        found[by].push(await sendBoth(both, sent, tokens))
      }
      return found
    }
    const all = [200, 200, 200]
    expect(await statuses()).toEqual({ member: all, waiting: all, owner: all })
    const makeRoom = fillUp(small.outside, 40 * 1024 ** 2)
    const lone = [200, 200, 503]
    const none = [503, 503, 503]
    expect(await statuses()).toEqual({ member: lone, waiting: none, owner: lone })
    makeRoom()
    fillUp(small.outside, 8 * 1024 ** 2)
    expect(await statuses()).toEqual({ member: none, waiting: none, owner: lone })
    rmSync(folder, { recursive: true, force: true })
  })
})
