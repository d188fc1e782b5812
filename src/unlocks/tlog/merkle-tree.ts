import { sha256 } from '#crypto'

/** Names a complete subtree: 2^level leaves, the `index`-th from the left. */
export type NodeId = { readonly level: number; readonly index: number }

/** The hash of a complete subtree. It never changes once written, so storage only ever adds. */
export type TreeNode = NodeId & { readonly hash: Uint8Array }

export const HASH_BYTES = 32

export const isSameHash = (left: Uint8Array, right: Uint8Array): boolean => {
  if (left.length !== right.length) return false
  // A plain loop: this runs four times per event, and nothing else without a Buffer is as fast.
  for (let at = 0; at < left.length; at += 1) if (left[at] !== right[at]) return false
  return true
}

const LEAF_PREFIX = 0x00
const NODE_PREFIX = 0x01

/** The hash of one entry: SHA-256(0x00 || entry), RFC 6962 section 2.1. */
export const leafHash = (entry: Uint8Array): Uint8Array => {
  const input = new Uint8Array(1 + entry.length)
  input[0] = LEAF_PREFIX
  input.set(entry, 1)
  return sha256(input)
}

/** The hash of two subtrees side by side: SHA-256(0x01 || left || right), RFC 6962 section 2.1. */
export const nodeHash = (left: Uint8Array, right: Uint8Array): Uint8Array => {
  const input = new Uint8Array(1 + 2 * HASH_BYTES)
  input[0] = NODE_PREFIX
  input.set(left, 1)
  input.set(right, 1 + HASH_BYTES)
  return sha256(input)
}

/** How many inner nodes a tree of `leaves` leaves has completed. */
export const innerNodes = (leaves: number): number => {
  let count = 0
  for (let level = half(leaves); level > 0; level = half(level)) count += level
  return count
}

/** The number of an inner node, counted from 0 without gaps in the order in which leaves complete
 * them. A log that only grows therefore always writes at the end. */
export const nodeNumber = (level: number, index: number): number =>
  innerNodes((index + 1) * 2 ** level - 1) + level - 1

/** Returns a number that identifies a node: that of an inner node, or -1, -2, … for the leaves. */
export const nodeKey = ({ level, index }: NodeId): number =>
  level === 0 ? -1 - index : nodeNumber(level, index)

/** The root of a tree without leaves: SHA-256 of nothing, RFC 6962 section 2.1. */
export const emptyRoot = (): Uint8Array => sha256(new Uint8Array())

/** The complete subtrees that cover the leaves from `start` up to `end`, right to left. `start` is 0
 * or a multiple of a power of two not below the width, as in every range that RFC 6962 splits off. */
export const subtreesOf = (start: number, end: number): readonly NodeId[] => {
  const subtrees: NodeId[] = []
  let position = end
  for (let level = 0, width = 1; position > start; level += 1, width *= 2) {
    if ((position - start) % (width * 2) === 0) continue
    position -= width
    subtrees.push({ level, index: position / width })
  }
  return subtrees
}

/** The hash of neighbouring subtrees, given right to left; of none, the empty tree's (RFC 6962
 * section 2.1). */
export const hashOfSubtrees = (hashes: readonly Uint8Array[]): Uint8Array =>
  hashes.length === 0 ? emptyRoot() : hashes.reduce((right, left) => nodeHash(left, right))

/** The right edge of a growing tree: O(log n) hashes, enough to append and to know the root. */
export type Frontier = {
  readonly size: () => number
  readonly root: () => Uint8Array
  /** Returns the roots of the complete subtrees that the tree consists of, right to left. */
  readonly peaks: () => readonly TreeNode[]
  /** Returns a function that computes the root as it is now, whatever is added later. */
  readonly rootNow: () => () => Uint8Array
  /** Adds a leaf by its hash. Returns the nodes it completes, to be stored with it: the leaf itself
   * first, then its parents as far as they are full. */
  readonly append: (hash: Uint8Array) => readonly TreeNode[]
}

/** The subtrees whose hashes are the frontier of a tree of `size` leaves. */
export const frontierNodes = (size: number): readonly NodeId[] => subtreesOf(0, size)

/** The frontier of a stored tree, given the hashes of its `frontierNodes`; by default, that of an
 * empty tree. RangeError if there are too few or too many of them. */
export const frontier = (size = 0, hashes: readonly Uint8Array[] = []): Frontier => {
  const wanted = frontierNodes(size).length
  if (hashes.length !== wanted)
    throw new RangeError(
      `The frontier of ${size} leaves has ${wanted} hashes, not ${hashes.length}`,
    )
  /** Left to right, the largest subtree first. */
  const peaks = [...hashes].reverse()
  let leaves = size
  const rootNow = () => {
    const those = [...peaks].reverse()
    return () => hashOfSubtrees(those)
  }
  return {
    size: () => leaves,
    root: () => rootNow()(),
    peaks: () => {
      const those = [...peaks].reverse()
      return frontierNodes(leaves).flatMap((node, at) => {
        const hash = those[at]
        return hash ? { ...node, hash } : []
      })
    },
    rootNow,
    append: (hash) => {
      const nodes: TreeNode[] = [{ level: 0, index: leaves, hash }]
      let joined = hash
      let index = leaves
      for (let level = 1; isOdd(index); level += 1) {
        const left = peaks.pop()
        if (!left) throw new RangeError(`The frontier of ${leaves} leaves lost a hash`)
        joined = nodeHash(left, joined)
        index = half(index)
        nodes.push({ level, index, hash: joined })
      }
      peaks.push(joined)
      leaves += 1
      return nodes
    },
  }
}

/** True for a number that can count leaves: 0 to 2^53 - 1. */
export const isTreeSize = (value: number): boolean => Number.isSafeInteger(value) && value >= 0

// Not bit operators: those wrap at 2^31, and a size is any safe integer.
export const isOdd = (value: number): boolean => value % 2 === 1
export const half = (value: number): number => Math.floor(value / 2)
