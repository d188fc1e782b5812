import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { shownText } from '../../../src/domain/text/shown-text.ts'
import { csvLine } from '../../../src/unlocks/query/csv.ts'

/** A reader of RFC 4180, straight from its grammar. */
export const parseCsv = (text: string): string[][] => {
  const lines: string[][] = []
  let at = 0
  while (at < text.length) {
    const line: string[] = []
    for (;;) {
      const rest = text.slice(at)
      const [all = '', quoted] =
        /^"((?:[^"]|"")*)"(?=,|\r\n)/.exec(rest) ?? /^[^",\r\n]*(?=,|\r\n)/.exec(rest) ?? []
      line.push(quoted === undefined ? all : quoted.replaceAll('""', '"'))
      at += all.length
      if (text[at] !== ',') break
      at += 1
    }
    expect(text.slice(at, at + 2)).toBe('\r\n')
    at += 2
    lines.push(line)
  }
  return lines
}

const cell = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.string({ unit: fc.constantFrom('=', '+', '-', '@', '\t', '\r', '\n', '"', "'", ',', 'a') }),
)

test('[I4] a line of CSV reads back unchanged, and no text field starts a formula', () => {
  fc.assert(
    fc.property(fc.array(cell, { minLength: 1, maxLength: 8 }), (cells) => {
      const [read = [], ...more] = parseCsv(csvLine(cells))
      expect(more).toStrictEqual([])
      expect(read.map((one) => one.replace(/^'/, ''))).toStrictEqual(cells.map(shownText))
      for (const one of read) expect(one).not.toMatch(/^\s*[=+\-@]|^[\t\r]/)
    }),
    { numRuns: 1000 },
  )
})

test('[I4] text that looks like a formula gets an apostrophe, quoted or not', () => {
  expect(csvLine(['=1', '+1', '-1', '@a', '=1,2', 'a=1', "'a"])).toBe(
    `'=1,'+1,'-1,'@a,"'=1,2",a=1,''a\r\n`,
  )
})

test('[G12, I4] cells do not begin a formula after blanks, and show every sign in them', () => {
  expect(csvLine([' =1', '\u00a0\u3000+1', '  -1', '\ufe66a', '＝1', " 'a", ' a'])).toBe(
    `' =1,'\u00a0\u3000+1,'  -1,'\ufe66a,'＝1,' 'a, a\r\n`,
  )
  expect(csvLine(['\ta', '\r=1', 'a\u202eb', '\u200b=1', '\ue000', '❤️'])).toBe(
    '\\u0009a,\\u000d=1,a\\u202eb,\\u200b=1,\\ue000,❤️\r\n',
  )
})

test('numbers stay numbers, and null is empty', () => {
  expect(csvLine([-5, null, true, ''])).toBe('-5,,true,\r\n')
})
