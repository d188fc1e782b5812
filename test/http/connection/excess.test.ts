import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { excess } from '../../../src/http/connection/excess.ts'

type Held = { readonly client: string; readonly idle: number }

const bounds = (max: number, each: number) => ({
  clientOf: ({ client }: Held) => client,
  max,
  maxOf: () => each,
  order: (left: Held, right: Held) => right.idle - left.idle,
})

const held = (...sizes: readonly number[]): readonly Held[] =>
  sizes.flatMap((size, at) =>
    Array.from({ length: size }, (_, idle) => ({ client: String(at), idle })),
  )

const sizesOf = (items: Iterable<Held>): Readonly<Record<string, number>> => {
  const sizes: Record<string, number> = {}
  for (const { client } of items) sizes[client] = (sizes[client] ?? 0) + 1
  return sizes
}

test('[G1] within the bounds nothing is given up', () => {
  expect([...excess(held(5, 3), bounds(8, 5))]).toStrictEqual([])
})

test('[G1] a client over its bound gives up those that come first in order', () => {
  expect([...excess(held(4, 2), bounds(100, 2))]).toStrictEqual([
    { client: '0', idle: 2 },
    { client: '0', idle: 3 },
  ])
})

test('[G1] if all together have too many, only those with the most give some up', () => {
  expect(sizesOf(excess(held(10, 7, 2, 1), bounds(13, 100)))).toStrictEqual({ 0: 5, 1: 2 })
})

test('[G1] if there are more clients than places, those first in order lose theirs', () => {
  const items = Array.from({ length: 5 }, (_, idle) => ({ client: `c${idle}`, idle }))
  expect([...excess(items, bounds(3, 100))].map(({ idle }) => idle)).toStrictEqual([3, 4])
})

test('[G1] whatever clients hold: the bounds are kept, and no one loses to someone who has more', () => {
  fc.assert(
    fc.property(
      fc.array(fc.nat(40), { maxLength: 12 }),
      fc.integer({ min: 1, max: 60 }),
      fc.integer({ min: 1, max: 30 }),
      (sizes, max, each) => {
        const items = held(...sizes)
        const lost = excess(items, bounds(max, each))
        const kept = sizesOf(items.filter((item) => !lost.has(item)))
        const total = Object.values(kept).reduce((sum, size) => sum + size, 0)
        expect(total).toBeLessThanOrEqual(max)
        // A remainder smaller than the number of clients may be left.
        const possible = sizes.reduce((sum, size) => sum + Math.min(size, each), 0)
        expect(total).toBeGreaterThan(Math.min(possible, max) - Math.max(sizes.length, 1))
        const most = Math.max(0, ...Object.values(kept))
        expect(most).toBeLessThanOrEqual(each)
        for (const [at, size] of sizes.entries()) {
          const has = kept[String(at)] ?? 0
          if (has < Math.min(size, each)) expect(has).toBeGreaterThanOrEqual(most - 1)
        }
      },
    ),
  )
})
