import { decodeBase64, encodeBase64 } from '#crypto'
import { describe, expect, test } from 'bun:test'
import * as fc from 'fast-check'
import {
  parseDecimal,
  PROOF_TEXT_BYTES_MAX,
  proofText,
} from '../../../src/unlocks/tlog/proof-format.ts'

describe('text of a proof', () => {
  test('a string and its UTF-8 bytes are the same text, a byte order mark included', () => {
    const text = '\uFEFFè subito sera 🚪\n'
    expect(proofText('note', text)).toBe(text)
    expect(proofText('note', Buffer.from(text))).toBe(text)
  })

  test.each([
    ['half a surrogate pair', 'a\uD800\n', 'not valid Unicode'],
    ['a byte that is no UTF-8', Uint8Array.of(0x61, 0xff), 'not valid UTF-8'],
    ['an overlong encoding', Uint8Array.of(0xc0, 0x8a), 'not valid UTF-8'],
    ['a carriage return', 'a\r\n', 'control character'],
    ['a tab', 'a\tb\n', 'control character'],
    ['a zero byte', Uint8Array.of(0), 'control character'],
    ['too many characters', 'a'.repeat(PROOF_TEXT_BYTES_MAX + 1), 'longer than'],
    ['too many bytes', new Uint8Array(PROOF_TEXT_BYTES_MAX + 1), 'longer than'],
  ])('%s is refused', (_, input, message) => {
    expect(() => proofText('note', input)).toThrow(message)
  })
})

describe('Base64 and decimals', () => {
  test('every sequence of bytes has one spelling', () => {
    const property = fc.property(fc.uint8Array(), (bytes) => {
      expect(decodeBase64(encodeBase64(bytes))).toEqual(bytes)
    })
    fc.assert(property)
  })

  test('no two spellings mean the same bytes', () => {
    const property = fc.property(fc.stringMatching(/^[A-Za-z0-9+/=_ -]{0,12}$/), (text) => {
      const bytes = decodeBase64(text)
      if (bytes) expect(encodeBase64(bytes)).toBe(text)
    })
    fc.assert(property)
  })

  test.each(['YQ', 'YQ=', 'YR==', 'YQ==\n', ' YQ==', 'YQ==YQ==', '-_-_', 'é'])(
    'the Base64 %j is refused',
    (text) => {
      expect(decodeBase64(text)).toBeUndefined()
    },
  )

  test.each([
    ['0', 0],
    ['20852163', 20_852_163],
    ['9007199254740991', Number.MAX_SAFE_INTEGER],
  ])('%s is a decimal', (text, value) => {
    expect(parseDecimal(text)).toBe(value)
  })

  test.each([
    '',
    '00',
    '01',
    '-1',
    '+1',
    '1.0',
    '1e3',
    '0x1',
    ' 1',
    '1\n',
    '١',
    '9007199254740992',
  ])('%j is no decimal', (text) => {
    expect(parseDecimal(text)).toBeUndefined()
  })
})
