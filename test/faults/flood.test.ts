import { describe, expect, test } from 'bun:test'
import { rmSync, statfsSync } from 'node:fs'
import { join } from 'node:path'
import { addAccount, tokenFor } from '../support/accounts.ts'
import { PASSWORD, bearer, clientOf } from '../support/app.ts'
import { startService, temporaryFolder } from '../support/binary.ts'
import { fillUp, inMemory, smallDisk } from '../support/small-disk.ts'
import { until } from '../support/until.ts'
import { IS_LONG, tell } from './evidence.ts'

const MIB = 1024 ** 2

/** The limits are at their defaults: each client has an address of its own, as a proxy reports it. */
const ENV = { LOG_LEVEL: 'error', TRUSTED_PROXIES: '127.0.0.1' }

const RESERVED =
  'The disk of this server is nearly full; this is refused until its owner has made room'

/** The largest events that an app can report, as many as fit in one request. */
const BATCH = JSON.stringify(
  Array.from({ length: 500 }, () => ({
    method: '\u{1F600}'.repeat(80),
    lock: 'a'.repeat(32),
    result: 'denied',
    reason: 'disabled_user_denied',
    occurred_at: '2026-01-02T00:00:00Z',
  })),
)

const from = (address: string) => ({ 'x-forwarded-for': address })
const clientNo = (number: number) => `10.1.${number >> 8}.${number & 255}`

/** A person without an account, at an address of their own. */
const newcomer = (url: string, name: string, address: string) => {
  const { post } = clientOf(url)
  const person = { username: name, password: PASSWORD, phone: '1', address: 'x' }
  const at = from(address)
  const statusAndBody = async (answer: Response) => ({
    status: answer.status,
    body: (await answer.json()) as Record<string, unknown>,
    retryAfter: Number(answer.headers.get('retry-after')),
  })
  return {
    register: async () => statusAndBody(await post('/register', person, at)),
    logIn: async () => statusAndBody(await post('/login', person, at)),
    flood: async (token: string) =>
      statusAndBody(await post('/v1/unlocks', BATCH, { ...bearer(token), ...at })),
    unlock: async (token: string) =>
      statusAndBody(
        await post('/logUnlocking', { 'unlocking-method': 'pin' }, { ...bearer(token), ...at }),
      ),
  }
}

const findDisk = async (url: string, token: string) => {
  const answer = await clientOf(url).get('/v1/doctor', bearer(token))
  const { findings } = (await answer.json()) as {
    findings: { check: string; state: string; says: string }[]
  }
  return findings.find(({ check }) => check === 'disk')
}

test('[G3] a flood of newcomers is bounded by account and by client, at the default limits', async () => {
  const folder = temporaryFolder()
  const { url, stop } = await startService({ folder, env: ENV })
  const stored = async (name: string, address: string) => {
    const { register, logIn, flood, unlock } = newcomer(url, name, address)
    expect((await register()).status).toBe(200)
    const token = String((await logIn()).body['access_token'])
    const first = await flood(token)
    const second = await flood(token)
    const lone = await unlock(token)
    return { token, first, second, lone }
  }
  const eve = await stored('eve', clientNo(1))
  // The first batch is served in full; then the day is over, in the contract's words.
  expect(eve.first.status).toBe(200)
  expect(eve.second).toMatchObject({ status: 429, body: { error: 'ratelimit exceeded' } })
  expect(eve.lone).toMatchObject({ status: 429, body: { error: 'ratelimit exceeded' } })
  expect(Object.keys(eve.lone.body)).toStrictEqual(['error'])
  expect(eve.lone.retryAfter).toBeGreaterThan(23 * 3600)
  // A further account at the same address has no day of its own, one elsewhere has.
  const again = await stored('mallory', clientNo(1))
  expect(again.first).toMatchObject({
    status: 429,
    body: {
      error: 'ratelimit exceeded',
      detail: expect.stringMatching(
        /^The accounts at this address that wait to be let in have recorded all unlocks of a day; try again in 2[45] hours$/,
      ),
    },
  })
  expect((await stored('trudy', clientNo(2))).first.status).toBe(200)
  expect(await stop()).toBe(0)

  // Neither day begins anew with the service.
  await using restarted = await startService({ folder, env: ENV })
  for (const [name, { token }] of [
    ['eve', eve],
    ['mallory', again],
  ] as const) {
    const { unlock } = newcomer(restarted.url, name, clientNo(1))
    expect(await unlock(token)).toMatchObject({
      status: 429,
      body: { error: 'ratelimit exceeded' },
    })
  }
  const { unlock } = newcomer(restarted.url, 'mallory', clientNo(3))
  expect((await unlock(again.token)).status).toBe(200)
  // Nor after all accounts of a client have logged out.
  for (const { token } of [eve, again])
    await clientOf(restarted.url).post('/v1/session/logout', {}, bearer(token))
  expect(await restarted.stop()).toBe(0)
  await using third = await startService({ folder, env: ENV })
  const late = newcomer(third.url, 'oscar', clientNo(1))
  expect((await late.register()).status).toBe(200)
  expect(await late.unlock(String((await late.logIn()).body['access_token']))).toMatchObject({
    status: 429,
    body: { error: 'ratelimit exceeded' },
  })
  expect(await third.stop()).toBe(0)
  rmSync(folder, { recursive: true })
})

const isRoot = process.getuid?.() === 0

