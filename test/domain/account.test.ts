import { expect, test } from 'bun:test'
import { isNewcomer } from '../../src/domain/account.ts'

test('a newcomer has no account, or one that nobody has let in yet', () => {
  expect(isNewcomer(undefined)).toBe(true)
  expect(isNewcomer({ admitted: false })).toBe(true)
  expect(isNewcomer({ admitted: true })).toBe(false)
})
