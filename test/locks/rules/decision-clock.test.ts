import { describe, expect, test } from 'bun:test'
import { DAY_MS, MINUTE_MS } from '../../../src/domain/duration.ts'
import { decisionClock } from '../../../src/locks/rules/decision-clock.ts'
import { at } from '../../support/grants.ts'

const START = at('2026-11-30T12:00Z')

/** A gateway whose clock can be set, and that may follow a time server. */
const gateway = (wallMs = START) => {
  const state = { wallMs, monotonicMs: 0, isSynchronised: false as boolean | undefined, asked: 0 }
  const isDoubted = decisionClock({
    clock: { wallMs: () => state.wallMs, monotonicMs: () => state.monotonicMs },
    isClockSynchronised: () => {
      state.asked++
      return state.isSynchronised
    },
  })
  return {
    state,
    isDoubted: (newestMs = START - DAY_MS) => isDoubted(newestMs),
    pass: (ms: number) => {
      state.wallMs += ms
      state.monotonicMs += ms
    },
    setTo: (ms: number) => (state.wallMs = ms),
  }
}

describe('decisions doubt the clock', () => {
  test('not if it runs on, however long nobody came', () => {
    const { isDoubted, pass, state } = gateway()
    expect(isDoubted(0)).toBe(false)
    expect(isDoubted(START - 8 * DAY_MS)).toBe(false)
    pass(400 * DAY_MS)
    expect(isDoubted()).toBe(false)
    expect(state.asked).toBe(0)
  })

  test('before 2026, whatever the kernel says', () => {
    const { isDoubted, state } = gateway(0)
    expect(isDoubted(0)).toBe(true)
    state.isSynchronised = true
    expect(isDoubted(0)).toBe(true)
  })

  test('while it is behind the newest certain event', () => {
    const { isDoubted } = gateway()
    expect(isDoubted(START + 1)).toBe(true)
    expect(isDoubted(START)).toBe(false)
  })

  test('for ten minutes after a jump either way', () => {
    for (const jump of [-2 * MINUTE_MS, 2 * MINUTE_MS]) {
      const { isDoubted, setTo, pass } = gateway()
      setTo(START + jump)
      expect(isDoubted()).toBe(true)
      pass(10 * MINUTE_MS - 1)
      expect(isDoubted()).toBe(true)
      pass(1)
      expect(isDoubted()).toBe(false)
    }
  })

  test('not for a step of less than a minute', () => {
    const { isDoubted, setTo } = gateway()
    setTo(START + MINUTE_MS)
    expect(isDoubted()).toBe(false)
  })

  test('no longer once the kernel calls it synchronised', () => {
    const { isDoubted, setTo, state } = gateway()
    setTo(START + DAY_MS)
    expect(isDoubted()).toBe(true)
    state.isSynchronised = true
    expect(isDoubted()).toBe(false)
    // Years of events were recorded by a clock that was wrong.
    expect(isDoubted(START + 1000 * DAY_MS)).toBe(false)
  })

  test('if the kernel cannot be asked', () => {
    const { isDoubted, state } = gateway()
    state.isSynchronised = undefined
    expect(isDoubted(START + DAY_MS)).toBe(true)
  })
})
