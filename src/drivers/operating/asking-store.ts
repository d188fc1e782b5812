import type { AfterPermitted } from '../../storage/writing/after-permitted.ts'

/** How long a lock has to do as it was told, in milliseconds. */
export const DEADLINE_MS = 15_000

/** Notes in the transaction of the decisions which permitted attempts are to be carried out: those at locks with a
 * driver. What a crash leaves behind is known then, and is never carried out a second time. */
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
