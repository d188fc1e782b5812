import { describe, expect, test } from 'bun:test'
import { toldWords, withoutRepeats } from '../../../../src/console/app/words/repeats.ts'
import { EVENT_EXAMPLE } from '../../../../src/unlocks/log/schema.ts'

const unlock = (seq: number, repeatOf: number | null = null) => ({
  ...EVENT_EXAMPLE,
  seq,
  repeat_of: repeatOf,
})

const shown = (...unlocks: readonly ReturnType<typeof unlock>[]) =>
  withoutRepeats(unlocks).map(({ seq, told }) => [seq, told])

describe('a list of unlocks', () => {
  test('shows repeated reports as the first of them, with how often it was reported', () => {
    expect(shown(unlock(9), unlock(8, 5), unlock(7), unlock(5, 3), unlock(3))).toEqual([
      [9, 1],
      [7, 1],
      [3, 3],
    ])
    expect([toldWords(2), toldWords(3)]).toEqual(['reported twice', 'reported 3 times'])
  })

  test('shows a repeat for itself while the first is not loaded', () => {
    expect(shown(unlock(8, 5), unlock(7), unlock(5, 3))).toEqual([
      [7, 1],
      [5, 2],
    ])
  })
})
