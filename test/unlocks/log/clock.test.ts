import { expect, test } from 'bun:test'
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../../src/domain/duration.ts'
import { readingAfter, unlockLogClock } from '../../../src/unlocks/log/clock.ts'

const NOON_MS = Date.UTC(2026, 10, 22, 12)

const clocks = ({ startMs = NOON_MS, newestMs = 0 } = {}) => {
  const state = { wallMs: startMs, monotonicMs: 0 }
  const clock = { wallMs: () => state.wallMs, monotonicMs: () => state.monotonicMs }
  const read = unlockLogClock({ clock, newestMs })
  /** Lets time pass, while the wall clock may jump; returns whether it is uncertain then. */
  const isUncertain = (passedMs: number, jumpMs = 0): boolean => {
    state.monotonicMs += passedMs
    state.wallMs += passedMs + jumpMs
    const reading = read()
    // The time of the wall clock is recorded, unless it is behind the newest certain time.
    expect(reading.nowMs).toBe(Math.max(state.wallMs, reading.newestMs))
    return reading.isUncertain
  }
  /** Lets time pass, and returns what is recorded then. */
  const recordedMs = (passedMs: number, jumpMs = 0): number => {
    state.monotonicMs += passedMs
    state.wallMs += passedMs + jumpMs
    return read().nowMs
  }
  return { isUncertain, recordedMs }
}

test('a clock that runs normally is trusted, even after a long pause', () => {
  const { isUncertain } = clocks({ newestMs: NOON_MS - 1 })
  expect([isUncertain(0), isUncertain(1000), isUncertain(30 * DAY_MS)]).toStrictEqual([
    false,
    false,
    false,
  ])
})

test('small corrections by a time server leave the clock trusted', () => {
  const { isUncertain } = clocks()
  expect(isUncertain(10 * MINUTE_MS, MINUTE_MS)).toBe(false)
  expect(isUncertain(10 * MINUTE_MS, -MINUTE_MS)).toBe(false)
})

test('[D6] a clock before 2026 is uncertain, and trusted again once it is set', () => {
  const { isUncertain } = clocks({ startMs: 0 })
  expect(isUncertain(1000)).toBe(true)
  expect(isUncertain(1000, NOON_MS)).toBe(false)
})

test('[D6] a clock behind the newest event is uncertain until it has caught up', () => {
  const { isUncertain } = clocks({ newestMs: NOON_MS + 5 * MINUTE_MS })
  expect(isUncertain(4 * MINUTE_MS)).toBe(true)
  expect(isUncertain(MINUTE_MS)).toBe(false)
})

test('[D6] after a jump forward the clock is uncertain for ten minutes', () => {
  const { isUncertain } = clocks()
  expect(isUncertain(1000, DAY_MS)).toBe(true)
  expect(isUncertain(10 * MINUTE_MS - 1)).toBe(true)
  expect(isUncertain(1)).toBe(false)
})

test('[D6] after a jump back the clock is uncertain until it reaches the time before the jump', () => {
  const { isUncertain } = clocks()
  expect(isUncertain(1000)).toBe(false)
  expect(isUncertain(1000, -DAY_MS)).toBe(true)
  expect(isUncertain(DAY_MS - MINUTE_MS)).toBe(true)
  expect(isUncertain(2 * MINUTE_MS)).toBe(false)
})

test('[D6] a clock that is set right again after a jump back is trusted', () => {
  const { isUncertain } = clocks()
  expect(isUncertain(1000)).toBe(false)
  expect(isUncertain(20 * MINUTE_MS, -DAY_MS)).toBe(true)
  expect(isUncertain(20 * MINUTE_MS, DAY_MS)).toBe(false)
})

test('[D6] a clock up to a week ahead of the newest event at the start is trusted: everyone may have been away', () => {
  const { isUncertain } = clocks({ newestMs: NOON_MS - 7 * DAY_MS })
  expect(isUncertain(0)).toBe(false)
})

