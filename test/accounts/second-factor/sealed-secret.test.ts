import { expect, test } from 'bun:test'
import { secretSealer } from '../../../src/accounts/second-factor/sealed-secret.ts'

const SECRET = Buffer.from('12345678901234567890')

test('a sealed secret opens for its account with its key, and never looks the same twice', () => {
  const sealer = secretSealer('key of this gateway')
  const [first, second] = [sealer.seal(SECRET, 'ada'), sealer.seal(SECRET, 'ada')]
  expect(sealer.open(first, 'ada')).toStrictEqual(SECRET)
  expect(secretSealer('key of this gateway').open(second, 'ada')).toStrictEqual(SECRET)
  expect(first).not.toStrictEqual(second)
  expect(first.includes(SECRET)).toBe(false)
})

test('a sealed secret does not open with another key, for another account, changed or shortened', () => {
  const sealer = secretSealer('key of this gateway')
  const sealed = sealer.seal(SECRET, 'ada')
  expect(secretSealer('another key').open(sealed, 'ada')).toBeUndefined()
  expect(sealer.open(sealed, 'eve')).toBeUndefined()
  for (let index = 0; index < sealed.length; index += 1) {
    const changed = Buffer.from(sealed)
    changed[index] = (changed[index] ?? 0) ^ 1
    expect(sealer.open(changed, 'ada')).toBeUndefined()
    expect(sealer.open(sealed.subarray(0, index), 'ada')).toBeUndefined()
  }
})
