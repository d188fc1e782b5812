import { describe, expect, test } from 'bun:test'
import canonicalize from 'canonicalize'
import * as fc from 'fast-check'

// Entries of the unlock log are hashed in this form: a different spelling would be a different leaf.
describe('the canonical form of JSON', () => {
  test('matches the example in RFC 8785 section 3.2.2', () => {
    const value = {
      numbers: [Number('333333333.33333329'), 1e30, 4.5, 2e-3, 0.000000000000000000000000001],
      string: '\u20ac$\u000F\u000aA\'\u0042\u0022\u005c\\"/',
      literals: [null, true, false],
    }
    expect(canonicalize(value)).toBe(
      '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],' +
        '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
    )
  })

  test('sorts names by UTF-16 code units, as in RFC 8785 section 3.2.3', () => {
    const names = ['\u20AC', '\r', '\uFB33', '1', '\u{1F600}', '\u0080', '\u00F6']
    const sorted = ['\r', '1', '\u0080', '\u00F6', '\u20AC', '\u{1F600}', '\uFB33']
    const value = Object.fromEntries(names.map((name) => [name, 0]))
    const members = sorted.map((name) => `${JSON.stringify(name)}:0`)
    expect(canonicalize(value)).toBe(`{${members.join(',')}}`)
  })

  // IEEE 754 bits and their text, from RFC 8785 appendix B.
  test.each([
    ['0000000000000000', '0'],
    ['8000000000000000', '0'],
    ['0000000000000001', '5e-324'],
    ['8000000000000001', '-5e-324'],
    ['7fefffffffffffff', '1.7976931348623157e+308'],
    ['4340000000000000', '9007199254740992'],
    ['4430000000000000', '295147905179352830000'],
    ['44b52d02c7e14af5', '9.999999999999997e+22'],
    ['44b52d02c7e14af6', '1e+23'],
    ['444b1ae4d6e2ef4e', '999999999999999700000'],
    ['444b1ae4d6e2ef50', '1e+21'],
    ['3eb0c6f7a0b5ed8c', '9.999999999999997e-7'],
    ['3eb0c6f7a0b5ed8d', '0.000001'],
    ['41b3de4355555553', '333333333.3333332'],
    ['becbf647612f3696', '-0.0000033333333333333333'],
    ['43143ff3c1cb0959', '1424953923781206.2'],
  ])('the number %s is written %s', (bits, text) => {
    expect(canonicalize(Buffer.from(bits, 'hex').readDoubleBE())).toBe(text)
  })

  test.each([
    ['half a surrogate pair in a value', { a: '\uDEAD' }],
    ['half a surrogate pair in a name', { '\uD800': 1 }],
    ['a number that is none', { a: Number.NaN }],
    ['infinity', [Number.POSITIVE_INFINITY]],
    ['an integer beyond doubles', { a: 1n }],
  ])('%s has no canonical form', (_, value) => {
    expect(() => canonicalize(value)).toThrow()
  })

  test('reads back as the same value, and does not depend on the order of names', () => {
    const property = fc.property(fc.dictionary(wellFormed, fc.jsonValue()), (value) => {
      fc.pre(JSON.stringify(value).isWellFormed() && !JSON.stringify(value).includes('\\ud'))
      const text = canonicalize(value)
      const reversed = Object.fromEntries(Object.entries(value).toReversed())
      expect(canonicalize(reversed)).toBe(text)
      expect(canonicalize(JSON.parse(text ?? ''))).toBe(text)
    })
    fc.assert(property)
  })
})

const wellFormed = fc.string({ unit: 'grapheme' }).filter((name) => name !== '__proto__')
