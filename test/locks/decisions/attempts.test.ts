import { describe, expect, test } from 'bun:test'
import { provenLeaf } from '../../../src/unlocks/bundle/verify.ts'
import { parseVerifierKey } from '../../../src/unlocks/tlog/signed-note.ts'
import { insertGrant, insertLock } from '../../support/access.ts'
import { type TestApp, bearer, startApp } from '../../support/app.ts'
import { household } from '../../support/household.ts'
import { withoutInstance } from '../../support/metrics-token.ts'

type Decided = Readonly<Record<string, unknown>> & {
  receipt: string
  seq: number | null
  next_at: string | null
}

const MINUTE_MS = 60_000
const DAY_MS = 24 * 60 * MINUTE_MS

const newId = (): string => crypto.randomUUID()

/** A home with a front door for members, whose people are Ada (owner), Alan (admin), Grace and Hedy. */
const home = async (env: Readonly<Record<string, string>> = {}) => {
  const app = await startApp(env)
  const person = await household(app, {
    ada: 'owner',
    alan: 'admin',
    grace: 'member',
    hedy: 'member',
  })
  const front = await insertLock(app.db, 'front-door')
  const ask = (name: string, { id = newId(), lock = 'front-door' } = {}) =>
    app.post(`/v1/locks/${lock}/unlock`, { id }, bearer(person(name).token))
  return {
    app,
    front,
    person,
    ask,
    decide: async (...asked: Parameters<typeof ask>) => {
      const answer = await ask(...asked)
      expect(answer.status).toBe(200)
      return (await answer.json()) as Decided
    },
    as: (name: string) => bearer(person(name).token),
    [Symbol.asyncDispose]: app[Symbol.asyncDispose],
  }
}

const codeOf = async (answer: Response) => [
  answer.status,
  ((await answer.json()) as { code: string }).code,
]

const logSize = async ({ unlocks }: TestApp) => (await unlocks.unlockLog.head()).size

