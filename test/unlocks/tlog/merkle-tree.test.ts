import { describe, expect, test } from 'bun:test'
import * as fc from 'fast-check'
import {
  emptyRoot,
  frontier,
  frontierNodes,
  innerNodes,
  leafHash,
  nodeNumber,
} from '../../../src/unlocks/tlog/merkle-tree.ts'
import { consistencyNodes, inclusionNodes } from '../../../src/unlocks/tlog/proof-nodes.ts'
import {
  numberedEntries,
  referencePath,
  referenceRoot,
  referenceSubproof,
  storedTree,
} from '../../support/trees.ts'
import vectors from './rfc6962-vectors.json'

const SLOW_MS = 240_000
const DEFINITION_MAX = 100
const LARGE_MAX = 100_000

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

describe('the reference tree of Certificate Transparency', () => {
  const entries = vectors.entries.map((entry) => Buffer.from(entry, 'hex'))
  const tree = storedTree(entries)

  test('an empty log has the hash of nothing as its root', () => {
    expect(hex(emptyRoot())).toBe(vectors.roots[0] ?? '')
    expect(hex(frontier().root())).toBe(vectors.roots[0] ?? '')
  })

  test('every node completed by eight entries is the published one', () => {
    expect(tree.levels.map((nodes) => nodes.map(hex))).toEqual(vectors.nodes)
  })

  test('every size has its published root', () => {
    const roots = vectors.roots.map((_, size) => hex(tree.rootAt(size)))
    expect(roots).toEqual(vectors.roots)
  })

  test.each(vectors.inclusion)('entry $index of $size has its published proof', (vector) => {
    const proof = tree.inclusionProof(vector.index, vector.size)
    expect(proof.map(hex)).toEqual(vector.proof)
  })

  test.each(vectors.consistency)('growth from $from to $to has its published proof', (vector) => {
    const proof = tree.consistencyProof(vector.from, vector.to)
    expect(proof.map(hex)).toEqual(vector.proof)
  })
})

describe('a log of any size', () => {
  const tree = storedTree(numberedEntries(LARGE_MAX))
  const leaves = tree.levels[0] ?? []

  test(
    'every proof of a small log is what the definition in RFC 6962 yields',
    () => {
      for (let size = 1; size <= DEFINITION_MAX; size += 1) {
        const hashes = leaves.slice(0, size)
        expect(tree.rootAt(size)).toEqual(referenceRoot(hashes))
        for (let at = 0; at < size; at += 1) {
          expect(tree.inclusionProof(at, size)).toEqual(referencePath(at, hashes))
          const proof = tree.consistencyProof(at + 1, size)
          expect(proof).toEqual(referenceSubproof(at + 1, hashes))
        }
      }
    },
    SLOW_MS,
  )

  test(
    'every proof of a large log is what the definition in RFC 6962 yields',
    () => {
      const property = fc.property(sizeAndIndex, ([size, index]) => {
        const hashes = leaves.slice(0, size)
        expect(tree.inclusionProof(index, size)).toEqual(referencePath(index, hashes))
        const proof = tree.consistencyProof(index + 1, size)
        expect(proof).toEqual(referenceSubproof(index + 1, hashes))
      })
      fc.assert(property, { numRuns: 10 })
    },
    SLOW_MS,
  )

  test('a proof reads at most twice as many nodes as the tree is high', () => {
    const property = fc.property(sizeAndIndex, ([size, index]) => {
      const height = Math.ceil(Math.log2(size)) + 1
      expect(tree.readsOf(() => tree.rootAt(size))).toBeLessThanOrEqual(height)
      expect(tree.readsOf(() => tree.inclusionProof(index, size))).toBeLessThanOrEqual(2 * height)
      const reads = tree.readsOf(() => tree.consistencyProof(index + 1, size))
      expect(reads).toBeLessThanOrEqual(2 * height)
    })
    fc.assert(property)
  })

  test('an entry added to the stored tree completes the same nodes as in the running tree', () => {
    const property = fc.property(sizeAndIndex, ([, size]) => {
      const leaf = leaves[size] ?? new Uint8Array()
      const resumed = tree.frontierAt(size)
      expect(resumed.size()).toBe(size)
      expect(resumed.root()).toEqual(tree.rootAt(size))
      const nodes = resumed.append(leaf)
      const completed = tree.levels.map((_, level) => ({
        level,
        index: (size + 1) / 2 ** level - 1,
      }))
      expect(nodes).toEqual(
        completed
          .filter(({ index }) => Number.isInteger(index))
          .map((node) => ({ ...node, hash: tree.hashOf(node) })),
      )
      expect(resumed.root()).toEqual(tree.rootAt(size + 1))
    })
    fc.assert(property)
  })

  test('inner nodes are numbered without gaps, in the order in which entries complete them', () => {
    const growing = frontier()
    let next = 0
    for (const entry of numberedEntries(1000)) {
      expect(innerNodes(growing.size())).toBe(next)
      for (const { level, index } of growing.append(leafHash(entry)))
        if (level > 0) expect(nodeNumber(level, index)).toBe(next++)
    }
    // Beyond the range of bit operators.
    expect(nodeNumber(1, 2 ** 40)).toBe(innerNodes(2 ** 41 + 1))
  })

  test('only complete subtrees are stored, fewer than two nodes per entry', () => {
    const counts = tree.levels.map((nodes) => nodes.length)
    expect(counts).toEqual(counts.map((_, level) => Math.floor(LARGE_MAX / 2 ** level)))
  })

  test('a log of more than 2^32 entries is counted correctly', () => {
    const size = 2 ** 40 + 5
    expect(inclusionNodes(size - 1, size)).toEqual([
      [{ level: 2, index: 2 ** 38 }],
      [{ level: 40, index: 0 }],
    ])
    const hashes = frontierNodes(size - 1).map(({ level, index }) =>
      leafHash(Buffer.from(`${level}/${index}`)),
    )
    const [leaf] = frontier(size - 1, hashes).append(emptyRoot())
    expect(leaf?.index).toBe(size - 1)
  })
})

describe('what cannot be proven', () => {
  test.each([
    [4, 4],
    [0, 0],
    [-1, 4],
    [0.5, 4],
    [0, 2 ** 53],
  ])('entry %p of %p is refused', (index, size) => {
    expect(() => inclusionNodes(index, size)).toThrow(RangeError)
  })

  test.each([
    [4, 3],
    [-1, 4],
    [1.5, 4],
    [1, Number.NaN],
  ])('growth from %p to %p is refused', (from, to) => {
    expect(() => consistencyNodes(from, to)).toThrow(RangeError)
  })

  test('a tree cannot continue without the hashes of its frontier', () => {
    expect(() => frontier(3)).toThrow('The frontier of 3 leaves has 2 hashes, not 0')
  })
})

/** A size with an index inside it. */
const sizeAndIndex = fc
  .integer({ min: 1, max: LARGE_MAX })
  .chain((size) => fc.tuple(fc.constant(size), fc.nat({ max: size - 1 })))
