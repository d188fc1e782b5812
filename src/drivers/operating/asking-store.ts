import type { AfterPermitted } from '../../storage/writing/after-permitted.ts'

/** How long a lock may take to carry out a command, in milliseconds. */
export const DEADLINE_MS = 15_000

/** Stores an operation for each permitted attempt at a lock with a driver, in the transaction of the decisions. After a
 * crash, open operations are therefore known, and are never repeated. */
export const askPermitted: AfterPermitted = async (tx, attempts) => {
  await tx.run(
    `INSERT INTO lock_operation (attempt_id, lock_id, state, asked_at_ms, deadline_ms)
     SELECT
       asked.value ->> 'id',
       lock_driver.lock_id,
       'asked',
       asked.value ->> 'decidedAtMs',
       (asked.value ->> 'decidedAtMs') + ${DEADLINE_MS}
     FROM json_each(?) AS asked
     CROSS JOIN lock_driver ON lock_driver.lock_id = asked.value ->> 'lockId'`,
    JSON.stringify(attempts),
  )
}