describe('an attempt', () => {
  test('is permitted with the grant, its use and a receipt that anyone can verify', async () => {
    await using place = await home()
    const { app, front, decide, as } = place
    const grant = await insertGrant(app.db, { holder: 'role:member', locks: [front], usesMax: 5 })
    const { receipt, ...answer } = await decide('grace')
    expect(answer).toStrictEqual({
      decision: 'permitted',
      reason: null,
      next_at: null,
      grant,
      use: { number: 1, max: 5 },
      repeat: false,
      seq: 0,
      delivery: 'no_controller',
    })
    const key = (await (await app.get('/v1/log/key', as('grace'))).json()) as Record<string, string>
    expect(provenLeaf(receipt, parseVerifierKey(key['verifier_key'] ?? ''))).toMatchObject({
      source: 'decided',
      result: 'permitted',
      lock: 'front-door',
    })
  })

  test('is denied with a reason and the next opening, which is an answer like any other', async () => {
    await using place = await home()
    const { app, front, decide } = place
    const startsAtMs = app.clock.nowMs + MINUTE_MS
    await insertGrant(app.db, { holder: 'role:member', locks: [front], startsAtMs })
    const { receipt, ...answer } = await decide('grace')
    expect(answer).toStrictEqual({
      decision: 'denied',
      reason: 'not_yet_valid',
      next_at: new Date(startsAtMs).toISOString(),
      grant: null,
      use: null,
      repeat: false,
      seq: 0,
      delivery: 'no_controller',
    })
    expect(receipt).toStartWith('c2sp.org/tlog-proof@v1')
  })

  test('repeated gets the same answer and receipt, and opens nothing twice', async () => {
    await using place = await home()
    const { app, front, decide, ask } = place
    const other = await insertLock(app.db, 'back-door')
    const grant = await insertGrant(app.db, {
      holder: 'role:member',
      locks: [front, other],
      usesMax: 1,
    })
    const id = newId()
    const first = await decide('grace', { id })
    expect(await decide('hedy')).toMatchObject({ reason: 'uses_spent' })
    expect(await decide('grace', { id: id.toUpperCase() })).toStrictEqual({
      ...first,
      repeat: true,
    })
    const row = await app.db.get('SELECT uses FROM access_grant WHERE id = ?', grant)
    expect(row).toStrictEqual({ uses: 1 })
    expect(await codeOf(await ask('hedy', { id }))).toStrictEqual([409, 'id_taken'])
    expect(await codeOf(await ask('grace', { id, lock: 'back-door' }))).toStrictEqual([
      409,
      'id_taken',
    ])
    expect(await logSize(app)).toBe(2)
  })

  test('at an unknown lock or without a proper id is refused, and not in the log', async () => {
    await using place = await home()
    const { app, ask } = place
    expect(await codeOf(await ask('grace', { lock: 'garage' }))).toStrictEqual([404, 'not_found'])
    expect(await codeOf(await ask('grace', { lock: 'No_Lock' }))).toStrictEqual([404, 'not_found'])
    expect(await codeOf(await ask('grace', { id: '1' }))).toStrictEqual([400, 'invalid'])
    expect(await logSize(app)).toBe(0)
  })

  test('is limited to ten a minute for each session, and counts against the limit of the account', async () => {
    await using place = await home({ RATE_LIMIT_UNLOCK: '15/minute' })
    const { app, person, ask } = place
    const statuses: number[] = []
    for (let n = 0; n < 11; n += 1) statuses.push((await ask('grace')).status)
    expect(statuses).toStrictEqual([...Array.from({ length: 10 }, () => 200), 429])
    const second = bearer(await app.logIn('grace'))
    const other = async () =>
      (await app.post('/v1/locks/front-door/unlock', { id: newId() }, second)).status
    for (let n = 0; n < 5; n += 1) expect(await other()).toBe(200)
    expect(await other()).toBe(429)
    expect((await ask('hedy')).status).toBe(200)
    expect(person('grace').id).not.toBe(person('hedy').id)
  })

  test('of someone who waits to be let in is denied, few of them are recorded, and none is kept', async () => {
    await using place = await home()
    const { app, front, decide, person } = place
    await insertGrant(app.db, { holder: 'role:member', locks: [front] })
    await app.db.run(
      'UPDATE account SET admitted_at_ms = NULL WHERE public_id = ?',
      person('grace').id,
    )
    expect(await decide('grace')).toMatchObject({ reason: 'not_admitted', next_at: null, seq: 0 })
    const counted = await decide('grace')
    expect(counted).toMatchObject({ reason: 'not_admitted', seq: null, receipt: null })
    expect(await logSize(app)).toBe(1)
    expect(await app.db.get('SELECT count(*) AS kept FROM attempt')).toStrictEqual({ kept: 1 })
  })

  test('with the token of an account that was disabled or has ended is recorded once', async () => {
    await using place = await home()
    const { app, ask, person } = place
    await app.db.run(
      'UPDATE account SET disabled_at_ms = 1 WHERE public_id = ?',
      person('grace').id,
    )
    await insertLock(app.db, 'back-door')
    for (let n = 0; n < 3; n += 1)
      expect((await ask('grace', { lock: 'back-door' })).status).toBe(401)
    await app.db.run('UPDATE account SET ends_at_ms = 1 WHERE public_id = ?', person('hedy').id)
    expect((await ask('hedy', { lock: 'made-up' })).status).toBe(401)
    const events = await app.unlocks.store.page(-1, 10)
    expect(events.map(({ reason, source, lock }) => [reason, source, lock])).toStrictEqual([
      ['disabled_user_denied', 'observed', 'back-door'],
      ['disabled_user_denied', 'observed', 'front-door'],
    ])
  })

  test('is visible to the person who asked and to admins, and to nobody else', async () => {
    await using place = await home()
    const { app, front, decide, person, as } = place
    await insertLock(app.db, 'back-door')
    const grant = await insertGrant(app.db, { holder: 'role:member', locks: [front], usesMax: 2 })
    const id = newId()
    await decide('grace', { id })
    const read = (name: string, lock = 'front-door') =>
      app.get(`/v1/locks/${lock}/attempts/${id}`, as(name))
    for (const name of ['grace', 'alan', 'ada'])
      expect(await (await read(name)).json()).toStrictEqual({
        id,
        lock: 'front-door',
        account: person('grace').id,
        decision: 'permitted',
        reason: null,
        grant,
        use: { number: 1, max: 2 },
        decided_at: new Date(app.clock.nowMs).toISOString(),
        seq: 0,
        delivery: 'no_controller',
        pass: null,
        result: null,
        failure: null,
        lock_says: null,
      })
    expect((await read('hedy')).status).toBe(404)
    expect((await read('grace', 'back-door')).status).toBe(404)
  })

  test('is counted in the metrics by decision and reason, without repeats', async () => {
    await using place = await home()
    const { app, front, decide, as } = place
    const id = newId()
    for (let n = 0; n < 2; n += 1) await decide('grace', { id })
    await insertGrant(app.db, { holder: 'role:member', locks: [front] })
    await decide('grace')
    const metrics = withoutInstance(await (await app.get('/metrics', as('ada'))).text())
    expect(metrics).toContain(
      'secure_lock_decisions_total{decision="denied",reason="no_grant"} 1\n',
    )
    expect(metrics).toContain('secure_lock_decisions_total{decision="permitted",reason=""} 1\n')
    expect(metrics).toContain('secure_lock_decisions_total{decision="denied",reason="expired"} 0\n')
  })

  test('is kept for 30 days, and its decision in the log', async () => {
    await using place = await home()
    const { app, decide } = place
    const ids = Array.from({ length: 1200 }, newId)
    await decide('grace')
    await app.db.run(
      `INSERT INTO attempt
       SELECT value, request_hash, lock_id, account_public_id, session_id, grant_id, decision,
         reason, use_number, use_max, decided_at_ms, seq, pass_id
       FROM attempt, json_each(?)`,
      JSON.stringify(ids),
    )
    const kept = async () =>
      (await app.db.get<{ n: number }>('SELECT count(*) AS n FROM attempt'))?.n
    const passDays = async (days: number) => {
      app.clock.nowMs += days * DAY_MS
      app.clock.passedMs += days * DAY_MS
      await app.locks.decisions.retention.apply()
    }
    await passDays(30)
    expect(await kept()).toBe(1201)
    await passDays(1)
    expect(await kept()).toBe(0)
    expect(await logSize(app)).toBe(1)
  })

  test('is the last of a visitor that a grant remembers for 30 days', async () => {
    await using place = await home()
    const { app, front, decide } = place
    await insertGrant(app.db, { holder: 'role:member', locks: [front], usesMax: 5 })
    await decide('grace')
    const usedBy = async () =>
      (await app.db.get<{ by: string | null }>('SELECT used_by AS by FROM access_grant'))?.by
    const passDays = async (days: number) => {
      app.clock.nowMs += days * DAY_MS
      app.clock.passedMs += days * DAY_MS
      await app.locks.decisions.retention.apply()
    }
    await passDays(30)
    expect(await usedBy()).toEndWith(front)
    await passDays(1)
    expect(await usedBy()).toBeNull()
  })

  test('[4] at 1970 is not barred by a lockdown that was over before, but by one in force', async () => {
    await using place = await home()
    const { app, front, decide } = place
    await insertGrant(app.db, { holder: 'role:member', locks: [front] })
    const begin = (untilMs: number) =>
      app.db.run(
        'INSERT INTO lockdown (lock_id, begun_at_ms, until_ms) VALUES (?, 0, ?)',
        front,
        untilMs,
      )
    const nowMs = app.clock.nowMs
    await begin(nowMs - 1)
    await app.locks.decisions.retention.apply()
    app.clock.nowMs = 7000
    expect(await decide('grace')).toMatchObject({ decision: 'permitted' })
    app.clock.nowMs = nowMs
    // A clock that is years ahead ends nothing for good.
    await begin(nowMs + DAY_MS)
    app.clock.nowMs = nowMs + 3000 * DAY_MS
    await app.locks.decisions.retention.apply()
    app.clock.nowMs = nowMs
    expect(await decide('grace')).toMatchObject({ reason: 'lockdown' })
  })

  test('[4] at 1970 is permitted by a grant without times, with an uncertain time, and by no other', async () => {
    await using place = await home()
    const { app, front, ask } = place
    // Tokens do not fit a clock that was set back: the phone asks with one from then.
    await insertGrant(app.db, {
      holder: `account:${place.person('hedy').id}`,
      locks: [front],
      endsAtMs: app.clock.nowMs + MINUTE_MS,
    })
    await insertGrant(app.db, { holder: `account:${place.person('grace').id}`, locks: [front] })
    app.clock.nowMs = 7000
    const outcomes: unknown[] = []
    for (const name of ['grace', 'hedy']) {
      const { decision, reason, seq, next_at } = (await (await ask(name)).json()) as Decided
      outcomes.push([decision, reason, next_at, seq])
    }
    expect(outcomes).toStrictEqual([
      ['permitted', null, null, 0],
      ['denied', 'clock_uncertain', null, 1],
    ])
    const events = await app.unlocks.store.page(-1, 10)
    expect(events.map(({ isTimeUncertain }) => isTimeUncertain)).toStrictEqual([true, true])
  })
})

