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

  test('shows one opening that the gateway, the lock and the phone tell of as the lock has it', () => {
    const decided = { ...unlock(3), source: 'decided', result: 'permitted', attempt: 'a' } as const
    const reported = { ...unlock(5, 4), source: 'reported', attempt: 'a' } as const
    const others = [unlock(9), unlock(1)]
    expect(
      withoutRepeats([unlock(9), reported, unlock(4), decided, unlock(1)]).map(
        ({ seq, told, also }) => [seq, told, also],
      ),
    ).toEqual([
      [9, 1, []],
      [5, 1, ['decided', 'claimed']],
      [1, 1, []],
    ])
    // Whichever came first, and wherever it is listed.
    const late = { ...reported, seq: 2, repeat_of: null }
    const phone = [unlock(6, 2), unlock(7, 6)]
    expect(
      withoutRepeats([...phone.toReversed(), late, ...others]).map(({ seq, told }) => [seq, told]),
    ).toEqual([
      [2, 1],
      [9, 1],
      [1, 1],
    ])
  })

  test('shows an attempt as the lock signed it, and as opened if one of its controllers opened it', () => {
    const decided = { ...unlock(3), source: 'decided', result: 'permitted', attempt: 'a' } as const
    const failed = { ...unlock(4), source: 'attested', result: 'failed', attempt: 'a' } as const
    const released = { ...failed, seq: 5, result: 'released' } as const
    const shownSeqs = (...unlocks: Parameters<typeof withoutRepeats>[0]) =>
      withoutRepeats(unlocks).map(({ seq, told, also }) => [seq, told, also])
    expect(shownSeqs(failed, decided)).toEqual([[4, 1, ['decided']]])
    expect(shownSeqs(released, failed, decided)).toEqual([[5, 1, ['decided']]])
  })

  test('shows a permission for itself while the lock has not reported anything', () => {
    const decided = { ...unlock(3), source: 'decided', result: 'permitted', attempt: 'a' } as const
    const other = { ...decided, seq: 4, attempt: 'b' } as const
    expect(withoutRepeats([other, decided]).map(({ seq }) => seq)).toEqual([4, 3])
  })
})
