import { describe, expect, test } from 'bun:test'
import * as fc from 'fast-check'
import {
  type ConsistencyClaim,
  type InclusionClaim,
  verifyConsistency,
  verifyInclusion,
} from '../../../src/unlocks/tlog/merkle-proof.ts'
import { emptyRoot } from '../../../src/unlocks/tlog/merkle-tree.ts'
import {
  consistencyShape,
  flipBit,
  inclusionShape,
  numberedEntries,
  storedTree,
} from '../../support/trees.ts'
import goVectors from './go-vectors.json'

const SLOW_MS = 240_000
const SMALL_MAX = 300
const LARGE_MAX = 100_000

const tree = storedTree(numberedEntries(LARGE_MAX))
const rootOf = (size: number): Uint8Array => tree.rootAt(size)
const bytes = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, 'hex'))

describe('proof that an entry is in the log', () => {
  test(
    'every entry of every small log is proven, and no altered proof passes',
    () => {
      for (let size = 1; size <= SMALL_MAX; size += 1) {
        for (let index = 0; index < size; index += 1) {
          const claim = inclusion(index, size)
          if (!verifyInclusion(claim)) throw new Error(`Entry ${index} of ${size} is not proved`)
          expectRefused(alteredInclusion(claim, index + size), verifyInclusion)
        }
      }
    },
    SLOW_MS,
  )

  test('any entry of a large log is proven, and no altered proof passes', () => {
    const property = fc.property(pair, fc.nat(), ([size, index], seed) => {
      const claim = inclusion(index, size)
      expect(verifyInclusion(claim)).toBe(true)
      expectRefused(alteredInclusion(claim, seed), verifyInclusion)
    })
    fc.assert(property)
  })

  test('a proof passes for another index only if that has the same shape', () => {
    const property = fc.property(smallPair, smallPair, ([size, index], [otherSize, otherIndex]) => {
      const claim = inclusion(index, size)
      const isAlike = inclusionShape(index, size) === inclusionShape(otherIndex, otherSize)
      expect(verifyInclusion({ ...claim, size: otherSize, index: otherIndex })).toBe(isAlike)
    })
    fc.assert(property, { numRuns: 2000 })
  })

  test('an impossible index is refused', () => {
    const claim = inclusion(0, 1)
    for (const [index, size] of [
      [0, 0],
      [1, 1],
      [-1, 1],
      [0, -1],
      [0.5, 1],
      [0, Number.NaN],
      [0, 2 ** 53],
    ] as const) {
      expect(verifyInclusion({ ...claim, index, size })).toBe(false)
    }
  })

  test('hashes that are not 32 bytes long are refused', () => {
    const claim = inclusion(0, 1)
    const short = claim.root.slice(1)
    expect(verifyInclusion({ ...claim, leafHash: short, root: short })).toBe(false)
    expect(verifyInclusion({ ...inclusion(0, 2), proof: [short] })).toBe(false)
  })
})

