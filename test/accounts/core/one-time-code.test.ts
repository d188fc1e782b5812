import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { hashOneTimeCode, newOneTimeCode } from '../../../src/accounts/core/one-time-code.ts'

test('[A5] a code is 140 random bits in groups that are easy to type', () => {
  const codes = Array.from({ length: 2000 }, newOneTimeCode)
  for (const code of codes)
    expect(code).toMatch(/^([0-9A-HJKMNP-TV-Z]{4}-){6}[0-9A-HJKMNP-TV-Z]{4}$/)
  expect(new Set(codes).size).toBe(codes.length)
  for (let index = 0; index < 34; index += 1)
    if (index % 5 !== 4) expect(new Set(codes.map((code) => code.charAt(index))).size).toBe(32)
})

test('a code has the same hash however it is typed, and no other code has it', () => {
  const separators = fc.stringMatching(/^[-\s\u2013]{0,3}$/)
  fc.assert(
    fc.property(fc.array(fc.tuple(separators, fc.boolean()), { maxLength: 28 }), (habits) => {
      const code = newOneTimeCode()
      const typed = Array.from(code.replaceAll('-', ''), (digit, index) => {
        const [separator = '', isSmall = false] = habits[index] ?? []
        const alike = { 0: 'O', 1: index % 2 ? 'I' : 'L' }[digit] ?? digit
        return separator + (isSmall ? alike.toLowerCase() : alike)
      }).join('')
      expect(hashOneTimeCode(typed)).toStrictEqual(hashOneTimeCode(code))
      const wide = typed.replaceAll(/[!-~]/g, (sign) =>
        String.fromCodePoint(sign.charCodeAt(0) + 0xfee0),
      )
      expect(hashOneTimeCode(wide)).toStrictEqual(hashOneTimeCode(code))
      expect(hashOneTimeCode(`${typed}2`)).not.toStrictEqual(hashOneTimeCode(code))
      expect(hashOneTimeCode(code.slice(1))).not.toStrictEqual(hashOneTimeCode(code))
    }),
  )
})
