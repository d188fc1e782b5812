import { describe, expect, test } from 'bun:test'
import type { NewDecision } from '../../../src/domain/access.ts'
import type { Attempt, AttemptAnswer } from '../../../src/locks/decisions/attempt.ts'
import { decisionKind } from '../../../src/locks/decisions/kind.ts'
import { attemptOf, idOf, insertGrant, insertLock, insertPerson } from '../../support/access.ts'
import { at, weekly } from '../../support/grants.ts'
import { openTestDatabase } from '../../support/postgres.ts'

const MINUTE_MS = 60_000

/** A home with Ada, a member, and a front door, where groups of attempts are decided as in the log. */
const home = async () => {
  const db = await openTestDatabase()
  const clock = { passedMs: 0 }
  const kind = decisionKind({ zone: () => 'Europe/Berlin', monotonicMs: () => clock.passedMs })
  const leaves: NewDecision[] = []
  await insertPerson(db, 'ada')
  const front = await insertLock(db, 'front-door')
  const decideAll = (attempts: readonly Attempt[]): Promise<AttemptAnswer[]> =>
    db.transaction(async (tx) => {
      const state = await kind.load(tx, attempts)
      const answers = attempts.map((attempt) => {
        const { answer, leaf } = kind.plan(attempt, state, leaves.length)
        if (leaf) leaves.push(leaf)
        return answer as AttemptAnswer
      })
      expect(await kind.store(tx, state)).toBe(true)
      return answers
    })
  return {
    db,
    clock,
    front,
    leaves,
    decideAll,
    /** The reason of a denial, `permitted`, or why there is no decision. */
    outcome: async (parts: Parameters<typeof attemptOf>[0] = {}): Promise<string> => {
      const [answer] = await decideAll([attemptOf(parts)])
      return answer ? outcomeOf(answer) : ''
    },
    usesOf: async (id: string) =>
      (await db.get<{ uses: number }>('SELECT uses FROM access_grant WHERE id = ?', id))?.uses,
    [Symbol.asyncDispose]: db.close,
  }
}

const outcomeOf = (answer: AttemptAnswer): string =>
  answer.status === 'decided' ? (answer.attempt.reason ?? 'permitted') : answer.status

const tally = (answers: readonly AttemptAnswer[]) =>
  Object.fromEntries(
    [...Map.groupBy(answers, outcomeOf)].map(([outcome, alike]) => [outcome, alike.length]),
  )

const ADA = `account:${idOf('ada')}`

describe('the grants of a decision', () => {
  test('are those of the account, of its role and of lower ones, for this lock and for all', async () => {
    await using place = await home()
    const { db, front, outcome } = place
    const back = await insertLock(db, 'back-door')
    for (const role of ['member', 'admin', 'owner'] as const) await insertPerson(db, role, { role })
    await insertGrant(db, { holder: ADA, locks: [front] })
    await insertGrant(db, { holder: 'role:admin', locks: [back] })
    expect(await outcome()).toBe('permitted')
    expect(await outcome({ by: 'member' })).toBe('no_grant')
    expect(await outcome({ lock: 'back-door' })).toBe('no_grant')
    for (const role of ['admin', 'owner'] as const)
      expect(await outcome({ by: role, role, lock: 'back-door' })).toBe('permitted')
    await insertGrant(db, { holder: 'role:member', locks: [''] })
    for (const by of ['member', 'ada'])
      expect(await outcome({ by, lock: 'back-door' })).toBe('permitted')
  })

  test('are those of the lower of two roles: the one that asks, and the one in the database', async () => {
    await using place = await home()
    const { db, front, outcome } = place
    await insertPerson(db, 'owner', { role: 'owner' })
    await insertGrant(db, { holder: 'role:owner', locks: [front] })
    expect(await outcome({ role: 'owner' })).toBe('no_grant')
    expect(await outcome({ by: 'owner', role: 'member' })).toBe('no_grant')
    expect(await outcome({ by: 'owner', role: 'owner' })).toBe('permitted')
  })

  test('tell one that has ended from one that was revoked, and both from none', async () => {
    await using place = await home()
    const { db, front, outcome } = place
    const holder = ADA
    expect(await outcome()).toBe('no_grant')
    await insertGrant(db, { holder, locks: [front], revokedAtMs: at('2026-11-01T00:00Z') })
    expect(await outcome()).toBe('revoked')
    await insertGrant(db, { holder, locks: [front], endsAtMs: at('2026-11-30T11:00Z') })
    expect(await outcome()).toBe('expired')
    await insertGrant(db, { holder, locks: [front], terms: weekly('wed 08:00-18:00') })
    expect(await outcome()).toBe('outside_schedule')
  })

  test('that were revoked stay so when the clock is set back', async () => {
    await using place = await home()
    const { db, front, outcome } = place
    await insertGrant(db, { holder: ADA, locks: [front], revokedAtMs: at('2030-01-01T00:00Z') })
    expect(await outcome()).toBe('revoked')
    expect(await outcome({ nowMs: 0, isDoubted: true })).toBe('revoked')
  })

  test('[4] without any time open at 1970, and others are neither expired nor open', async () => {
    await using place = await home()
    const { db, front, outcome } = place
    const in1970 = { nowMs: 7000, isDoubted: true }
    await insertGrant(db, { holder: ADA, locks: [front], endsAtMs: at('2026-01-01T00:00Z') })
    await insertGrant(db, { holder: ADA, locks: [front], terms: weekly('thu 00:00-24:00') })
    expect(await outcome(in1970)).toBe('clock_uncertain')
    await insertGrant(db, { holder: ADA, locks: [front] })
    expect(await outcome(in1970)).toBe('permitted')
  })
})