describe('proof that the log only grew', () => {
  test(
    'every growth of every small log is proven, and no altered proof passes',
    () => {
      for (let to = 0; to <= SMALL_MAX; to += 1) {
        for (let from = 0; from <= to; from += 1) {
          const claim = growth(from, to)
          if (!verifyConsistency(claim)) throw new Error(`${from} to ${to} is not proved`)
          expectRefused(alteredGrowth(claim, from + to), verifyConsistency)
        }
      }
    },
    SLOW_MS,
  )

  test('any growth of a large log is proven, and no altered proof passes', () => {
    const property = fc.property(pair, fc.nat(), ([to, index], seed) => {
      const claim = growth(index + 1, to)
      expect(verifyConsistency(claim)).toBe(true)
      expectRefused(alteredGrowth(claim, seed), verifyConsistency)
    })
    fc.assert(property)
  })

  test('a proof passes for other sizes only if those have the same shape', () => {
    const property = fc.property(smallPair, smallPair, ([to, index], [otherTo, otherIndex]) => {
      fc.pre(index + 1 < to && otherIndex + 1 < otherTo)
      const isAlike = consistencyShape(index + 1, to) === consistencyShape(otherIndex + 1, otherTo)
      const claim = { ...growth(index + 1, to), from: otherIndex + 1, to: otherTo }
      expect(verifyConsistency(claim)).toBe(isAlike)
    })
    fc.assert(property, { numRuns: 2000 })
  })

  test('every log extends the empty one, whose root is the hash of nothing', () => {
    const claim = { from: 0, to: 5, proof: [], fromRoot: emptyRoot(), toRoot: rootOf(5) }
    expect(verifyConsistency(claim)).toBe(true)
    expect(verifyConsistency({ ...claim, to: 0, toRoot: emptyRoot() })).toBe(true)
    expect(verifyConsistency({ ...claim, fromRoot: rootOf(1) })).toBe(false)
    expect(verifyConsistency({ ...claim, proof: [rootOf(1)] })).toBe(false)
    expect(verifyConsistency({ ...claim, to: 0, fromRoot: rootOf(1), toRoot: rootOf(1) })).toBe(
      false,
    )
  })

  test('a log of the same size has the same root and needs no proof', () => {
    const claim = growth(6, 6)
    expect(claim.proof).toEqual([])
    expect(verifyConsistency(claim)).toBe(true)
    expect(verifyConsistency({ ...claim, toRoot: rootOf(7) })).toBe(false)
    expect(verifyConsistency({ ...claim, proof: [rootOf(6)] })).toBe(false)
  })

  test('a log that shrank or has an impossible size is refused', () => {
    const claim = growth(3, 5)
    for (const [from, to] of [
      [5, 3],
      [-1, 5],
      [2.5, 5],
      [3, Number.POSITIVE_INFINITY],
    ] as const) {
      expect(verifyConsistency({ ...claim, from, to })).toBe(false)
    }
  })

  test.each(goVectors.consistency)('growth $from to $to that Go proves is accepted', (vector) => {
    const claim = {
      ...vector,
      proof: vector.proof.map(bytes),
      fromRoot: bytes(vector.fromRoot),
      toRoot: bytes(vector.toRoot),
    }
    expect(verifyConsistency(claim)).toBe(true)
    expectRefused(alteredGrowth(claim, 1), verifyConsistency)
    expect(growth(vector.from, vector.to)).toMatchObject(claim)
  })
})

const inclusion = (index: number, size: number): InclusionClaim => ({
  leafHash: tree.hashOf({ level: 0, index }),
  index,
  size,
  proof: tree.inclusionProof(index, size),
  root: rootOf(size),
})

const growth = (from: number, to: number): ConsistencyClaim => ({
  from,
  to,
  proof: tree.consistencyProof(from, to),
  fromRoot: rootOf(from),
  toRoot: rootOf(to),
})

/** The claim with each of its parts changed in turn, none of which may pass; `seed` chooses the bit. */
const alteredInclusion = (claim: InclusionClaim, seed: number): readonly InclusionClaim[] => [
  ...alteredProofs(claim.proof, seed).map((proof) => Object.assign({}, claim, { proof })),
  { ...claim, root: flipBit(claim.root, seed % 256) },
  { ...claim, leafHash: flipBit(claim.leafHash, seed % 256) },
  { ...claim, index: claim.index + 1 },
  { ...claim, index: claim.index - 1 },
  { ...claim, size: claim.index },
  { ...claim, size: 2 ** 30 * claim.size },
]

const alteredGrowth = (claim: ConsistencyClaim, seed: number): readonly ConsistencyClaim[] => [
  ...alteredProofs(claim.proof, seed).map((proof) => Object.assign({}, claim, { proof })),
  { ...claim, fromRoot: flipBit(claim.fromRoot, seed % 256) },
  { ...claim, from: claim.to + 1 },
  ...(claim.from === 0
    ? []
    : [
        { ...claim, toRoot: flipBit(claim.toRoot, seed % 256) },
        { ...claim, to: claim.from - 1 },
        { ...claim, to: 2 ** 30 * claim.to },
      ]),
  ...(claim.from === claim.to
    ? []
    : [{ ...claim, fromRoot: claim.toRoot, toRoot: claim.fromRoot }]),
]

const alteredProofs = (proof: readonly Uint8Array[], seed: number): readonly Uint8Array[][] => [
  ...proof.map((hash, at) => proof.with(at, flipBit(hash, (seed + at) % 256))),
  ...proof.map((_, at) => proof.toSpliced(at, 1)),
  ...proof.slice(1).map((hash, at) => proof.toSpliced(at, 2, hash, proof[at] ?? hash)),
  [...proof, emptyRoot()],
  [emptyRoot(), ...proof],
]

const expectRefused = <Claim>(claims: readonly Claim[], verify: (claim: Claim) => boolean) => {
  const passed = claims.filter(verify)
  if (passed.length > 0) throw new Error(`Altered claims passed: ${JSON.stringify(passed)}`)
}

const pairUpTo = (max: number) =>
  fc
    .integer({ min: 1, max })
    .chain((size) => fc.tuple(fc.constant(size), fc.nat({ max: size - 1 })))
const pair = pairUpTo(LARGE_MAX)
const smallPair = pairUpTo(20)
