import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { certainTime } from '../../src/domain/certain-time.ts'
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../src/domain/duration.ts'

const NOON_MS = Date.UTC(2026, 10, 22, 12)

const clocks = ({ wallMs = NOON_MS, newestMs = 0 } = {}) => {
  const state = { wallMs, monotonicMs: 5000 }
  const read = certainTime({
    clock: { wallMs: () => state.wallMs, monotonicMs: () => state.monotonicMs },
    newestMs,
  })
  /** Lets time pass, while the wall clock may jump. */
  return (ms: number, jumpMs = 0): number => {
    state.monotonicMs += ms
    state.wallMs += ms + jumpMs
    return read()
  }
}

test('[D6] follows the wall clock, and trusts a jump only after ten minutes without another', () => {
  const pass = clocks()
  expect(pass(1000)).toBe(NOON_MS + 1000)
  expect(pass(1000, DAY_MS)).toBe(NOON_MS + 2000)
  expect(pass(10 * MINUTE_MS - 1)).toBe(NOON_MS + 2000 + 10 * MINUTE_MS - 1)
  expect(pass(1)).toBe(NOON_MS + 2000 + 10 * MINUTE_MS + DAY_MS)
})

test('[D6] continues at its own pace while the wall clock is behind, as in 1970 or after it is set back', () => {
  const pass = clocks({ wallMs: 0, newestMs: NOON_MS })
  expect(pass(0)).toBe(NOON_MS)
  expect(pass(HOUR_MS)).toBe(NOON_MS + HOUR_MS)
  // A clock that was plainly wrong is trusted as soon as it is corrected.
  expect(pass(0, NOON_MS + DAY_MS)).toBe(NOON_MS + HOUR_MS + DAY_MS)
  expect(pass(HOUR_MS, -3 * DAY_MS)).toBe(NOON_MS + 2 * HOUR_MS + DAY_MS)
})

test('[D6] knows no time of day before 2026, if the log is empty', () => {
  const pass = clocks({ wallMs: 0 })
  expect(pass(DAY_MS)).toBeLessThan(2 * DAY_MS)
})

test('[D6] never runs backwards, and is never ahead of both the wall clock and the time that passed', () => {
  const steps = fc.array(
    fc.tuple(
      fc.integer({ min: 0, max: HOUR_MS }),
      fc.oneof(fc.constant(0), fc.integer({ min: -100 * DAY_MS, max: 100 * DAY_MS })),
    ),
    { maxLength: 30 },
  )
  fc.assert(
    fc.property(steps, fc.integer({ min: 0, max: NOON_MS + DAY_MS }), (moves, newestMs) => {
      const pass = clocks({ newestMs })
      let wallMs = NOON_MS
      let last = pass(0)
      for (const [ms, jumpMs] of moves) {
        wallMs += ms + jumpMs
        const now = pass(ms, jumpMs)
        expect(now).toBeGreaterThanOrEqual(last + ms)
        expect(now).toBeLessThanOrEqual(Math.max(last + ms, wallMs))
        last = now
      }
    }),
  )
})
