import { describe, expect, test } from 'bun:test'
import { ifMatch } from '../../../../src/http/request/headers/if-match.ts'

const versionOf = (value: string | undefined) =>
  ifMatch(new Request('http://x/', { headers: value === undefined ? {} : { 'If-Match': value } }))

describe('If-Match', () => {
  test('names a version, with or without quotation marks', () => {
    for (const value of ['"3"', '3', ' "3" '])
      expect([value, versionOf(value)]).toStrictEqual([value, 3])
  })

  test('is absent, or matches whatever is there', () => {
    expect(versionOf(undefined)).toBeUndefined()
    expect(versionOf('*')).toBeUndefined()
  })

  test('matches no version if it names none', () => {
    for (const value of ['', '""', 'W/"3"', '"x"', '-1', '3.0', '1e3', '"3', '9'.repeat(16)])
      expect([value, versionOf(value)]).toStrictEqual([value, NaN])
  })
})
