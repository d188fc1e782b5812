import { expect, test } from 'bun:test'
import { missingWords } from '../../../../../../src/console/app/pages/doors/controllers/missing.ts'

test.each([
  [[[17, 17]], 'Report 17 never arrived.'],
  [[[17, 19]], 'Reports 17 to 19 never arrived.'],
  [
    [
      [17, 19],
      [23, 23],
    ],
    'Reports 17 to 19 and 23 never arrived.',
  ],
  [
    [
      [1, 2],
      [4, 4],
      [6, 6],
      [8, 8],
      [10, 12],
    ],
    'Reports 1 to 2, 4, 6 and 2 more gaps never arrived.',
  ],
] as const)('names what is missing: %j', (missing, words) => {
  expect(missingWords(missing)).toBe(words)
})