describe('who asks, and where', () => {
  test('an unknown lock and an unknown account are told from a denial', async () => {
    await using place = await home()
    expect(await place.outcome({ lock: 'no-such-door' })).toBe('unknown_lock')
    expect(await place.outcome({ by: 'nobody' })).toBe('unknown_holder')
    expect(place.leaves).toStrictEqual([])
  })

  test('an account that has ended or was disabled since its token was read is denied', async () => {
    await using place = await home()
    const { db, front, outcome, leaves } = place
    await insertGrant(db, { holder: 'role:member', locks: [front] })
    await db.run('UPDATE account SET ends_at_ms = ?', at('2026-11-30T11:00Z'))
    expect(await outcome({ nowMs: at('2026-11-30T10:59:59.999Z') })).toBe('permitted')
    expect(await outcome()).toBe('holder_disabled')
    await db.run('UPDATE account SET ends_at_ms = NULL, disabled_at_ms = 1')
    expect(await outcome()).toBe('holder_disabled')
    expect(leaves.map(({ result }) => result)).toStrictEqual(['permitted', 'denied'])
  })

  test('a lockdown of the lock or of the home refuses all but owners until it ends', async () => {
    await using place = await home()
    const { db, front, outcome } = place
    await insertPerson(db, 'owner', { role: 'owner' })
    await insertGrant(db, { holder: 'role:member', locks: [front] })
    for (const lock of [front, '']) {
      await db.run(
        'INSERT INTO lockdown (lock_id, begun_at_ms, until_ms) VALUES (?, 0, ?)',
        lock,
        at('2026-11-30T11:00Z'),
      )
      const before = { nowMs: at('2026-11-30T10:59:59.999Z') }
      expect(await outcome(before)).toBe('lockdown')
      expect(await outcome({ ...before, by: 'owner', role: 'owner' })).toBe('permitted')
      expect(await outcome()).toBe('permitted')
      await db.run('UPDATE lockdown SET until_ms = NULL')
      expect(await outcome()).toBe('lockdown')
      await db.run('DELETE FROM lockdown')
    }
  })

  test('[10] a holiday counts beside an attempt that came while the clock still stood at 1970', async () => {
    await using place = await home()
    const { db, front, decideAll } = place
    await insertGrant(db, {
      holder: ADA,
      locks: [front],
      terms: { ...weekly('fri 08:00-18:00'), holidays: 'closed' },
    })
    await db.run("INSERT INTO holiday (date, name) VALUES ('2026-12-25', 'Christmas')")
    const answers = await decideAll([
      attemptOf({ nowMs: 7000, isDoubted: true }),
      attemptOf({ nowMs: at('2026-12-25T11:00Z') }),
    ])
    expect(answers.map(outcomeOf)).toStrictEqual(['clock_uncertain', 'closed_on_holiday'])
  })

  test('[10] a holiday counts for windows that begin on it, from the next decision on', async () => {
    await using place = await home()
    const { db, front, outcome } = place
    const terms = { ...weekly('fri 08:00-18:00; thu 22:00-06:00'), holidays: 'closed' } as const
    await insertGrant(db, { holder: 'role:member', locks: [front], terms })
    const friday = { nowMs: at('2026-12-25T10:00Z') }
    expect(await outcome(friday)).toBe('permitted')
    await db.run("INSERT INTO holiday (date, name) VALUES ('2026-12-25', 'Christmas')")
    expect(await outcome(friday)).toBe('closed_on_holiday')
    expect(await outcome({ nowMs: at('2026-12-25T02:00Z') })).toBe('permitted')
  })
})

