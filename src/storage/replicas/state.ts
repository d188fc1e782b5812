import type { Queries } from '../queries.ts'
import { settingsIn } from '../sqlite/setting-store.ts'

const PREFIX = 'replica_'

/** State that the replicas of a home share, as JSON, in a transaction or outside of any. */
export const replicaState = <Value>(queries: Pick<Queries, 'get' | 'run'>, name: string) => ({
  read: async (): Promise<Value | undefined> => {
    const text = await settingsIn(queries).find(PREFIX + name)
    return text === undefined ? undefined : (JSON.parse(text) as Value)
  },

  put: (value: Value): Promise<void> =>
    settingsIn(queries).put(PREFIX + name, JSON.stringify(value)),

  forget: (): Promise<void> => settingsIn(queries).removeAll(PREFIX + name),
})

/** Forgets all shared state, after the home came from elsewhere. */
export const forgetReplicaStates = (tx: Pick<Queries, 'get' | 'run'>): Promise<void> =>
  settingsIn(tx).removeAll(PREFIX)
