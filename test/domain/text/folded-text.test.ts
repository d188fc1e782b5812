import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { containing, foldedText } from '../../../src/domain/text/folded-text.ts'

describe('text as people compare it', () => {
  test('is the same in any case, composition and width, and whatever its space and invisible characters', () => {
    for (const [one, other] of [
      ['Ánh', 'a\u0301nh'],
      ['VÂN TAY', 'vân tay'.normalize('NFD')],
      ['Straße', 'STRASSE'],
      ['GROẞ', 'gross'],
      ['Ὀδυσσεύς', 'ὈΔΥΣΣΕΎΣ'],
      ['İstanbul', 'ıstanbul'],
      ['ＰＩＮ', 'pin'],
      [' pin\n', 'PIN'],
      ['key  fob', 'Key fob'],
      ['Thị\u00A0 Ánh', 'thị ánh'],
      ['pi\u200Bn\u00AD', 'pin'],
    ] as const)
      expect([one, foldedText(one)]).toStrictEqual([one, foldedText(other)])
  })

  test('differs where letters differ', () => {
    for (const [one, other] of [
      ['anh', 'ánh'],
      ['pin', 'p in'],
      ['а', 'a'],
    ] as const)
      expect(foldedText(one)).not.toBe(foldedText(other))
  })

  test('is the same however it was composed, and stays the same if compared again', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 30 }), (text) => {
        const folded = foldedText(text)
        expect(foldedText(text.normalize('NFD'))).toBe(folded)
        expect(foldedText(text.normalize().toUpperCase())).toBe(folded)
        expect(foldedText(folded)).toBe(folded)
      }),
    )
  })

  test('contains a part of it', () => {
    expect(containing('ÁN')('Thị Ánh'.normalize('NFD'))).toBe(true)
    expect(containing('%')('pin')).toBe(false)
    expect(containing('x')(null)).toBe(false)
  })
})
