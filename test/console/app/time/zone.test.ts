import { expect, test } from 'bun:test'
import * as fc from 'fast-check'
import {
  addDays,
  clockIn,
  dayIn,
  instantIn,
  isDay,
  startOfDay,
} from '../../../../src/console/app/time/zone.ts'

/** Far east and west, half hours, and zones whose clocks are put forward at midnight. */
const ZONES = [
  'UTC',
  'Europe/Berlin',
  'America/Los_Angeles',
  'Asia/Kolkata',
  'Pacific/Kiritimati',
  'Pacific/Pago_Pago',
  'Asia/Beirut',
  'America/Havana',
  'Africa/Cairo',
  'America/Santiago',
]

const day = fc
  .date({ min: new Date('2012-01-01'), max: new Date('2040-12-31'), noInvalidDate: true })
  .map((date) => date.toISOString().slice(0, 10))

test('a day begins when Temporal says that it does, in every zone', () => {
  const property = fc.property(fc.constantFrom(...ZONES), day, (zone, one) => {
    const begins = Temporal.PlainDate.from(one).toZonedDateTime(zone).epochMilliseconds
    expect([zone, one, startOfDay(zone, one)]).toEqual([zone, one, begins])
    expect(dayIn(zone, begins)).toBe(one)
    expect(dayIn(zone, begins - 1)).toBe(addDays(one, -1))
  })
  fc.assert(property, { numRuns: 200 })
})

test.each([
  ['Asia/Beirut', '2024-03-31', '2024-03-30T22:00:00.000Z'],
  ['America/Havana', '2024-03-10', '2024-03-10T05:00:00.000Z'],
  ['Europe/Berlin', '2026-03-29', '2026-03-28T23:00:00.000Z'],
])('in %s %s begins at %s', (zone, one, begins) => {
  expect(new Date(startOfDay(zone, one)).toISOString()).toBe(begins)
})

test('only what a calendar has is a day', () => {
  expect(['2026-02-28', '2024-02-29', '0001-01-01'].filter((one) => !isDay(one))).toEqual([])
  expect(['2026-02-30', '2026-2-3', '', 'today', '2026-13-01'].filter(isDay)).toEqual([])
})

const minute = fc.integer({ min: 0, max: 24 * 60 - 1 }).map((count) => {
  const [hours, minutes] = [Math.floor(count / 60), count % 60]
  return `${String(hours).padStart(2, '0')}:${String(minutes).padStart(2, '0')}`
})

test('a time of day is the first instant at which clocks show it, in every zone', () => {
  const property = fc.property(fc.constantFrom(...ZONES), day, minute, (zone, one, clock) => {
    const local = Temporal.PlainDateTime.from(`${one}T${clock}`)
    const read = local.toZonedDateTime(zone, { disambiguation: 'earlier' })
    const at = instantIn(zone, one, clock)
    if (read.toPlainDateTime().equals(local)) expect(at).toBe(read.epochMilliseconds)
    // Clocks skip it: the first minute after the gap.
    else expect(clockIn(zone, at) > clock || dayIn(zone, at) > one).toBe(true)
  })
  fc.assert(property, { numRuns: 200 })
})
