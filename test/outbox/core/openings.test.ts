import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { SAME_OPENING_MS } from '../../../src/domain/home-event.ts'
import { secondSightings } from '../../../src/outbox/core/openings.ts'

const seen = (seq: number, source: 'claimed' | 'reported', happenedAtMs: number) => ({
  seq,
  source,
  happenedAtMs,
})

describe('one opening', () => {
  test('is told of by its first sighting, whether the lock or the app comes first', () => {
    const first = seen(0, 'claimed', 0)
    const second = seen(1, 'reported', SAME_OPENING_MS)
    expect([...secondSightings([first, second])]).toStrictEqual([1])
    const late = seen(1, 'claimed', 1000)
    expect([...secondSightings([seen(0, 'reported', 60_000), late])]).toStrictEqual([1])
  })

  test('is not another one more than two minutes away, nor two of the same source', () => {
    expect([
      ...secondSightings([seen(0, 'claimed', 0), seen(1, 'reported', SAME_OPENING_MS + 1)]),
    ]).toBeEmpty()
    expect([...secondSightings([seen(0, 'claimed', 0), seen(1, 'claimed', 1000)])]).toBeEmpty()
  })

  test('takes one sighting of each source: a second claim in the same minute is an opening of its own', () => {
    const sightings = [
      seen(0, 'claimed', 0),
      seen(1, 'reported', 1000),
      seen(2, 'claimed', 20_000),
      seen(3, 'reported', 21_000),
      seen(4, 'reported', 30_000),
    ]
    expect([...secondSightings(sightings)]).toStrictEqual([1, 3])
  })

  test('never swallows more sightings of a source than the other one has', () => {
    const sightings = fc.array(
      fc.record({
        source: fc.constantFrom('claimed', 'reported'),
        happenedAtMs: fc.integer({ min: 0, max: 10 * SAME_OPENING_MS }),
      }),
    )
    fc.assert(
      fc.property(sightings, (given) => {
        const all = given.map((one, seq) => ({ seq, ...one }))
        const seconds = secondSightings(all)
        const told = all.filter(({ seq }) => !seconds.has(seq))
        for (const { source } of all.filter(({ seq }) => seconds.has(seq)))
          expect(
            all.filter((one) => seconds.has(one.seq) && one.source === source).length,
          ).toBeLessThanOrEqual(told.filter((one) => one.source !== source).length)
      }),
    )
  })
})