describe('why', () => {
  const why = async (place: Awaited<ReturnType<typeof home>>, name: string, query: string) => {
    const answer = await place.app.get(`/v1/locks/front-door/access?${query}`, place.as(name))
    return { status: answer.status, json: (await answer.json()) as Record<string, unknown> }
  }

  test('is explained about anyone to admins, to members about themselves, and nothing is written', async () => {
    await using place = await home()
    const { app, front, person } = place
    const id = await insertGrant(app.db, {
      holder: `account:${person('grace').id}`,
      locks: [front],
    })
    const own = `holder=account:${person('grace').id}`
    for (const [name, query] of [
      ['grace', ''],
      ['grace', own],
      ['alan', own],
      ['ada', own],
    ] as const)
      expect((await why(place, name, query)).json).toMatchObject({
        decision: 'permitted',
        reason: null,
        next_at: null,
        grants: [{ id, role: null, decision: 'permitted', reason: null, words: 'always' }],
      })
    for (const query of [own, 'holder=role:member'])
      expect((await why(place, 'hedy', query)).status).toBe(403)
    expect((await why(place, 'alan', 'holder=role:member')).json).toMatchObject({
      decision: 'denied',
      reason: 'no_grant',
      grants: [],
    })
    const nobody = crypto.randomUUID()
    expect((await why(place, 'alan', `holder=account:${nobody}`)).status).toBe(404)
    expect((await why(place, 'alan', 'holder=grace')).status).toBe(400)
    expect((await why(place, 'alan', 'at=yesterday')).status).toBe(400)
    // Whose each of them is: one is by name, and one for everybody of a role.
    await insertGrant(app.db, { holder: 'role:member', locks: [front] })
    const both = (await why(place, 'grace', own)).json as { grants: { role: string | null }[] }
    expect(both.grants.map(({ role }) => role)).toStrictEqual([null, 'member'])
    expect(await logSize(app)).toBe(0)
    expect(await app.db.get('SELECT count(*) AS kept FROM attempt')).toStrictEqual({ kept: 0 })
  })

  test('tells the reason of each grant, of the past and of the future', async () => {
    await using place = await home()
    const { app, front } = place
    const [dayMs, nowMs] = [86_400_000, app.clock.nowMs]
    await insertGrant(app.db, {
      holder: 'role:member',
      locks: [front],
      startsAtMs: nowMs - 10 * dayMs,
      endsAtMs: nowMs - 5 * dayMs,
    })
    await insertGrant(app.db, {
      holder: 'role:member',
      locks: [''],
      startsAtMs: nowMs + 5 * dayMs,
      endsAtMs: nowMs + 10 * dayMs,
    })
    const at = async (days: number) => {
      const time = new Date(nowMs + days * dayMs).toISOString()
      const { json } = await why(place, 'grace', `at=${time}`)
      const reasons = (json['grants'] as { reason: string | null }[]).map(({ reason }) => reason)
      return [
        json['reason'],
        reasons.toSorted((one, other) => String(one).localeCompare(String(other))),
      ]
    }
    expect(await at(-11)).toStrictEqual(['not_yet_valid', ['not_yet_valid', 'not_yet_valid']])
    expect(await at(-7)).toStrictEqual([null, ['not_yet_valid', null]])
    expect(await at(0)).toStrictEqual(['not_yet_valid', ['expired', 'not_yet_valid']])
    expect(await at(7)).toStrictEqual([null, ['expired', null]])
    expect(await at(11)).toStrictEqual(['expired', ['expired', 'expired']])
  })

  test('a revoked grant stays revoked, even if the clock was wrong then', async () => {
    await using place = await home()
    const { app, front } = place
    const revokedAtMs = app.clock.nowMs + MINUTE_MS
    await insertGrant(app.db, { holder: 'role:member', locks: [front], revokedAtMs })
    expect((await why(place, 'grace', '')).json).toMatchObject({ reason: 'revoked' })
    expect(await place.decide('grace')).toMatchObject({ reason: 'revoked' })
  })
})