test('[D6] a clock further ahead at the start is trusted after twelve hours', () => {
  const { isUncertain } = clocks({ newestMs: NOON_MS - 7 * DAY_MS - 1 })
  expect([isUncertain(0), isUncertain(12 * HOUR_MS - 1), isUncertain(1)]).toStrictEqual([
    true,
    true,
    false,
  ])
})

test('[D6] a clock years ahead at the start is trusted soon after it is set right', () => {
  const { isUncertain } = clocks({ startMs: NOON_MS + 999 * DAY_MS, newestMs: NOON_MS })
  expect(isUncertain(HOUR_MS)).toBe(true)
  expect(isUncertain(HOUR_MS, -999 * DAY_MS)).toBe(true)
  expect(isUncertain(10 * MINUTE_MS)).toBe(false)
})

test('[D6] a clock set years ahead while it runs is trusted after twelve hours', () => {
  const { isUncertain } = clocks()
  expect(isUncertain(1000)).toBe(false)
  expect(isUncertain(1000, 999 * DAY_MS)).toBe(true)
  expect(isUncertain(12 * HOUR_MS - 1)).toBe(true)
  expect(isUncertain(1)).toBe(false)
})

test('[D6] an uncertain time does not make the right one look late afterwards', () => {
  const { isUncertain } = clocks()
  expect(isUncertain(1000)).toBe(false)
  expect(isUncertain(1000, DAY_MS)).toBe(true)
  expect(isUncertain(1000, -DAY_MS)).toBe(true)
  expect(isUncertain(10 * MINUTE_MS)).toBe(false)
})

test('[D6, G14] a clock that jumps back stands at the newest certain time until it has caught up', () => {
  const { recordedMs } = clocks()
  const before = recordedMs(1000)
  expect(recordedMs(1000, -DAY_MS)).toBe(before)
  expect(recordedMs(HOUR_MS)).toBe(before)
  expect(recordedMs(DAY_MS)).toBe(NOON_MS + DAY_MS + HOUR_MS - DAY_MS + 2000)
})

test('[D6, G14] a clock behind a time that another process has recorded stands at that time', () => {
  const reading = { nowMs: NOON_MS, isUncertain: false, newestMs: NOON_MS }
  expect(readingAfter(reading, { certainMs: NOON_MS - 1 })).toStrictEqual(reading)
  expect(readingAfter(reading, { certainMs: NOON_MS })).toStrictEqual(reading)
  expect(readingAfter(reading, { certainMs: NOON_MS + 1 })).toStrictEqual({
    nowMs: NOON_MS + 1,
    isUncertain: true,
    newestMs: NOON_MS + 1,
  })
  const ahead = {
    nowMs: NOON_MS + DAY_MS,
    isUncertain: true,

    newestMs: NOON_MS,
  }
  expect(readingAfter(ahead, { certainMs: NOON_MS + 1 })).toStrictEqual({
    ...ahead,
    newestMs: NOON_MS + 1,
  })
})

test('[D6] in a log of several replicas, no time is before that of the last leaf, and clocks may be a little apart', () => {
  const reading = { nowMs: NOON_MS, isUncertain: false, newestMs: NOON_MS }
  const laterMs = NOON_MS + 20
  expect(readingAfter(reading, { certainMs: laterMs, lastMs: laterMs })).toStrictEqual({
    nowMs: laterMs,
    isUncertain: false,
    newestMs: laterMs,
  })
  const wrongMs = NOON_MS + 999 * DAY_MS
  expect(readingAfter(reading, { certainMs: NOON_MS - 1, lastMs: wrongMs })).toStrictEqual({
    nowMs: wrongMs,
    isUncertain: true,
    newestMs: NOON_MS,
  })
})

test('[D6] a clock that is ahead and doubted is recorded as it is, and does not freeze the log', () => {
  const { recordedMs } = clocks()
  expect(recordedMs(1000)).toBe(NOON_MS + 1000)
  expect(recordedMs(1000, 999 * DAY_MS)).toBe(NOON_MS + 999 * DAY_MS + 2000)
  expect(recordedMs(1000, -999 * DAY_MS)).toBe(NOON_MS + 3000)
})
