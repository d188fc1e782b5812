import {
  emptyRoot,
  half,
  HASH_BYTES,
  isOdd,
  isSameHash,
  isTreeSize,
  nodeHash,
} from './merkle-tree.ts'

/** The claim that the tree of `size` leaves under `root` has a leaf at `index`. */
export type InclusionClaim = {
  readonly leafHash: Uint8Array
  readonly index: number
  readonly size: number
  readonly proof: readonly Uint8Array[]
  readonly root: Uint8Array
}

/** The claim that the first `from` leaves of the later tree are the earlier tree. */
export type ConsistencyClaim = {
  readonly from: number
  readonly to: number
  readonly proof: readonly Uint8Array[]
  readonly fromRoot: Uint8Array
  readonly toRoot: Uint8Array
}

/** True if the proof shows that the leaf is under the root (RFC 9162 section 2.1.3.2). A root alone
 * does not fix the size: take both from one signed checkpoint. */
export const verifyInclusion = (claim: InclusionClaim): boolean => {
  const { index, size, proof } = claim
  if (!isTreeSize(index) || !isTreeSize(size) || index >= size) return false
  if (![claim.leafHash, claim.root, ...proof].every(isHash)) return false
  const path = { at: index, last: size - 1 }
  let hash = claim.leafHash
  for (const sibling of proof) {
    if (path.last === 0) return false
    hash = step(path) === 'left' ? nodeHash(sibling, hash) : nodeHash(hash, sibling)
  }
  return path.last === 0 && isSameHash(hash, claim.root)
}

/** True if the proof shows that the later tree is the earlier one with leaves added only at the end
 * (RFC 9162 section 2.1.4.2). Equal sizes need equal roots, an empty tree the empty root, and
 * neither has a proof. */
export const verifyConsistency = (claim: ConsistencyClaim): boolean => {
  const { from, to, proof, fromRoot, toRoot } = claim
  if (!isTreeSize(from) || !isTreeSize(to) || from > to) return false
  if (![fromRoot, toRoot, ...proof].every(isHash)) return false
  if (from === 0 && !isSameHash(fromRoot, emptyRoot())) return false
  if (from === to) return proof.length === 0 && isSameHash(fromRoot, toRoot)
  return from === 0 ? proof.length === 0 : verifyGrowth(claim)
}

const verifyGrowth = ({ from, to, proof, fromRoot, toRoot }: ConsistencyClaim): boolean => {
  const path = { at: from - 1, last: to - 1 }
  while (isOdd(path.at)) climb(path)
  // All ones: the earlier tree is complete, so its root is the first hash and is not sent again.
  const [seed, ...rest] = path.at === 0 ? [fromRoot, ...proof] : proof
  if (!seed) return false
  let fromHash = seed
  let toHash = seed
  for (const sibling of rest) {
    if (path.last === 0) return false
    if (step(path) === 'left') {
      fromHash = nodeHash(sibling, fromHash)
      toHash = nodeHash(sibling, toHash)
    } else {
      toHash = nodeHash(toHash, sibling)
    }
  }
  return path.last === 0 && isSameHash(fromHash, fromRoot) && isSameHash(toHash, toRoot)
}

/** A node on the way to the root and the last node of its level: `fn` and `sn` of RFC 9162. */
type Path = { at: number; last: number }

/** Climbs to the parent that the next sibling completes; returns the side of that sibling. */
const step = (path: Path): 'left' | 'right' => {
  const side = isOdd(path.at) || path.at === path.last ? 'left' : 'right'
  // At the right edge a node without a sibling rises unchanged until it is a right child.
  if (side === 'left') while (!isOdd(path.at) && path.at !== 0) climb(path)
  climb(path)
  return side
}

const climb = (path: Path): void => {
  path.at = half(path.at)
  path.last = half(path.last)
}

const isHash = (bytes: Uint8Array): boolean => bytes.length === HASH_BYTES
