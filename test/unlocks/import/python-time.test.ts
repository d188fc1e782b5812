import { expect, test } from 'bun:test'
import { pythonTimeMs } from '../../../src/unlocks/import/python-time.ts'

const utc = (text: string, zone = 'UTC'): string | undefined => {
  const ms = pythonTimeMs(text, zone)
  return ms === undefined ? undefined : new Date(ms).toISOString()
}

test('times are read in every form that Python writes', () => {
  expect(utc('2021-03-04 05:06:07.123456')).toBe('2021-03-04T05:06:07.123Z')
  expect(utc('2021-03-04T05:06:07')).toBe('2021-03-04T05:06:07.000Z')
  expect(utc('2021-03-04 05:06')).toBe('2021-03-04T05:06:00.000Z')
  expect(utc('2021-03-04T05:06:07.5+01:30')).toBe('2021-03-04T03:36:07.500Z')
  expect(utc('2021-03-04 05:06:07+0130')).toBe('2021-03-04T03:36:07.000Z')
  expect(utc('2021-03-04 05:06:07 -08')).toBe('2021-03-04T13:06:07.000Z')
  expect(utc(' 2021-03-04t05:06:07z ')).toBe('2021-03-04T05:06:07.000Z')
})

test('a time without an offset is in the given zone, with its daylight saving time', () => {
  expect(utc('2021-01-04 05:06:07', 'Europe/Berlin')).toBe('2021-01-04T04:06:07.000Z')
  expect(utc('2021-07-04 05:06:07', 'Europe/Berlin')).toBe('2021-07-04T03:06:07.000Z')
  // An hour that occurs twice means the first one; a skipped hour counts as an hour later.
  expect(utc('2021-10-31 02:30:00', 'Europe/Berlin')).toBe('2021-10-31T00:30:00.000Z')
  expect(utc('2021-03-28 02:30:00', 'Europe/Berlin')).toBe('2021-03-28T01:30:00.000Z')
  expect(utc('2021-07-04 05:06:07Z', 'Europe/Berlin')).toBe('2021-07-04T05:06:07.000Z')
})

test('a date that does not exist is not a time', () => {
  for (const text of [
    '',
    'yesterday',
    '2021-03-04',
    '2021-02-30 05:06:07',
    '2021-02-29 05:06:07+01:00',
    '2021-13-01 05:06:07',
    '2021-03-04 25:06:07',
    '2021-03-04 05:06:07+25:00',
    '04.03.2021 05:06:07',
    '1614834367',
    '+021021-03-04 05:06:07',
    '2021-03-04 05:06:07[Europe/Berlin]',
  ])
    expect([text, pythonTimeMs(text, 'UTC')]).toStrictEqual([text, undefined])
})
