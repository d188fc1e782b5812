import { describe, expect, test } from 'bun:test'
import { addAccount, tokenFor } from '../../support/accounts.ts'
import { basic, bearer, clientOf, PASSWORD } from '../../support/app.ts'
import { UNLIMITED, startService } from '../../support/binary.ts'
import { follow } from '../../support/stream.ts'
import { unlockTable } from '../../../src/legacy-tables/tables.ts'

const GUESSER = { 'x-forwarded-for': '203.0.113.66' }

describe('a password that somebody guessed at, at the compiled file', () => {
  test('is in the log, and no opening counts it', async () => {
    await using service = await startService({
      env: { ...UNLIMITED, TRUSTED_PROXIES: '127.0.0.1' },
    })
    const { folder, url } = service
    const { get, post } = clientOf(url)
    await addAccount('oli', { role: 'owner', folder })
    await addAccount('dora', { folder })
    const oli = bearer(await tokenFor(url, 'oli'))
    const dora = bearer(await tokenFor(url, 'dora'))
    expect((await post('/logUnlocking', { 'unlocking-method': 'pin' }, dora)).status).toBe(200)
    const door = await follow(url, oli, '?logins=0')
    const all = await follow(url, oli)
    for (let guess = 0; guess < 12; guess += 1) {
      const answer = await post('/login', { username: 'dora', password: 'wrong' }, GUESSER)
      expect(answer.status).toBe(401)
    }
    await all.until(() => all.messages.length > 0)
    // Ends both streams' wait: what comes next comes to both.
    await post('/logUnlocking', { 'unlocking-method': 'card' }, dora)
    await door.until(() => door.messages.length > 0)
    await all.until(() => all.messages.length > 1)
    expect(door.ids()).toStrictEqual([2])
    expect(all.ids()).toStrictEqual([1, 2])
    await Promise.all([door.leave(), all.leave()])

    const listed = async (query: string) => {
      const { unlocks } = (await (await get(`/v1/unlocks${query}`, oli)).json()) as {
        unlocks: { seq: number; reason: string | null }[]
      }
      return unlocks.map(({ seq, reason }) => [seq, reason])
    }
    expect(await listed('')).toStrictEqual([
      [2, null],
      [1, 'too_many_attempts'],
      [0, null],
    ])
    expect(await listed('?logins=0')).toStrictEqual([
      [2, null],
      [0, null],
    ])
    expect(await listed('?logins=0&result=denied')).toStrictEqual([])
    expect((await get('/v1/unlocks?logins=2', oli)).status).toBe(400)
    const exported = await (await get('/v1/unlocks/export?format=ndjson&logins=0', dora)).text()
    expect(exported.trim().split('\n')).toHaveLength(2)

    for (const who of [oli, dora]) {
      const stats = (await (await get('/v1/unlocks/stats', who)).json()) as {
        total: number
        methods: { method: string }[]
      }
      expect(stats.total).toBe(2)
      expect(stats.methods.map(({ method }) => method).toSorted()).toStrictEqual(['card', 'pin'])
    }
    const table = (await (await get('/getLogs', basic('oli', PASSWORD))).json()) as object
    expect(Object.keys(table)).toStrictEqual(['1', '3'])
    const page = await get('/getLogs', { ...basic('oli', PASSWORD), accept: 'text/html' })
    expect(await page.text()).toContain('2 in total.')
  })
})

test('a page of refused logins does not end the table of unlocks', async () => {
  const reasons = ['too_many_attempts', 'too_many_attempts', 'too_many_attempts', null]
  const events = reasons.map((reason, seq) => ({
    seq,
    person: undefined,
    result: reason === null ? ('unlocked' as const) : ('denied' as const),
    reason,
    source: 'observed',
    happenedAtMs: 0,
    isLate: false,
  }))
  const { page } = unlockTable(async (after, limit) => events.slice(after + 1, after + 1 + limit))
  expect(await page(0, 3)).toStrictEqual({ rows: [], next: 3 })
  const { rows, next } = await page(3, 3)
  expect(rows.map(({ id }) => id)).toStrictEqual([4])
  expect(next).toBeUndefined()
})
