import { describe, expect, test } from 'bun:test'
import { bearer, recordsOf } from '../../support/app.ts'
import { drivenHome } from '../../support/driven-home.ts'
import { outcomeOf } from '../../support/household.ts'

const PATH = '/v1/locks/front-door/slots'
const HOUR_MS = 3_600_000

const iso = (ms: number): string => new Date(ms).toISOString()

const slotsOf = async (home: Awaited<ReturnType<typeof drivenHome>>) =>
  ((await (await home.get(PATH, home.ada)).json()) as { slots: object[] }).slots

describe('slots of a lock', () => {
  test('are given to people by owners, and audited', async () => {
    await using home = await drivenHome()
    const account = home.person('grace').id
    const put = await home.put(`${PATH}/2`, { account: account.toUpperCase() }, home.ada)
    expect([put.status, await put.json()]).toMatchObject([
      200,
      { slot: '2', account, valid_to: null },
    ])
    expect(await outcomeOf(await home.put(`${PATH}/auth-77`, { account }, home.ada))).toBe('done')
    expect(await slotsOf(home)).toMatchObject([{ slot: '2' }, { slot: 'auth-77' }])
    expect(
      recordsOf(home.logLines, 'lock.slot').map(({ subject, detail }) => [subject, detail]),
    ).toStrictEqual([
      [account, { lock: 'front-door', slot: '2' }],
      [account, { lock: 'front-door', slot: 'auth-77' }],
    ])
  })

  test('never overlap: a later owner of a slot ends the one before', async () => {
    await using home = await drivenHome()
    const nowMs = Date.now()
    const [ada, grace] = [home.person('ada').id, home.person('grace').id]
    const give = (account: string, fromMs: number, toMs?: number) =>
      home.put(
        `${PATH}/2`,
        {
          account,
          valid_from: iso(fromMs),
          ...(toMs === undefined ? {} : { valid_to: iso(toMs) }),
        },
        home.ada,
      )
    await give(grace, nowMs - HOUR_MS)
    await give(ada, nowMs + HOUR_MS, nowMs + 2 * HOUR_MS)
    expect(await slotsOf(home)).toMatchObject([
      { account: grace, valid_from: iso(nowMs - HOUR_MS), valid_to: iso(nowMs + HOUR_MS) },
      { account: ada, valid_from: iso(nowMs + HOUR_MS), valid_to: iso(nowMs + 2 * HOUR_MS) },
    ])
    await give(ada, nowMs - HOUR_MS)
    expect(await slotsOf(home)).toMatchObject([{ account: ada, valid_to: null }])
  })

  test('are nobody’s once they are removed', async () => {
    await using home = await drivenHome()
    const account = home.person('grace').id
    const remove = async () => outcomeOf(await home.delete(`${PATH}/2`, {}, home.ada))
    expect(await remove()).toBe('404 not_found')
    await home.put(
      `${PATH}/2`,
      { account, valid_from: iso(home.clock.wallMs() - HOUR_MS) },
      home.ada,
    )
    expect(await remove()).toBe('done')
    expect(await remove()).toBe('404 not_found')
    expect(await slotsOf(home)).toMatchObject([{ account, valid_to: expect.any(String) }])
  })

  test('need a person, a number and an end after the beginning', async () => {
    await using home = await drivenHome()
    const account = home.person('grace').id
    const put = async (slot: string, body: object) =>
      outcomeOf(await home.put(`${PATH}/${slot}`, body, home.ada))
    expect(await put('2', { account: crypto.randomUUID() })).toBe('404 not_found')
    expect(await put('2', {})).toBe('400 invalid')
    expect(await put('2', { account, valid_from: '2026-02-30T00:00:00Z' })).toBe('400 invalid')
    expect(await put('2', { account, valid_to: '2020-01-01T00:00:00Z' })).toBe('400 invalid')
    for (const slot of ['front', '02', '-1', 'auth-'])
      expect(await put(slot, { account })).toMatch(/^40[04] /)
  })

  test('are in the export of the person whose they are', async () => {
    await using home = await drivenHome()
    const account = home.person('grace').id
    const slotsIn = async () => {
      const answer = await home.get('/v1/me/export', bearer(home.person('grace').token))
      return ((await answer.json()) as { slots: unknown }).slots
    }
    expect(await slotsIn()).toStrictEqual([])
    await home.put(`${PATH}/2`, { account, valid_from: iso(0) }, home.ada)
    expect(await slotsIn()).toStrictEqual([
      { lock: 'front-door', slot: '2', account, valid_from: iso(0), valid_to: null },
    ])
  })

  test('are no business of members', async () => {
    await using home = await drivenHome()
    const grace = bearer(home.person('grace').token)
    expect(await outcomeOf(await home.get(PATH, grace))).toBe('403 forbidden')
  })
})
