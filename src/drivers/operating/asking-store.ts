import type { AfterPermitted } from '../../storage/writing/after-permitted.ts'

/** How long a lock may take to carry out a command, in milliseconds. */
export const DEADLINE_MS = 15_000

/** How long a lock with controllers may take until it says how it ended, in milliseconds. */
const CONTROLLER_DEADLINE_MS = 30_000

/** Stores an operation for each permitted attempt at a lock with a driver or with controllers, in the transaction of the
 * decisions. After a crash, open operations are therefore known, and are never repeated. */
export const askPermitted: AfterPermitted = async (tx, attempts) => {
  await tx.run(
    `INSERT INTO lock_operation (attempt_id, lock_id, state, asked_at_ms, deadline_ms)
     SELECT
       asked.value ->> 'id',
       lock.id,
       'asked',
       CAST(asked.value ->> 'decidedAtMs' AS bigint),
       CAST(asked.value ->> 'decidedAtMs' AS bigint)
         + CASE WHEN driver.lock_id IS NULL THEN ${CONTROLLER_DEADLINE_MS} ELSE ${DEADLINE_MS} END
     FROM json_each(?) AS asked
     CROSS JOIN lock ON lock.id = asked.value ->> 'lockId'
     LEFT JOIN lock_driver AS driver ON driver.lock_id = lock.id
     WHERE driver.lock_id IS NOT NULL
       OR EXISTS (
         SELECT 1
         FROM controller
         WHERE controller.lock_id = lock.id AND removed_at_ms IS NULL
       )`,
    JSON.stringify(attempts),
  )
}
