import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { shownLines, shownText } from '../../../src/domain/text/shown-text.ts'

describe('text that a terminal, a log or a spreadsheet shows', () => {
  test('[G12] has no sign that deceives, whatever it is made from', () => {
    const deceiving = /[\p{C}\p{Zl}\p{Zp}\u2800\u3164]/u
    for (let code = 0; code <= 0x10_ffff; code += 1) {
      const shown = shownText(`a${String.fromCodePoint(code)}b`)
      if (deceiving.test(shown)) expect(code.toString(16)).toBe(shown)
    }
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const shown = shownText(text).replaceAll(/\p{RGI_Emoji}/gv, '')
        return !deceiving.test(shown)
      }),
    )
  })

  test('[G12] escapes as JSON does, so JSON keeps its value', () => {
    expect(shownText('a\u202eb\u0007\u{e0041}')).toBe('a\\u202eb\\u0007\\udb40\\udc41')
    fc.assert(
      fc.property(fc.json({ stringUnit: 'binary' }), (json) => {
        expect(JSON.parse(shownLines(json))).toStrictEqual(JSON.parse(json))
      }),
    )
  })

  test('keeps letters of any language, emoji with their joiners, and lines and columns where they may be', () => {
    for (const text of ['José', '山田　太郎', 'שלום', '👩‍👩‍👧 ❤️ 1️⃣ 🏴󠁧󠁢󠁥󠁮󠁧󠁿', '½ “x” …'])
      expect(shownText(text)).toBe(text)
    expect(shownLines('a\tb\nc\u202e\n')).toBe('a\tb\nc\\u202e\n')
    expect(shownText('a\tb\nc')).toBe('a\\u0009b\\u000ac')
  })
})
