import type { Clock } from '../../domain/clock.ts'
import type { Rule } from '../../domain/home-event.ts'
import type { Database } from '../../storage/database.ts'
import { targetsIn } from './target-store.ts'

type Dependencies = {
  readonly db: Pick<Database, 'all' | 'get' | 'run' | 'transaction'>
  readonly clock: Pick<Clock, 'wallMs'>
}

/** The target that stands for the broker. */
export const BROKER = 'mqtt'

/** Adds the broker as a target while one is configured; otherwise removes it and its deliveries. Changes that an
 * owner made to it are preserved. */
export const keepBrokerTarget = async (
  { db, clock }: Dependencies,
  /** The rules of a new target; undefined without a broker. */
  rules: readonly Rule[] | undefined,
): Promise<void> => {
  const known = await targetsIn(db).find(BROKER)
  if ((known === undefined) === (rules === undefined)) return
  await db.transaction((tx) =>
    rules
      ? targetsIn(tx).put({
          id: BROKER,
          kind: BROKER,
          name: 'MQTT',
          accountPublicId: null,
          settings: {},
          secrets: {},
          rules,
          disabledWhy: undefined,
          failingSinceMs: undefined,
          version: 1,
          createdAtMs: clock.wallMs(),
        })
      : targetsIn(tx).remove(BROKER),
  )
}