describe('a counted grant', () => {
  const sessions = (count: number) =>
    Array.from({ length: count }, (_, n) => attemptOf({ sessionId: `session-${n}` }))

  test('[3] is used up exactly once by 64 sessions in one group', async () => {
    await using place = await home()
    const { db, front, decideAll, usesOf } = place
    const id = await insertGrant(db, { holder: 'role:member', locks: [front], usesMax: 1 })
    const answers = await decideAll(sessions(64))
    expect(tally(answers)).toStrictEqual({ permitted: 1, uses_spent: 63 })
    expect(await usesOf(id)).toBe(1)
    expect(await place.outcome({ sessionId: 'session-64' })).toBe('uses_spent')
  })

  test('counts several uses of a group, and not one more than it has', async () => {
    await using place = await home()
    const { db, front, decideAll, usesOf } = place
    const id = await insertGrant(db, { holder: 'role:member', locks: [front], usesMax: 5, uses: 2 })
    const answers = await decideAll(sessions(9))
    expect(tally(answers)).toStrictEqual({ permitted: 3, uses_spent: 6 })
    const numbers = answers.map((answer) =>
      answer.status === 'decided' ? answer.attempt.useNumber : undefined,
    )
    expect(numbers.slice(0, 4)).toStrictEqual([3, 4, 5, null])
    expect(await usesOf(id)).toBe(5)
  })

  test('[3] the same id 64 times gets one leaf and 64 equal answers, also later', async () => {
    await using place = await home()
    const { db, front, decideAll, usesOf, leaves } = place
    const id = await insertGrant(db, { holder: 'role:member', locks: [front], usesMax: 1 })
    const attempt = attemptOf()
    const [first, ...repeats] = await decideAll(Array.from({ length: 64 }, () => attempt))
    repeats.push(...(await decideAll([{ ...attempt, sessionId: 'after signing in again' }])))
    expect(first).toMatchObject({ status: 'decided', isRepeat: false })
    expect(repeats).toHaveLength(64)
    for (const answer of repeats) expect({ ...answer, isRepeat: false }).toEqual(first as never)
    expect(leaves).toHaveLength(1)
    expect(await usesOf(id)).toBe(1)
    const others = [{ by: 'grace' }, { lock: 'back-door' }]
    for (const other of others)
      expect(await place.outcome({ id: attempt.id, ...other })).toBe('id_taken')
  })

  test('[3] takes no further use within 120 seconds, which a further attempt does not prolong', async () => {
    await using place = await home()
    const { db, front, outcome, usesOf } = place
    const id = await insertGrant(db, { holder: 'role:member', locks: [front], usesMax: 1 })
    const { nowMs } = attemptOf()
    for (const ms of [0, -5, 60_000, 119_000])
      expect(await outcome({ nowMs: nowMs + ms })).toBe('permitted')
    expect(await usesOf(id)).toBe(1)
    expect(await outcome({ nowMs: nowMs + 121_000 })).toBe('uses_spent')
    expect(await outcome({ nowMs: nowMs + 1, sessionId: 'another phone' })).toBe('uses_spent')
  })

  test('whose last use is gone when it is stored has the group planned again', async () => {
    await using place = await home()
    const { db, front } = place
    const kind = decisionKind({ zone: () => 'Europe/Berlin' })
    const id = await insertGrant(db, { holder: 'role:member', locks: [front], usesMax: 1 })
    await db.transaction(async (tx) => {
      const state = await kind.load(tx, [attemptOf()])
      kind.plan(attemptOf(), state, 0)
      await tx.run('UPDATE access_grant SET uses = 1 WHERE id = ?', id)
      expect(await kind.store(tx, state)).toBe(false)
    })
  })
})

describe('denials', () => {
  test('are leaves once a minute for each session and reason, and otherwise only kept for repeats', async () => {
    await using place = await home()
    const { clock, decideAll, leaves } = place
    const seqs = async (attempts: readonly Attempt[]) =>
      (await decideAll(attempts)).map((answer) =>
        answer.status === 'decided' ? answer.attempt.seq : undefined,
      )
    const [first, second] = [attemptOf(), attemptOf()]
    const other = attemptOf({ sessionId: 'other' })
    expect(await seqs([first, second, other])).toStrictEqual([0, null, 1])
    clock.passedMs += MINUTE_MS - 1
    expect(await seqs([attemptOf(), second, first])).toStrictEqual([null, null, 0])
    clock.passedMs += 1
    expect(await seqs([attemptOf()])).toStrictEqual([2])
    expect(leaves).toHaveLength(3)
  })

  test('of newcomers are few in all, and nothing else is kept of them', async () => {
    await using place = await home()
    const { db, decideAll, leaves } = place
    const names = Array.from({ length: 30 }, (_, n) => `newcomer-${n}`)
    for (const name of names) await insertPerson(db, name, { isAdmitted: false })
    const answers = await decideAll(names.map((by) => attemptOf({ by })))
    expect(tally(answers)).toStrictEqual({ not_admitted: 30 })
    expect(leaves).toHaveLength(20)
    const kept = await db.get<{ attempts: number }>('SELECT count(*) AS attempts FROM attempt')
    expect(kept?.attempts).toBe(20)
    expect(tally(await decideAll([attemptOf()]))).toStrictEqual({ no_grant: 1 })
    expect(leaves).toHaveLength(21)
  })
})
