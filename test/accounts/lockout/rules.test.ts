import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import {
  type Counters,
  LOCKOUT_KINDS,
  type LockoutKind,
  type Outcome,
  NO_FAILURES,
  evaluateAttempt,
} from '../../../src/accounts/lockout/rules.ts'

const HOUR_MS = 3_600_000
const NONE: Counters = { client: NO_FAILURES, name: NO_FAILURES, client_at_name: NO_FAILURES }

/** The counters after many clients have guessed at one name in turn. */
const door = () => {
  const clients = new Map<number, Counters>()
  let name = NO_FAILURES
  let atMs = 0
  return {
    pass: (ms: number) => void (atMs += ms),
    name: () => name,
    clientAtName: (client: number) => clients.get(client)?.client_at_name ?? NO_FAILURES,
    attempt: (client: number, outcome: Outcome, isKnown = false) => {
      const counters = { ...(clients.get(client) ?? NONE), name }
      const evaluation = evaluateAttempt({ outcome, counters, isKnown, atMs })
      if (!evaluation.passes) {
        clients.set(client, evaluation.after)
        name = evaluation.after.name
      }
      return evaluation
    },
  }
}

const lockoutMs = (
  evaluation: ReturnType<typeof evaluateAttempt>,
  kind: LockoutKind,
): number | undefined =>
  evaluation.passes
    ? undefined
    : evaluation.started.find((started) => started.kind === kind)?.durationMs

describe('lockouts after failed logins', () => {
  test('[P4] grow from 30 seconds to an hour after ten failures of a client at a name', () => {
    const { attempt, pass } = door()
    const lockouts: (number | undefined)[] = []
    for (let failure = 1; failure <= 19; failure += 1) {
      const durationMs = lockoutMs(attempt(1, 'wrong'), 'client_at_name')
      lockouts.push(durationMs && durationMs / 1000)
      pass(durationMs ?? 0)
    }
    expect(lockouts.slice(0, 9)).toStrictEqual(Array.from({ length: 9 }, () => undefined))
    expect(lockouts.slice(9)).toStrictEqual([30, 60, 120, 240, 480, 960, 1920, 3600, 3600, 3600])
  })

  test('[P4] after a hundred failures at a name, all strangers are locked out', () => {
    const { attempt, pass } = door()
    for (let failure = 0; failure < 100; failure += 1)
      expect(lockoutMs(attempt(failure, 'wrong'), 'name')).toBe(failure === 99 ? 30_000 : undefined)
    expect(attempt(200, 'right').passes).toBe(false)
    pass(29_999)
    expect(attempt(200, 'right').passes).toBe(false)
    pass(1)
    expect(lockoutMs(attempt(201, 'wrong'), 'name')).toBe(60_000)
    pass(60_000)
    expect(attempt(200, 'right').passes).toBe(true)
  })

  test('[P5] one client alone, however patient, locks nobody else out', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(2 * HOUR_MS), { maxLength: 300 }), (pauses) => {
        const { attempt, pass, name } = door()
        for (const pauseMs of pauses) {
          pass(pauseMs)
          attempt(1, 'wrong')
        }
        expect(name().failures).toBeLessThanOrEqual(10)
        expect(attempt(2, 'right').passes).toBe(true)
      }),
    )
  })

  test('[P5] a known client is locked out by its own failures only', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(50), { maxLength: 400 }), (clients) => {
        const { attempt } = door()
        for (const client of clients) attempt(client, 'wrong')
        expect(attempt(99, 'right', true).passes).toBe(true)
        for (let failure = 1; failure <= 10; failure += 1) attempt(99, 'wrong', true)
        expect(attempt(99, 'right', true).passes).toBe(false)
      }),
    )
  })

  test('[P4] during a lockout every attempt is refused, even with the right password, and makes no lockout longer', () => {
    const counter = fc.record({
      failures: fc.nat(200),
      lockedUntilMs: fc.option(fc.integer({ min: 1, max: 100 })),
    })
    const attempts = fc.record({
      outcome: fc.constantFrom<Outcome>('right', 'unfinished', 'wrong'),
      counters: fc.record({ client: counter, name: counter, client_at_name: counter }),
      isKnown: fc.boolean(),
      atMs: fc.nat(100),
    })
    fc.assert(
      fc.property(attempts, (attempt) => {
        const { counters, isKnown, atMs } = attempt
        const running = LOCKOUT_KINDS.filter((kind) => (counters[kind].lockedUntilMs ?? 0) > atMs)
        const isEvaluated = isKnown ? !running.includes('client_at_name') : running.length === 0
        const evaluation = evaluateAttempt(attempt)
        expect(evaluation.passes).toBe(isEvaluated && attempt.outcome !== 'wrong')
        if (evaluation.passes) return
        for (const kind of running) expect(evaluation.after[kind]).toStrictEqual(counters[kind])
        if (isEvaluated) return
        for (const kind of ['name', 'client_at_name'] as const)
          expect(evaluation.after[kind]).toStrictEqual(counters[kind])
      }),
    )
  })

  test('[P4] a client that fails a hundred times across all names is locked out where it is not known', () => {
    const hundred = { failures: 99, lockedUntilMs: null }
    const counters = { ...NONE, client: hundred }
    const last = evaluateAttempt({ outcome: 'wrong', counters, isKnown: false, atMs: 0 })
    expect(lockoutMs(last, 'client')).toBe(30_000)
    const lockedOut = { ...NONE, client: { failures: 100, lockedUntilMs: 30_000 } }
    const at = (isKnown: boolean, atMs: number) =>
      evaluateAttempt({ outcome: 'right', counters: lockedOut, isKnown, atMs }).passes
    expect([at(false, 29_999), at(true, 29_999), at(false, 30_000)]).toStrictEqual([
      false,
      true,
      true,
    ])
  })
})
