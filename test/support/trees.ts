import {
  type NodeId,
  type TreeNode,
  frontier,
  frontierNodes,
  hashOfSubtrees,
  leafHash,
  nodeHash,
} from '../../src/unlocks/tlog/merkle-tree.ts'
import {
  consistencyNodes,
  inclusionNodes,
  proofHashes,
} from '../../src/unlocks/tlog/proof-nodes.ts'

/** A tree in memory as the store keeps it, complete subtrees only; it counts its reads. */
export const storedTree = (entries: readonly Uint8Array[]) => {
  const levels: Uint8Array[][] = []
  const growing = frontier()
  let reads = 0
  const keep = ({ level, index, hash }: TreeNode) => {
    const nodes = (levels[level] ??= [])
    if (nodes.length !== index) throw new Error(`Node ${index} of level ${level} is out of turn`)
    nodes.push(hash)
  }
  const hashOf = ({ level, index }: NodeId): Uint8Array => {
    reads += 1
    const hash = levels[level]?.[index]
    if (!hash) throw new Error(`Node ${index} of level ${level} was never stored`)
    return hash
  }
  for (const entry of entries) for (const node of growing.append(leafHash(entry))) keep(node)
  return {
    levels,
    hashOf,
    rootAt: (size: number) => hashOfSubtrees(frontierNodes(size).map(hashOf)),
    frontierAt: (size: number) => frontier(size, frontierNodes(size).map(hashOf)),
    inclusionProof: (index: number, size: number) =>
      proofHashes(inclusionNodes(index, size), hashOf),
    consistencyProof: (from: number, to: number) => proofHashes(consistencyNodes(from, to), hashOf),
    size: entries.length,
    root: growing.root(),
    readsOf: (work: () => unknown): number => {
      const before = reads
      work()
      return reads - before
    },
  }
}

/** Distinct entries, like those of an unlock log. */
export const numberedEntries = (count: number): readonly Uint8Array[] =>
  Array.from({ length: count }, (_, seq) => Buffer.from(`{"seq":${seq}}`))

/** Merkle tree hash, straight from the recursive definition of RFC 6962 section 2.1. */
export const referenceRoot = (hashes: readonly Uint8Array[]): Uint8Array => {
  const [first] = hashes
  if (!first) throw new Error('The definition of the empty tree is a test of its own')
  if (hashes.length === 1) return first
  const k = split(hashes.length)
  return nodeHash(referenceRoot(hashes.slice(0, k)), referenceRoot(hashes.slice(k)))
}

/** PATH(m, D[n]) of RFC 6962 section 2.1.1. */
export const referencePath = (m: number, hashes: readonly Uint8Array[]): readonly Uint8Array[] => {
  if (hashes.length === 1) return []
  const k = split(hashes.length)
  const [left, right] = [hashes.slice(0, k), hashes.slice(k)]
  return m < k
    ? [...referencePath(m, left), referenceRoot(right)]
    : [...referencePath(m - k, right), referenceRoot(left)]
}

/** SUBPROOF(m, D[n], b) of RFC 6962 section 2.1.2. */
export const referenceSubproof = (
  m: number,
  hashes: readonly Uint8Array[],
  isWhole = true,
): readonly Uint8Array[] => {
  if (m === hashes.length) return isWhole ? [] : [referenceRoot(hashes)]
  const k = split(hashes.length)
  const [left, right] = [hashes.slice(0, k), hashes.slice(k)]
  return m <= k
    ? [...referenceSubproof(m, left, isWhole), referenceRoot(right)]
    : [...referenceSubproof(m - k, right, false), referenceRoot(left)]
}

/** On which side each hash of an inclusion proof is, leaf first: `l` or `r`. Two indexes with the
 * same sides differ only in the roots of their trees. */
export const inclusionShape = (m: number, n: number): string => {
  if (n === 1) return ''
  const k = split(n)
  return m < k ? `${inclusionShape(m, k)}r` : `${inclusionShape(m - k, n - k)}l`
}

/** The same for a consistency proof; `=` if the earlier root is not sent, `+` if it is. */
export const consistencyShape = (m: number, n: number, isWhole = true): string => {
  if (m === n) return isWhole ? '=' : '+'
  const k = split(n)
  return m <= k
    ? `${consistencyShape(m, k, isWhole)}r`
    : `${consistencyShape(m - k, n - k, false)}l`
}

/** The largest power of two smaller than n: the k of RFC 6962. */
const split = (n: number): number => 2 ** (Math.ceil(Math.log2(n)) - 1)

export const flipBit = (bytes: Uint8Array, bit: number): Uint8Array =>
  bytes.map((byte, at) => (at === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte))
