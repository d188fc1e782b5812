import type { Database } from '../storage/database.ts'
import { settingsIn } from '../storage/sqlite/setting-store.ts'

type Dependencies = { readonly db: Pick<Database, 'get' | 'run' | 'transaction'> }

/** The last unlock of a lock that was published. */
export type Remembered = {
  readonly seq: number
  readonly happenedAtMs: number
  readonly isLate: boolean
}

/** The settings for the gateway’s id at the broker, and for the last unlock of each lock. */
const GATEWAY_ID = 'mqtt_gateway_id'
const LAST = 'mqtt_last'

/** Returns the id of this gateway in its topics: eight hexadecimal digits, created once. */
export const gatewayId = async ({ db }: Dependencies): Promise<string> =>
  (await settingsIn(db).find(GATEWAY_ID)) ??
  db.transaction(async (tx) => {
    const settings = settingsIn(tx)
    const known = await settings.find(GATEWAY_ID)
    const id = known ?? Buffer.from(crypto.getRandomValues(new Uint8Array(4))).toString('hex')
    if (known === undefined) await settings.put(GATEWAY_ID, id)
    return id
  })

/** Stores the last published unlock of each lock, so that it can be published again to a broker that has lost it. */
export const lastUnlocks = ({ db }: Dependencies) => {
  let last = new Map<string, Remembered>()
  let saving: Promise<void> | undefined
  let isSaved = true

  const save = async (): Promise<void> => {
    while (!isSaved) {
      isSaved = true
      const text = JSON.stringify(Object.fromEntries(last))
      try {
        await db.transaction((tx) => settingsIn(tx).put(LAST, text))
      } catch {
        // The next unlock tries again.
        isSaved = false
        break
      }
    }
    saving = undefined
  }

  return {
    all: (): ReadonlyMap<string, Remembered> => last,

    /** Reads them, before anything is noted: another process may have published since. */
    read: async (): Promise<void> => {
      const stored = await settingsIn(db).find(LAST)
      last = new Map(Object.entries(JSON.parse(stored ?? '{}') as Record<string, Remembered>))
    },

    /** Stores an unlock unless a later one is known. A known one that lies in the future was stored while the clock was
     * wrong, and is replaced. */
    note: (label: string, unlock: Remembered, nowMs: number): void => {
      const known = last.get(label)
      const isOlder = known && unlock.happenedAtMs < known.happenedAtMs
      if (known?.seq === unlock.seq || (isOlder && known.happenedAtMs <= nowMs)) return
      last.set(label, unlock)
      isSaved = false
      saving ??= save()
    },

    /** Resolves once everything is saved. */
    saved: async (): Promise<void> => saving,
  }
}
