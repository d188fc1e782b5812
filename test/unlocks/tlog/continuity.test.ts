import { describe, expect, test } from 'bun:test'
import * as fc from 'fast-check'
import { findBreak } from '../../../src/unlocks/tlog/continuity.ts'
import type { ProofNodes } from '../../../src/unlocks/tlog/proof-nodes.ts'
import { proofHashes } from '../../../src/unlocks/tlog/proof-nodes.ts'
import { numberedEntries, storedTree } from '../../support/trees.ts'

const SIZE_MAX = 2000
const tree = storedTree(numberedEntries(SIZE_MAX))
const head = (size: number, of = tree) => ({ size, root: of.rootAt(size) })
const proofsOf = (of: typeof tree) => async (wanted: readonly ProofNodes[]) =>
  wanted.map((nodes) => proofHashes(nodes, of.hashOf))

describe('[G14] a log continues a head that was signed', () => {
  test('exactly if the head is its own, at any size', async () => {
    const sizes = fc.tuple(fc.nat(SIZE_MAX), fc.nat(SIZE_MAX))
    const property = fc.asyncProperty(sizes, async ([kept, present]) => {
      const found = await findBreak(head(kept), head(present), proofsOf(tree))
      expect(found).toStrictEqual(kept <= present ? undefined : { kind: 'shorter', size: present })
    })
    await fc.assert(property, { numRuns: 1000 })
  })

  test('but not if a single event before the head differs', async () => {
    const changed = fc
      .integer({ min: 1, max: 300 })
      .chain((kept) => fc.tuple(fc.constant(kept), fc.nat(kept - 1), fc.nat(300)))
    const property = fc.asyncProperty(changed, async ([kept, at, more]) => {
      const entries = [...numberedEntries(kept + more)]
      entries[at] = Buffer.from('another')
      const fork = storedTree(entries)
      expect(await findBreak(head(kept), head(kept + more, fork), proofsOf(fork))).toStrictEqual({
        kind: 'different',
        size: kept + more,
      })
    })
    await fc.assert(property, { numRuns: 300 })
  })

  test('which takes O(log n) nodes, and none if the sizes are equal', async () => {
    let wanted = 0
    const proofs = async (nodes: readonly ProofNodes[]) => {
      wanted += nodes.flat(2).length
      return proofsOf(tree)(nodes)
    }
    expect(await findBreak(head(1999), head(1999), proofs)).toBeUndefined()
    expect(wanted).toBe(0)
    expect(await findBreak(head(1023), head(1999), proofs)).toBeUndefined()
    expect(wanted).toBeWithin(1, 2 * Math.log2(SIZE_MAX))
  })

  test('and a missing node gives no verdict', async () => {
    const missing = () => Promise.reject(new Error('no such node'))
    expect(findBreak(head(3), head(9), missing)).rejects.toThrow('no such node')
  })
})
