import { decodeBase64, encodeBase64 } from '#crypto'
import { AppError } from '../../errors.ts'
import type { HeadAndAdded, UnlockStore } from '../log/store.ts'
import type { Logged } from '../log/clock.ts'
import { type Head, openCheckpoint, signCheckpoint } from '../tlog/checkpoint.ts'
import type { TreeHead } from '../tlog/continuity.ts'
import { type Frontier, HASH_BYTES } from '../tlog/merkle-tree.ts'
import type { NoteSigner } from '../tlog/signed-note.ts'

/** A head of the tree, with its root in Base64. */
export type TextHead = { readonly size: number; readonly root: string }

export const textHead = ({ size, root }: TreeHead): TextHead => ({ size, root: encodeBase64(root) })

export const treeHeadOf = ({ size, root }: TextHead): TreeHead => ({
  size,
  root: decodeBase64(root) ?? new Uint8Array(),
})

/** The stored log: its tree, its times, and whether locks have ever reported anything. */
export type Current = {
  readonly tree: Frontier
  readonly logged: Logged
  readonly hasReports: boolean
}

/** The log as this process last stored it. */
export type Known = Current & {
  readonly checkpoint: string
  /** The most recent heads that the log is known to continue. */
  readonly continues: readonly TextHead[]
}

/** How many of these heads are remembered: the largest signed head is one of the most recent, or newer. */
export const CONTINUES_MAX = 8

/** How many leaves of others are read along with a turn. If there are more, the stored tree is read instead. */
const LEAVES_MAX = 512

/** The head of the log, and what others have appended since this process last did. */
export type Foreign = HeadAndAdded | undefined

/** Reads what others have appended to a log of this size. */
export const readForeign = (
  log: Pick<UnlockStore, 'headAndAdded'>,
  size: number,
): Promise<Foreign> => log.headAndAdded(size, LEAVES_MAX)

/** Appends to the known log what others have appended, and so proves that the stored log continues it: the leaves lead
 * to a head that the key signed. Returns undefined if they do not, or if the result does not continue the largest
 * signed head; the known tree must then be discarded. */
export const caughtUp = (
  { tree, logged, checkpoint, continues }: Known,
  head: HeadAndAdded,
  { key, kept }: { readonly key: NoteSigner; readonly kept: TextHead | undefined },
): Current | undefined => {
  if (head.next !== head.size) return undefined
  const isKept = () => tree.size() === kept?.size && encodeBase64(tree.root()) === kept.root
  let isContinued = !kept || isKept() || continues.some((one) => isSameText(one, kept))
  const hashes = Uint8Array.fromHex(head.hashes)
  for (let at = 0; at < hashes.length; at += HASH_BYTES) {
    tree.append(hashes.slice(at, at + HASH_BYTES))
    isContinued ||= isKept()
  }
  if (!isContinued || tree.size() !== head.size) return undefined
  // Ed25519 signatures are deterministic (RFC 8032), and signing is faster than verifying.
  if (head.checkpoint !== checkpoint && head.checkpoint !== signed(key, treeHead(tree)).checkpoint)
    return undefined
  const certainMs = Math.max(logged.certainMs, head.certainMs)
  const lastMs = Math.max(logged.lastMs ?? 0, head.lastMs)
  return { tree, logged: { certainMs, lastMs }, hasReports: head.hasReports === 1 }
}

const treeHead = (tree: Frontier): TreeHead => ({ size: tree.size(), root: tree.root() })

/** Signs a head of the log. */
export const signed = (signer: NoteSigner, { size, root }: TreeHead): Head => ({
  size,
  checkpoint: signCheckpoint({ origin: signer.verifierKey.name, size, root }, signer),
})

const isSameText = (one: TextHead, other: TextHead): boolean =>
  one.size === other.size && one.root === other.root

/** Returns the head that a checkpoint states. Throws `unavailable` if the key did not sign it. */
export const openedHead = (head: Head, { verifierKey }: NoteSigner): TreeHead => {
  try {
    const { size, root } = openCheckpoint(head.checkpoint, verifierKey)
    return { size, root }
  } catch {
    throw broken('its newest checkpoint is not signed by the key in the data folder')
  }
}

export const broken = (fault: string): AppError =>
  new AppError('unavailable', `The unlock log is broken: ${fault}`)
