import { describe, expect, test } from 'bun:test'
import { cpSync, existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { shownAddress } from '../../../src/config/postgres-address.ts'
import { DAY_MS, MINUTE_MS } from '../../../src/domain/duration.ts'
import { KEY_FILES } from '../../../src/storage/files/data-dir.ts'
import { addAccount, tokenFor } from '../../support/accounts.ts'
import { PASSWORD, bearer, clientOf } from '../../support/app.ts'
import { UNLIMITED, startService, temporaryFolder } from '../../support/binary.ts'
import { CAN_FAKE, fakeTime } from '../../support/faketime.ts'
import { CAN_POSTGRES } from '../../support/postgres-server.ts'
import { enrol } from '../../support/second-factor.ts'
import { startReplicas, useServer } from '../../support/replicas.ts'
import { until } from '../../support/until.ts'

type Event = { seq: number; received_at: string; time_uncertain: boolean }

describe.if(CAN_POSTGRES && CAN_FAKE)('replicas whose clocks are ten minutes wrong', () => {
  const place = useServer()

  test('act as one: tokens, refreshes, lockouts, limits and times go by the clock of the database', async () => {
    const { postgres } = place()
    const env = {
      ...UNLIMITED,
      RATE_LIMIT_DEFAULT: '100/hour',
      DATABASE_URI: shownAddress(postgres),
    }
    const folders = [temporaryFolder(), temporaryFolder(), temporaryFolder()]
    const [keys = ''] = folders
    await addAccount('oli', { role: 'owner', folder: keys, env })
    for (const folder of folders.slice(1))
      for (const name of Object.values(KEY_FILES))
        if (existsSync(join(keys, 'data', name)))
          cpSync(join(keys, 'data', name), join(folder, 'data', name))
    await using started = new AsyncDisposableStack()
    const services = []
    for (const [at, time] of ['+0', '-10m', '+10m'].entries())
      services.push(
        started.use(
          await startService({ folder: folders[at] ?? '', env: { ...env, ...fakeTime(time) } }),
        ),
      )
    const clients = services.map(({ url }) => clientOf(url))
    for (const { url } of services) {
      // Each token is valid at once at all of them.
      const token = bearer(await tokenFor(url, 'oli'))
      for (const { get, post } of clients) {
        // Controllers and phones of guests check their clocks against the date of the answer.
        const saysMs = Date.parse((await get('/livez')).headers.get('date') ?? '')
        expect(Math.abs(saysMs - Date.now())).toBeLessThan(5 * MINUTE_MS)
        const answer = await post('/v1/unlocks', [{ method: 'pin' }], token)
        expect(answer.status).toBe(200)
      }
    }
    const client = (at: number) => clients[at] ?? clientOf('')
    const token = bearer(await tokenFor(client(0).url, 'oli'))
    const page = await client(0).get('/v1/unlocks?order=seq&limit=50', token)
    const { unlocks: events } = (await page.json()) as { unlocks: Event[] }
    expect(events).toHaveLength(9)
    const times = events
      .toSorted((one, other) => one.seq - other.seq)
      .map(({ received_at: at }) => Date.parse(at))
    expect(times).toStrictEqual(times.toSorted((one, other) => one - other))
    for (const at of times) expect(Math.abs(at - Date.now())).toBeLessThan(5 * MINUTE_MS)
    expect(events.filter(({ time_uncertain: isUncertain }) => isUncertain)).toBeEmpty()

    // A phone that lost the answer of one replica repeats its request at another.
    const refresh = async (at: number, given: string): Promise<string> => {
      const answer = await client(at).post('/v1/session/refresh', { refresh_token: given })
      expect(answer.status).toBe(200)
      return ((await answer.json()) as { refresh_token: string }).refresh_token
    }
    const login = await client(2).post('/login', { username: 'oli', password: PASSWORD })
    const { refresh_token: given } = (await login.json()) as { refresh_token: string }
    const next = await refresh(2, given)
    expect(await refresh(1, given)).toBe(next)
    await refresh(0, next)

    // A code of the second factor is checked against a clock that agrees with that of the phone.
    const { recoveryCodes } = await enrol(client(1), await tokenFor(client(2).url, 'oli'))
    expect(recoveryCodes).not.toBeEmpty()

    // Failed logins are counted together, and the lockout ends at the same time everywhere.
    for (let tries = 0; tries < 12; tries += 1)
      await client(tries % 3).post('/login', { username: 'oli', password: 'wrong' })
    for (const { post } of clients)
      expect((await post('/login', { username: 'oli', password: PASSWORD })).status).not.toBe(200)

    // A client that has used up a limit at one of them has to wait as long at the others.
    for (let sent = 0; sent < 100; sent += 1)
      expect((await client(0).get('/nowhere')).status).toBe(404)
    for (const { get } of clients) {
      let admitted = 0
      await until(async () => {
        const { status, headers } = await get('/nowhere')
        if (status !== 429) admitted += 1
        else expect(Number(headers.get('retry-after'))).toBeWithin(3000, 3601)
        return status === 429
      })
      expect(admitted).toBeLessThan(100)
    }
    for (const folder of folders) rmSync(folder, { recursive: true, force: true })
  })
})

describe.if(CAN_POSTGRES)('the time of a leaf', () => {
  const place = useServer()

  test('is never before that of the leaf before it, however wrong that was', async () => {
    let aheadMs = 0
    const wrong = { wallMs: () => Date.now() + aheadMs }
    await using home = await startReplicas(2, place(), { clocks: [wrong] })
    const [one, other] = home.replicas
    if (!one || !other) throw new Error('they were not opened')
    const token = bearer(await other.signIn('oli', 'owner'))
    await other.unlocks.unlockLog.append([event()])
    aheadMs = 999 * DAY_MS
    await one.unlocks.unlockLog.append([event()])
    await other.unlocks.unlockLog.append([event()])
    aheadMs = 0
    await one.unlocks.unlockLog.append([event()])
    const { unlocks } = (await (await other.get('/v1/unlocks', token)).json()) as {
      unlocks: Event[]
    }
    const times = unlocks
      .toSorted((a, b) => a.seq - b.seq)
      .map(({ received_at: at, time_uncertain: isUncertain }) => ({
        atMs: Date.parse(at),
        isUncertain,
      }))
    const all = times.map(({ atMs }) => atMs)
    expect(all).toStrictEqual(all.toSorted((a, b) => a - b))
    expect(times.map(({ isUncertain }) => isUncertain)).toStrictEqual([false, true, true, true])
  })
})

const event = () => ({
  accountPublicId: 'account-of-ada',
  username: 'ada',
  method: 'pin',
  lock: 'front-door',
  result: 'unlocked' as const,
  reason: null,
  source: 'claimed' as const,
  occurredAtMs: null,
})
