import { expect, test } from 'bun:test'
import { secretSealer } from '../../../src/accounts/second-factor/sealed-secret.ts'

const SECRET = Buffer.from('12345678901234567890')

test('what is sealed opens for its owner with its key, and never looks the same twice', () => {
  const box = secretSealer('key of this gateway')
  const [one, other] = [box.seal(SECRET, 'ada'), box.seal(SECRET, 'ada')]
  expect(box.open(one, 'ada')).toStrictEqual(SECRET)
  expect(secretSealer('key of this gateway').open(other, 'ada')).toStrictEqual(SECRET)
  expect(one).not.toStrictEqual(other)
  expect(one.includes(SECRET)).toBe(false)
})

test('another key, another owner, a changed or a shortened box: it does not open', () => {
  const box = secretSealer('key of this gateway')
  const sealed = box.seal(SECRET, 'ada')
  expect(secretSealer('another key').open(sealed, 'ada')).toBeUndefined()
  expect(box.open(sealed, 'eve')).toBeUndefined()
  for (let place = 0; place < sealed.length; place += 1) {
    const changed = Buffer.from(sealed)
    changed[place] = (changed[place] ?? 0) ^ 1
    expect(box.open(changed, 'ada')).toBeUndefined()
    expect(box.open(sealed.subarray(0, place), 'ada')).toBeUndefined()
  }
})
