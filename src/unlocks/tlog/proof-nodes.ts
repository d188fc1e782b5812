import { type NodeId, hashOfSubtrees, isTreeSize, subtreesOf } from './merkle-tree.ts'

/** What a proof is computed from: for each of its hashes the subtrees that make it up, right to
 * left. Most hashes are those of one subtree. */
export type ProofNodes = readonly (readonly NodeId[])[]

/** The nodes of an inclusion proof, which leads from a leaf to the root of the first `size` leaves,
 * the leaf's sibling first (RFC 6962 section 2.1.1): O(log size). RangeError for a leaf outside. */
export const inclusionNodes = (index: number, size: number): ProofNodes => {
  if (!isTreeSize(index) || !isTreeSize(size) || index >= size)
    throw new RangeError(`Cannot prove leaf ${index} in a tree of ${size} leaves`)
  const proof: (readonly NodeId[])[] = []
  let start = 0
  let end = size
  while (end - start > 1) {
    const middle = start + leftWidth(end - start)
    if (index < middle) {
      proof.push(subtreesOf(middle, end))
      end = middle
    } else {
      proof.push(subtreesOf(start, middle))
      start = middle
    }
  }
  return proof.toReversed()
}

/** The nodes of a consistency proof, which shows that the first `from` of `to` leaves are unchanged
 * (RFC 6962 section 2.1.2): O(log to), and none if the trees are equal or the earlier one is empty.
 * RangeError if `from` is beyond `to`. */
export const consistencyNodes = (from: number, to: number): ProofNodes => {
  if (!isTreeSize(from) || !isTreeSize(to) || from > to)
    throw new RangeError(`Cannot prove that ${from} leaves grew into ${to}`)
  if (from === 0) return []
  const proof: (readonly NodeId[])[] = []
  let start = 0
  let end = to
  while (end > from) {
    const middle = start + leftWidth(end - start)
    if (from <= middle) {
      proof.push(subtreesOf(middle, end))
      end = middle
    } else {
      proof.push(subtreesOf(start, middle))
      start = middle
    }
  }
  // At start 0 the remaining range is the earlier tree itself, whose root the verifier already has.
  if (start > 0) proof.push(subtreesOf(start, end))
  return proof.toReversed()
}

/** The hashes of a proof, given those of its nodes. */
export const proofHashes = (
  nodes: ProofNodes,
  hashOf: (node: NodeId) => Uint8Array,
): readonly Uint8Array[] => nodes.map((subtrees) => hashOfSubtrees(subtrees.map(hashOf)))

/** The largest power of two smaller than `width`: where RFC 6962 splits a tree. */
const leftWidth = (width: number): number => {
  let power = 1
  while (power * 2 < width) power *= 2
  return power
}
