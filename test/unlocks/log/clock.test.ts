import { expect, test } from 'bun:test'
import { unlockLogClock } from '../../../src/unlocks/log/clock.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 3_600_000
const DAY_MS = 86_400_000
const NOON_MS = Date.UTC(2026, 10, 22, 12)

const clocks = ({ startMs = NOON_MS, newestMs = 0 } = {}) => {
  const state = { day: startMs, steady: 0 }
  const read = unlockLogClock({ now: () => state.day, monotonic: () => state.steady, newestMs })
  /** Lets time pass, while the clock of the day may jump; gives whether it is doubted then. */
  const isDoubted = (passedMs: number, jumpMs = 0): boolean => {
    state.steady += passedMs
    state.day += passedMs + jumpMs
    const { nowMs, isUncertain } = read()
    // Doubted or not, what the clock says is what is recorded.
    expect(nowMs).toBe(state.day)
    return isUncertain
  }
  return { isDoubted }
}

test('a clock that runs as it should is believed, also after a long rest', () => {
  const { isDoubted } = clocks({ newestMs: NOON_MS - 1 })
  expect([isDoubted(0), isDoubted(1000), isDoubted(30 * DAY_MS)]).toStrictEqual([
    false,
    false,
    false,
  ])
})

test('small corrections, as a time server makes them, raise no doubt', () => {
  const { isDoubted } = clocks()
  expect(isDoubted(10 * MINUTE_MS, MINUTE_MS)).toBe(false)
  expect(isDoubted(10 * MINUTE_MS, -MINUTE_MS)).toBe(false)
})

test('[D6] a clock before 2026 is doubted, and believed again once it is set', () => {
  const { isDoubted } = clocks({ startMs: 0 })
  expect(isDoubted(1000)).toBe(true)
  expect(isDoubted(1000, NOON_MS)).toBe(false)
})

test('[D6] a clock behind the newest event is doubted until it has caught up', () => {
  const { isDoubted } = clocks({ newestMs: NOON_MS + 5 * MINUTE_MS })
  expect(isDoubted(4 * MINUTE_MS)).toBe(true)
  expect(isDoubted(MINUTE_MS)).toBe(false)
})

test('[D6] a jump forward is doubted for ten minutes', () => {
  const { isDoubted } = clocks()
  expect(isDoubted(1000, DAY_MS)).toBe(true)
  expect(isDoubted(10 * MINUTE_MS - 1)).toBe(true)
  expect(isDoubted(1)).toBe(false)
})

test('[D6] a jump back is doubted until the time before it is reached again', () => {
  const { isDoubted } = clocks()
  expect(isDoubted(1000)).toBe(false)
  expect(isDoubted(1000, -DAY_MS)).toBe(true)
  expect(isDoubted(DAY_MS - MINUTE_MS)).toBe(true)
  expect(isDoubted(2 * MINUTE_MS)).toBe(false)
})

test('[D6] a clock set right again after a jump back is believed', () => {
  const { isDoubted } = clocks()
  expect(isDoubted(1000)).toBe(false)
  expect(isDoubted(20 * MINUTE_MS, -DAY_MS)).toBe(true)
  expect(isDoubted(20 * MINUTE_MS, DAY_MS)).toBe(false)
})

test('[D6] a clock found up to a week ahead of the newest event is believed, after a journey for one', () => {
  const { isDoubted } = clocks({ newestMs: NOON_MS - 7 * DAY_MS })
  expect(isDoubted(0)).toBe(false)
})

test('[D6] a clock found further ahead must run on for twelve hours to be believed', () => {
  const { isDoubted } = clocks({ newestMs: NOON_MS - 7 * DAY_MS - 1 })
  expect([isDoubted(0), isDoubted(12 * HOUR_MS - 1), isDoubted(1)]).toStrictEqual([
    true,
    true,
    false,
  ])
})

test('[D6] a clock found years ahead is believed soon after it is set right', () => {
  const { isDoubted } = clocks({ startMs: NOON_MS + 999 * DAY_MS, newestMs: NOON_MS })
  expect(isDoubted(HOUR_MS)).toBe(true)
  expect(isDoubted(HOUR_MS, -999 * DAY_MS)).toBe(true)
  expect(isDoubted(10 * MINUTE_MS)).toBe(false)
})

test('[D6] a clock set years ahead while it runs must run on for twelve hours to be believed', () => {
  const { isDoubted } = clocks()
  expect(isDoubted(1000)).toBe(false)
  expect(isDoubted(1000, 999 * DAY_MS)).toBe(true)
  expect(isDoubted(12 * HOUR_MS - 1)).toBe(true)
  expect(isDoubted(1)).toBe(false)
})

test('[D6] a time that was doubted does not make the right one look late afterwards', () => {
  const { isDoubted } = clocks()
  expect(isDoubted(1000)).toBe(false)
  expect(isDoubted(1000, DAY_MS)).toBe(true)
  expect(isDoubted(1000, -DAY_MS)).toBe(true)
  expect(isDoubted(10 * MINUTE_MS)).toBe(false)
})
