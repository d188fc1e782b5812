import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { waitAfter, waitUntilDue } from '../../../src/outbox/sending/retry.ts'

const RETRIES_MS = [5000, 300_000, 1_800_000]

describe('after a failed attempt', () => {
  test('the wait is that of the schedule, up to a tenth more or less, and then there is none', () => {
    fc.assert(
      fc.property(
        fc.nat({ max: 5 }),
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        (n, random) => {
          const wait = waitAfter({ attempts: n + 1 }, RETRIES_MS, () => random)
          const planned = RETRIES_MS[n]
          if (planned === undefined) expect(wait).toBeUndefined()
          else expect(Math.abs((wait ?? 0) - planned)).toBeLessThanOrEqual(planned / 10)
        },
      ),
    )
  })

  test('Retry-After makes it longer, never shorter, and by a day at most', () => {
    const middle = () => 0.5
    const after = (retryAfterMs: number) =>
      waitAfter({ attempts: 1, retryAfterMs }, RETRIES_MS, middle)
    expect(after(1)).toBe(5000)
    expect(after(60_000)).toBe(60_000)
    expect(after(1e12)).toBe(86_400_000)
  })
})

describe('after a start', () => {
  test('an attempt waits until it was due, wherever the clock stands now', () => {
    const row = { attempts: 2, dueAtMs: 1_000_000 }
    expect(waitUntilDue(row, RETRIES_MS, 900_000)).toBe(100_000)
    expect(waitUntilDue(row, RETRIES_MS, 2_000_000)).toBe(0)
    const year = 365 * 86_400_000
    expect(waitUntilDue({ ...row, dueAtMs: year }, RETRIES_MS, 0)).toBe(330_000)
    expect(waitUntilDue({ attempts: 0, dueAtMs: year }, RETRIES_MS, 0)).toBe(0)
  })
})
