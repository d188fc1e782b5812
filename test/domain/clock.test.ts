import { expect, test } from 'bun:test'
import { clockFrom, monotonicEpochClock } from '../../src/domain/clock.ts'

const DAY_MS = 86_400_000
const NOON_MS = Date.UTC(2026, 10, 22, 12)

const clocks = () => {
  const state = { day: NOON_MS, steady: 5000 }
  const { nonDecreasingMs: read } = clockFrom({
    wallMs: () => state.day,
    monotonicMs: () => state.steady,
  })
  /** Lets time pass, while the clock of the day may jump. */
  const pass = (ms: number, jumpMs = 0) => {
    state.steady += ms
    state.day += ms + jumpMs
    return read()
  }
  return { read, pass }
}

test('follows the clock of the day while that runs forward', () => {
  const { read, pass } = clocks()
  expect(read()).toBe(NOON_MS)
  expect(pass(1000)).toBe(NOON_MS + 1000)
  expect(pass(1000, DAY_MS)).toBe(NOON_MS + DAY_MS + 2000)
})

test('[D6] goes on at its own pace while the clock of the day is set back', () => {
  const { pass } = clocks()
  expect(pass(1000, -DAY_MS)).toBe(NOON_MS + 1000)
  expect(pass(1000)).toBe(NOON_MS + 2000)
  expect(pass(1000, DAY_MS)).toBe(NOON_MS + 3000)
})

test('[D6] never runs backwards, however often the clock of the day jumps', () => {
  const { pass } = clocks()
  let last = 0
  for (const jumpMs of [0, DAY_MS, -DAY_MS, -3 * DAY_MS, 1, 2 * DAY_MS, -NOON_MS, 0.5]) {
    const now = pass(10, jumpMs)
    expect(now).toBeGreaterThanOrEqual(last + 9)
    expect(Number.isInteger(now)).toBe(true)
    last = now
  }
})

test('[D6] a paced clock follows no jump either way', () => {
  const elapsed = { ms: 7 }
  const read = monotonicEpochClock(NOON_MS, () => elapsed.ms)
  expect(read()).toBe(NOON_MS)
  elapsed.ms += 1234.5
  expect(read()).toBe(NOON_MS + 1234)
})
