import { sha256 } from '#crypto'

/** Reads the hash of one complete subtree of 2^level leaves, the `index`-th from the left. */
export type ReadNode = (level: number, index: number) => Uint8Array

/** The hash of a complete subtree. It never changes once written, so storage only ever adds. */
export type TreeNode = {
  readonly level: number
  readonly index: number
  readonly hash: Uint8Array
}

export const HASH_BYTES = 32

export const isSameHash = (left: Uint8Array, right: Uint8Array): boolean => {
  if (left.length !== right.length) return false
  // A plain loop: it runs four times an event, and is the fastest that does without a Buffer.
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

/** How many inner nodes so many leaves complete. */
export const innerNodes = (leaves: number): number => {
  let count = 0
  for (let level = half(leaves); level > 0; level = half(level)) count += level
  return count
}

/** The number of an inner node: from 0 without gaps, in the order in which leaves complete them, so
 * that a log that only grows writes them at one place. */
export const nodeNumber = (level: number, index: number): number =>
  innerNodes((index + 1) * 2 ** level - 1) + level - 1

/** The root of a tree without leaves: SHA-256 of nothing, RFC 6962 section 2.1. */
export const emptyRoot = (): Uint8Array => sha256(new Uint8Array())

/** The nodes that become complete when a leaf joins a tree of `size` leaves: the leaf itself
 * first, then its parents as far as they are full. Reads at most log2(size) nodes. */
export const nodesCompletedBy = (
  size: number,
  hash: Uint8Array,
  readNode: ReadNode,
): readonly TreeNode[] => {
  const nodes: TreeNode[] = [{ level: 0, index: size, hash }]
  let node = hash
  let index = size
  for (let level = 0; isOdd(index); level += 1) {
    node = nodeHash(readNode(level, index - 1), node)
    index = half(index)
    nodes.push({ level: level + 1, index, hash: node })
  }
  return nodes
}

/** The root of the first `size` leaves (RFC 6962 section 2.1), for any size up to that stored. */
export const rootHash = (size: number, readNode: ReadNode): Uint8Array =>
  size === 0 ? emptyRoot() : rangeHash(0, size, readNode)

/** The hashes that lead from a leaf to the root of the first `size` leaves, the leaf's sibling
 * first (RFC 6962 section 2.1.1). Reads O(log size) nodes; RangeError for a leaf outside. */
export const inclusionProof = (
  index: number,
  size: number,
  readNode: ReadNode,
): readonly Uint8Array[] => {
  if (!isTreeSize(index) || !isTreeSize(size) || index >= size) {
    throw new RangeError(`Cannot prove leaf ${index} in a tree of ${size} leaves`)
  }
  const proof: Uint8Array[] = []
  let start = 0
  let end = size
  while (end - start > 1) {
    const middle = start + leftWidth(end - start)
    if (index < middle) {
      proof.push(rangeHash(middle, end, readNode))
      end = middle
    } else {
      proof.push(rangeHash(start, middle, readNode))
      start = middle
    }
  }
  return proof.toReversed()
}

/** The hashes that show the first `from` of `to` leaves unchanged (RFC 6962 section 2.1.2); none
 * for an empty or equal tree. Reads O(log to) nodes; RangeError when `from` is beyond `to`. */
export const consistencyProof = (
  from: number,
  to: number,
  readNode: ReadNode,
): readonly Uint8Array[] => {
  if (!isTreeSize(from) || !isTreeSize(to) || from > to) {
    throw new RangeError(`Cannot prove that ${from} leaves grew into ${to}`)
  }
  if (from === 0) return []
  const proof: Uint8Array[] = []
  let start = 0
  let end = to
  while (end > from) {
    const middle = start + leftWidth(end - start)
    if (from <= middle) {
      proof.push(rangeHash(middle, end, readNode))
      end = middle
    } else {
      proof.push(rangeHash(start, middle, readNode))
      start = middle
    }
  }
  // At start 0 the remaining range is the old tree itself, whose root the verifier already has.
  if (start > 0) proof.push(rangeHash(start, end, readNode))
  return proof.toReversed()
}

/** The right edge of a growing tree: O(log n) hashes, enough to append and to know the root. */
export type Frontier = {
  readonly size: () => number
  readonly root: () => Uint8Array
  /** Adds a leaf by its hash and returns the nodes it completes, to be stored with it. */
  readonly append: (hash: Uint8Array) => readonly TreeNode[]
}

/** The frontier of a stored tree of `size` leaves; with no arguments, of an empty one, which
 * recomputes a root from the leaves alone. */
export const frontier = (size = 0, readNode: ReadNode = noNodes): Frontier => {
  const peaks: Uint8Array[] = []
  const readPeak: ReadNode = (level) => peaks[level] ?? noNodes(level, 0)
  let leaves = size
  for (let level = 0, width = size; width > 0; level += 1, width = half(width)) {
    if (isOdd(width)) peaks[level] = readNode(level, width - 1)
  }
  return {
    size: () => leaves,
    root: () => rootHash(leaves, readPeak),
    append: (hash) => {
      const nodes = nodesCompletedBy(leaves, hash, readPeak)
      for (const node of nodes) peaks[node.level] = node.hash
      leaves += 1
      return nodes
    },
  }
}

const noNodes: ReadNode = (level, index) => {
  throw new RangeError(`The tree has no node ${index} at level ${level}`)
}

/** The hash of the leaves from `start` up to `end`, where `start` is 0 or a multiple of a power of
 * two not below the width, as in every range that RFC 6962 splits off. */
const rangeHash = (start: number, end: number, readNode: ReadNode): Uint8Array => {
  let hash: Uint8Array | undefined
  let position = end
  for (let level = 0, width = 1; position > start; level += 1, width *= 2) {
    if ((position - start) % (width * 2) === 0) continue
    position -= width
    const node = readNode(level, position / width)
    hash = hash ? nodeHash(node, hash) : node
  }
  return hash ?? emptyRoot()
}

/** The largest power of two smaller than `width`: where RFC 6962 splits a tree. */
const leftWidth = (width: number): number => {
  let power = 1
  while (power * 2 < width) power *= 2
  return power
}

/** Whether a number counts leaves: from 0 to 2^53 - 1. */
export const isTreeSize = (value: number): boolean => Number.isSafeInteger(value) && value >= 0

// Not bit operators: those wrap at 2^31, and a size is any safe integer.
export const isOdd = (value: number): boolean => value % 2 === 1
export const half = (value: number): number => Math.floor(value / 2)
