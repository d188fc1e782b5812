import { describe, expect, test } from 'bun:test'
import { HOUR_MS, MINUTE_MS } from '../../../src/domain/duration.ts'
import { isWithinHours, restOfHours } from '../../../src/domain/calendar/hours.ts'

const NIGHT = { from: '22:00', to: '06:00' }
const berlin = () => 'Europe/Berlin'
const at = (time: string): number =>
  Temporal.PlainDateTime.from(time).toZonedDateTime(berlin()).epochMilliseconds

describe('hours of the home', () => {
  test.each([
    ['2026-11-28T21:59', false],
    ['2026-11-28T22:00', true],
    ['2026-11-29T05:59', true],
    ['2026-11-29T06:00', false],
  ])('over midnight, %s is within them: %p', (time, isWithin) => {
    expect(isWithinHours(NIGHT, at(time), berlin)).toBe(isWithin)
  })

  test('last until their end, the next morning or the same', () => {
    expect(restOfHours(NIGHT, at('2026-11-28T23:30'), berlin)).toBe(6.5 * HOUR_MS)
    expect(restOfHours(NIGHT, at('2026-11-29T05:45'), berlin)).toBe(15 * MINUTE_MS)
    expect(restOfHours({ from: '12:00', to: '14:00' }, at('2026-11-29T13:00'), berlin)).toBe(
      HOUR_MS,
    )
    expect(restOfHours(NIGHT, at('2026-11-29T06:00'), berlin)).toBe(0)
  })

  test('are an hour shorter or longer in the nights in which the clocks change', () => {
    expect(restOfHours(NIGHT, at('2027-03-27T23:00'), berlin)).toBe(6 * HOUR_MS)
    expect(restOfHours(NIGHT, at('2026-10-24T23:00'), berlin)).toBe(8 * HOUR_MS)
  })
})