describe.if(isRoot)('a disk of 100 MiB that newcomers flood (needs root, to mount one)', () => {
  const floodedDisk = async () => {
    const folder = temporaryFolder()
    const small = await smallDisk(folder, ...inMemory(100))
    const { within, outside, disk } = small
    const env = { ...ENV, DATA_DIR: join(disk, 'data') }
    await addAccount('oli', { role: 'owner', folder, env, within })
    await addAccount('ada', { folder, env, within })
    const service = await startService({ folder, env, within })
    const { url } = service
    return {
      env,
      service,
      outside,
      url,
      freeBytes: () => {
        const { bavail, bsize } = statfsSync(outside)
        return bavail * bsize
      },
      [Symbol.asyncDispose]: async () => {
        await service[Symbol.asyncDispose]()
        await small[Symbol.asyncDispose]()
        rmSync(folder, { recursive: true, force: true })
      },
    }
  }

  test('[G3, D4] a reserve stays: members unlock, the owner sees it, closes, disables and erases, and what was erased is given back', async () => {
    await using flooded = await floodedDisk()
    const { url, outside, freeBytes, service } = flooded
    const { get, patch, delete: remove } = clientOf(url)
    const ada = newcomer(url, 'ada', '10.9.0.1')
    const adasToken = await tokenFor(url, 'ada')
    // So the owner's device is known, and no stranger's guesses lock it out.
    await tokenFor(url, 'oli')
    const grace = newcomer(url, 'grace', '10.9.0.2')
    expect((await grace.register()).status).toBe(200)

    // At default limits one client brings a megabyte a day, so most of the disk is filled beforehand.
    const makeRoom = fillUp(outside, (IS_LONG ? 95 : 74) * MIB)
    const beforeFlood = freeBytes()
    const attackers: string[] = []
    for (;;) {
      const attacker = newcomer(url, `attacker-${attackers.length}`, clientNo(attackers.length))
      const registered = await attacker.register()
      if (registered.status !== 200) {
        expect(registered).toMatchObject({
          status: 503,
          body: { msg: RESERVED },
          retryAfter: 60,
        })
        break
      }
      attackers.push(`attacker-${attackers.length}`)
      const { status, body } = await attacker.logIn()
      if (status === 200) await attacker.flood(String(body['access_token']))
    }
    expect(attackers.length).toBeGreaterThan(5)
    const afterFlood = freeBytes()
    // The reserve, but for what a second of flooding and the WAL take, however fast the machine is.
    expect(afterFlood).toBeGreaterThan(32 * MIB)

    // Newcomers and batches are refused, a member's lone unlock is not.
    expect(await grace.logIn()).toMatchObject({ status: 503, body: { msg: RESERVED } })
    expect(await ada.flood(adasToken)).toMatchObject({
      status: 503,
      body: { code: 'disk_reserved', detail: RESERVED },
    })
    expect((await ada.unlock(adasToken)).status).toBe(200)
    expect(await (await get('/readyz')).json()).toStrictEqual({ status: 'ready', disk: 'reserved' })

    // Others fill the disk down to the last reserve, and strangers guess.
    const makeMoreRoom = fillUp(join(outside, 'data'), 15 * MIB)
    await until(async () => (await get('/readyz')).status === 503)
    expect(await ada.unlock(adasToken)).toMatchObject({ status: 503, body: { msg: RESERVED } })
    const beforeGuesses = freeBytes()
    for (let guess = 0; guess < 100; guess += 1) {
      const guesser = clientOf(url)
      const body = { username: 'oli', password: `guess ${guess}` }
      const answer = await guesser.post('/login', body, from(clientNo(1000 + (guess >> 2))))
      expect(answer.status).toBe(401)
    }
    const guesses = beforeGuesses - freeBytes()
    expect(guesses).toBeLessThan(0.5 * MIB)

    // The owner is not kept out by any of it.
    const owner = bearer(await tokenFor(url, 'oli'))
    expect(await findDisk(url, owner.authorization.slice('Bearer '.length))).toMatchObject({
      state: 'fault',
      says: expect.stringContaining('only owners and admins can write'),
    })
    const metrics = await (await get('/metrics', owner)).text()
    expect(metrics).toContain('secure_lock_disk_reserve_reached 2')
    expect(metrics).toMatch(/secure_lock_disk_refusals_total\{reserve="last"\} [1-9]/)
    expect((await patch('/v1/settings', { registration: 'closed' }, owner)).status).toBe(200)
    const { people } = (await (await get('/v1/people?limit=100', owner)).json()) as {
      people: { id: string; username: string }[]
    }
    const flooding = people.filter(({ username }) => attackers.includes(username))
    expect(flooding).toHaveLength(attackers.length)
    const beforeErasing = freeBytes()
    for (const { id } of flooding.slice(0, 1))
      expect((await patch(`/v1/people/${id}`, { disabled: true }, owner)).status).toBe(200)
    for (const { id } of flooding) {
      const { status } = await remove(`/v1/people/${id}`, undefined, owner)
      expect([200, 202]).toContain(status)
    }
    const flood = beforeFlood - afterFlood
    // Most of an event is what every event has, and stays in the log: hashes, numbers, times and labels.
    // How much of the flood was text depends on how many of the clients came to write.
    await until(() => freeBytes() - beforeErasing > flood / 10)
    const given = freeBytes() - beforeErasing
    tell(
      `flood: ${attackers.length} clients took ${Math.round(flood / MIB)} MiB of the disk; erasing gave ${Math.round(given / MIB)} MiB back; 100 guesses in the last reserve took ${Math.round(guesses / 1024)} KiB`,
    )

    // With room, everybody is served again.
    makeMoreRoom()
    makeRoom()
    await until(
      async () => (await (await get('/readyz')).text()) === '{"status":"ready","disk":"low"}',
    )
    expect((await ada.unlock(adasToken)).status).toBe(200)
    expect((await ada.flood(adasToken)).status).toBe(200)
    expect((await grace.logIn()).status).toBe(200)
    expect(await service.stop()).toBe(0)
  })
})
