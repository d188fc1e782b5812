import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { NO_PREVIOUS } from '../../../src/domain/statement/statement.ts'
import {
  type Around,
  type Link,
  missingIn,
  verdictOn,
} from '../../../src/controllers/reports/chain.ts'

const hashOf = (counter: number, branch = 0): Uint8Array =>
  new Uint8Array(32).fill((counter * 7 + branch * 100 + 1) % 256)

/** A report of the chain, or of another branch of it. */
const linkAt = (counter: number, branch = 0): Link => ({
  counter,
  previous: counter === 1 ? NO_PREVIOUS : hashOf(counter - 1),
  hash: hashOf(counter, branch),
})

const aroundIn = (stored: ReadonlyMap<number, Link>, counter: number): Around => ({
  newest: Math.max(0, ...stored.keys()),
  same: stored.get(counter)?.hash,
  before: stored.get(counter - 1)?.hash,
  namedAfter: stored.get(counter + 1)?.previous,
})

const shuffled = fc.shuffledSubarray(
  Array.from({ length: 30 }, (_, at) => at + 1),
  { minLength: 1 },
)

test('reports of one chain never fork it, in whatever order and however often they come', () => {
  fc.assert(
    fc.property(fc.array(shuffled, { minLength: 1, maxLength: 3 }), (rounds) => {
      const stored = new Map<number, Link>()
      for (const counter of rounds.flat()) {
        const link = linkAt(counter)
        const verdict = verdictOn(link, aroundIn(stored, counter))
        expect(verdict).not.toBe('forked')
        expect(verdict === 'repeat').toBe(stored.has(counter))
        stored.set(counter, link)
      }
    }),
  )
})

test('another report with a counter that is stored, or next to one that is, forks the chain', () => {
  fc.assert(
    fc.property(shuffled, fc.nat(), (counters, at) => {
      const stored = new Map(counters.map((counter) => [counter, linkAt(counter)]))
      const counter = counters[at % counters.length] ?? 1
      expect(verdictOn(linkAt(counter, 1), aroundIn(stored, counter))).toBe('forked')
      const after = counter + 1
      const wrong = { ...linkAt(after), previous: hashOf(counter, 1) }
      if (!stored.has(after)) expect(verdictOn(wrong, aroundIn(stored, after))).toBe('forked')
      const before = counter - 1
      if (before > 0 && !stored.has(before))
        expect(verdictOn(linkAt(before, 1), aroundIn(stored, before))).toBe('forked')
    }),
  )
})

test('the first report follows none, and any other hash is a fork', () => {
  const empty = aroundIn(new Map(), 1)
  expect(verdictOn(linkAt(1), empty)).toBe('next')
  expect(verdictOn({ ...linkAt(1), previous: hashOf(9) }, empty)).toBe('forked')
})

test('what is missing of a gap is exactly what did not arrive', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 20 }),
      fc.nat(20),
      fc.array(fc.nat(40)),
      (first, length, came) => {
        const gap = [first, first + length] as const
        const inGap = [...new Set(came)]
          .filter((one) => one >= gap[0] && one <= gap[1])
          .toSorted((a, b) => a - b)
        const runs = missingIn(gap, inGap)
        const missing = runs.flatMap(([from, to]) =>
          Array.from({ length: to - from + 1 }, (_, at) => from + at),
        )
        const all = Array.from({ length: length + 1 }, (_, at) => first + at)
        expect(missing).toStrictEqual(all.filter((one) => !inGap.includes(one)))
        // Runs are as long as they can be.
        for (const [at, [from]] of runs.entries())
          expect(from).not.toBe((runs[at - 1]?.[1] ?? -9) + 1)
      },
    ),
  )
})
