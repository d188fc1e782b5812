import { verifyConsistency } from './merkle-proof.ts'
import { isSameHash } from './merkle-tree.ts'
import { type ProofNodes, consistencyNodes } from './proof-nodes.ts'

/** A head without its signature: the number of events, and the root over them. */
export type TreeHead = { readonly size: number; readonly root: Uint8Array }

/** How a log fails to continue a signed head. `shorter`: events are missing at its end. `different`: at least
 * one event differs. */
export type Break = {
  readonly kind: 'shorter' | 'different'
  /** The size of the log now. */
  readonly size: number
}

type ReadProofs = (wanted: readonly ProofNodes[]) => Promise<readonly (readonly Uint8Array[])[]>

/** Checks that a log with the second head is, or extends, the log with the first one (RFC 9162 section
 * 2.1.4). Returns undefined if so, otherwise how it fails to. Reads O(log n) nodes, and none if the sizes are
 * equal. Rejects with `unavailable` if a node is missing. */
export const findBreak = async (
  kept: TreeHead,
  { size, root }: TreeHead,
  proofs: ReadProofs,
): Promise<Break | undefined> => {
  if (size < kept.size) return { kind: 'shorter', size }
  const [proof = []] = size > kept.size ? await proofs([consistencyNodes(kept.size, size)]) : []
  const isContinued = verifyConsistency({
    from: kept.size,
    to: size,
    proof,
    fromRoot: kept.root,
    toRoot: root,
  })
  return isContinued ? undefined : { kind: 'different', size }
}

/** True if two heads are the same. */
export const isSameHead = (one: TreeHead | undefined, other: TreeHead | undefined): boolean =>
  one === other ||
  (one !== undefined &&
    other !== undefined &&
    one.size === other.size &&
    isSameHash(one.root, other.root))
