import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { weakPasswordCheck } from '../../../src/accounts/passwords/policy.ts'

const isWeak = weakPasswordCheck({ minLength: 8, useBlocklist: true })

describe('the password policy', () => {
  test('[P2] counts code points, and requires nothing but length', () => {
    expect(isWeak('seven77', 'joan')).toBe(true)
    expect(isWeak('😀😀😀😀😀😀😀', 'joan')).toBe(true)
    expect(isWeak('😀😁😂😃😄😅😆😇', 'joan')).toBe(false)
    expect(isWeak('allsmallletters', 'joan')).toBe(false)
  })

  test('[P3] refuses the most common passwords offline, in any case', () => {
    for (const common of [
      'password',
      '12345678',
      'Football',
      'PASSWORD1',
      'iloveyou',
      'qwertyuiop',
    ])
      expect(`${common} ${isWeak(common, 'joan')}`).toBe(`${common} true`)
  })

  test('[P3] refuses passwords made of the username or the product’s words', () => {
    for (const made of [
      'joanjoan',
      '1joanjoan',
      'JOAN1joan',
      'SecureLock1',
      'frontdoor99',
      'unlock-door!',
      'SECURE lock server',
    ])
      expect(`${made} ${isWeak(made, 'joan')}`).toBe(`${made} true`)
    for (const other of ['joan-1234', 'correct door lock horse', 'xX-lock-ABCD'])
      expect(`${other} ${isWeak(other, 'joan')}`).toBe(`${other} false`)
  })

  test('[P3] refuses repetitions, and common passwords with invisible characters in them', () => {
    for (const weak of [
      'aaaaaaaa',
      '        ',
      '12341234',
      'abcabcabc',
      'PASSWORD\u200b',
      'password ',
      '\u00ad'.repeat(8),
    ])
      expect(`${weak} ${isWeak(weak, 'joan')}`).toBe(`${weak} true`)
    expect(isWeak('four brown doors', 'joan')).toBe(false)
  })

  test('can be used without the list of common passwords', () => {
    expect(weakPasswordCheck({ minLength: 8, useBlocklist: false })('football', 'joan')).toBe(false)
  })

  test('refuses the username with fewer than four other characters, before or after it', () => {
    fc.assert(
      fc.property(
        fc.stringMatching(/^[a-z]{5,20}$/),
        fc.stringMatching(/^[0-9]{0,3}$/),
        fc.boolean(),
        (name, others, isBefore) => {
          expect(isWeak(isBefore ? others + name : name + others, name)).toBe(true)
        },
      ),
    )
  })
})