test('what a person may open is predicted as it is then decided, lock by lock', async () => {
  await using place = await home()
  const { app, person, decide } = place
  const { nowMs } = app.clock
  const holder = `account:${person('grace').id}`
  const grants: Readonly<Record<string, Parameters<typeof insertGrant>[1] | undefined>> = {
    open: { holder, locks: [] },
    none: undefined,
    later: { holder, locks: [], startsAtMs: nowMs + MINUTE_MS },
    ended: { holder, locks: [], startsAtMs: nowMs - DAY_MS, endsAtMs: nowMs - MINUTE_MS },
    spent: { holder, locks: [], usesMax: 1, uses: 1 },
    revoked: { holder, locks: [], revokedAtMs: nowMs - MINUTE_MS },
    disabled: { holder, locks: [] },
    visited: { holder, locks: [], usesMax: 1 },
    shut: { holder, locks: [] },
  }
  const labels = Object.keys(grants)
  for (const [label, grant] of Object.entries(grants)) {
    const lock = await insertLock(app.db, label, label === 'disabled' ? label : 'enabled')
    if (grant) await insertGrant(app.db, { ...grant, locks: [lock] })
    if (label === 'shut')
      await app.db.run('INSERT INTO lockdown (lock_id, begun_at_ms) VALUES (?, 0)', lock)
  }
  await decide('grace', { lock: 'visited' })
  const session = await app.db.get<{ id: string }>(
    `SELECT session.id
     FROM session JOIN account ON account.id = account_id
     WHERE public_id = ?`,
    person('grace').id,
  )
  const asker = {
    account: {
      id: 0,
      publicId: person('grace').id,
      username: 'grace',
      role: 'member',
      admitted: true,
    },
    address: '192.0.2.1',
    isAddressHidden: false,
    sessionId: session?.id,
  } as const
  const foreseen = await app.locks.decisions.access.mayOpen(asker, [...labels, 'gone'])
  expect(foreseen.at(-1)).toBeUndefined()
  const outcomes: unknown[] = []
  for (const lock of labels) {
    const { decision, reason, next_at } = await decide('grace', { lock })
    const nextAtMs = next_at === null ? null : Date.parse(next_at)
    outcomes.push({ mayOpen: decision === 'permitted', reason, nextAtMs })
  }
  expect<unknown[]>(foreseen.slice(0, -1)).toStrictEqual(outcomes)
  expect(new Set(foreseen.map((one) => one?.reason)).size).toBeGreaterThanOrEqual(8)
})
