import { AppError } from '../../errors.ts'
import type { Queries } from '../../storage/database.ts'
import { rowInserter } from '../../storage/row-inserter.ts'
import {
  type Frontier,
  type NodeId,
  type TreeNode,
  frontier,
  frontierNodes,
  innerNodes,
  nodeKey,
  nodeNumber,
} from '../tlog/merkle-tree.ts'
import { type ProofNodes, proofHashes } from '../tlog/proof-nodes.ts'

type Reads = Pick<Queries, 'all' | 'get'>

/** Reads the Merkle tree: its leaves are in `unlock_event` and `log_record`, its inner nodes in `tree_node`. */
export const treeReads = (db: Reads) => ({
  /** Returns the frontier of the first `size` events. Throws `unavailable` if a node is missing. */
  frontier: async (size: number): Promise<Frontier> => {
    const nodes = frontierNodes(size)
    const hashOf = await readNodes(db, nodes)
    return frontier(size, nodes.map(hashOf))
  },

  /** Returns the hashes of several proofs; reads only the nodes that are not `known`. Throws `unavailable` if
   * a node is missing. */
  proofs: async (
    wanted: readonly ProofNodes[],
    known: (node: NodeId) => Uint8Array | undefined = () => undefined,
  ): Promise<readonly (readonly Uint8Array[])[]> => {
    const unknown = wanted.flat(2).filter((node) => !known(node))
    const readHash = unknown.length > 0 ? await readNodes(db, unknown) : missing
    return wanted.map((nodes) => proofHashes(nodes, (node) => known(node) ?? readHash(node)))
  },

  /** Returns the inner nodes that the leaves from first to last complete, in that order. */
  nodesOf: async (firstSeq: number, lastSeq: number): Promise<readonly Uint8Array[]> => {
    const rows = await db.all<{ hash: Uint8Array }>(
      'SELECT hash FROM tree_node WHERE number >= ? AND number < ? ORDER BY number',
      innerNodes(firstSeq),
      innerNodes(lastSeq + 1),
    )
    return rows.map(({ hash }) => hash)
  },

  /** True if the tree has a node that no event within the head's size completed: somebody wrote to
   * the file. Looks at both in one statement. */
  hasStrayNode: async (): Promise<boolean> => {
    const row = await db.get<{ first: number | null; last: number | null; size: number | null }>(
      `SELECT
         (SELECT min(number) FROM tree_node) AS first,
         (SELECT max(number) FROM tree_node) AS last,
         (SELECT size FROM log_head WHERE id = 1) AS size`,
    )
    return (row?.first ?? 0) < 0 || (row?.last ?? -1) >= innerNodes(row?.size ?? 0)
  },
})

/** Writes the Merkle tree. */
export const treeWrites = (tx: Pick<Queries, 'run'>) => ({
  /** Adds inner nodes. Throws `unavailable` if one of them exists already. */
  insertNodes: async (nodes: readonly TreeNode[]): Promise<void> => {
    const rows = nodes.map(({ level, index, hash }) => [nodeNumber(level, index), hash])
    if ((await insertRows(tx, rows)) < rows.length)
      throw new AppError(
        'unavailable',
        'The unlock log is broken: its tree has a node that belongs to no event',
      )
  },
})

const insertRows = rowInserter({
  insert: 'INSERT INTO tree_node (number, hash)',
  columns: 2,
  ending: 'ON CONFLICT DO NOTHING',
})

/** Reads the hashes of nodes in one query. The function it returns throws `unavailable` for one that
 * is missing. */
const readNodes = async (
  db: Reads,
  nodes: readonly NodeId[],
): Promise<(node: NodeId) => Uint8Array> => {
  const keys = [...new Set(nodes.map(nodeKey))]
  const rows = await db.all<{ key: number; hash: Uint8Array }>(
    `SELECT number AS key, hash
     FROM tree_node
     WHERE number IN (SELECT CAST(value AS bigint) FROM json_each(?1))
     UNION ALL
     SELECT -1 - seq, leaf_hash
     FROM unlock_event
     WHERE seq IN (SELECT CAST(value AS bigint) FROM json_each(?2))
     UNION ALL
     SELECT -1 - seq, leaf_hash
     FROM log_record
     WHERE seq IN (SELECT CAST(value AS bigint) FROM json_each(?2))`,
    JSON.stringify(keys.filter((key) => key >= 0)),
    JSON.stringify(keys.filter((key) => key < 0).map((key) => -1 - key)),
  )
  const hashes = new Map(rows.map(({ key, hash }) => [key, hash]))
  return (node) => hashes.get(nodeKey(node)) ?? missing(node)
}

const missing = ({ level, index }: NodeId): never => {
  throw new AppError('unavailable', `The log has no node ${index} at level ${level} of its tree`)
}
