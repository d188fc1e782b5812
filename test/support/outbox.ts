import type { Rule } from '../../src/domain/home-event.ts'
import { type Delivery, deliveriesIn } from '../../src/outbox/core/delivery-store.ts'
import { type StoredTarget, targetsIn } from '../../src/outbox/core/target-store.ts'
import type { Queries } from '../../src/storage/database.ts'

/** A target of the home. */
const targetOf = (
  id: string,
  rules: readonly Rule[],
  given: Partial<StoredTarget> = {},
): StoredTarget => ({
  id,
  kind: 'test',
  name: id,
  accountPublicId: null,
  settings: {},
  secrets: {},
  rules,
  disabledWhy: undefined,
  failingSinceMs: undefined,
  version: 1,
  createdAtMs: 0,
  ...given,
})

export const addTarget = async (
  db: Queries,
  id: string,
  rules: readonly Rule[],
  given: Partial<StoredTarget> = {},
): Promise<void> => targetsIn(db).put(targetOf(id, rules, given))

/** The rows of a target's outbox, oldest first. */
export const deliveriesTo = async (db: Queries, id: string): Promise<readonly Delivery[]> =>
  (await deliveriesIn(db).page(id, Number.MAX_SAFE_INTEGER, 100_000)).toReversed()
