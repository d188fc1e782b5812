import type { Queries } from '../../storage/database.ts'

/** Returns the states of the operations of attempts at their locks, by attempt; an attempt without one is left out. */
export const operationStates = async (
  db: Pick<Queries, 'all'>,
  attemptIds: readonly string[],
): Promise<ReadonlyMap<string, string>> => {
  const rows = await db.all<{ id: string; state: string }>(
    `SELECT operation.attempt_id AS id, operation.state
     FROM lock_operation AS operation
     WHERE operation.attempt_id IN (SELECT value FROM json_each(?))`,
    JSON.stringify(attemptIds),
  )
  return new Map(rows.map(({ id, state }) => [id, state]))
}
