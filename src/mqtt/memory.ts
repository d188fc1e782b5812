import type { Database } from '../storage/database.ts'
import { settingsIn } from '../storage/sqlite/setting-store.ts'

type Dependencies = { readonly db: Pick<Database, 'get' | 'run' | 'transaction'> }

/** The last unlock of a lock that was told. */
export type Remembered = {
  readonly seq: number
  readonly happenedAtMs: number
  readonly isLate: boolean
}

/** The settings that hold what the gateway is called at the broker, and the last unlocks by lock. */
const GATEWAY_ID = 'mqtt_gateway_id'
const LAST = 'mqtt_last'

/** Returns by what the topics of this gateway differ from another's: eight hexadecimal digits, made once. */
export const gatewayId = async ({ db }: Dependencies): Promise<string> =>
  (await settingsIn(db).find(GATEWAY_ID)) ??
  db.transaction(async (tx) => {
    const settings = settingsIn(tx)
    const known = await settings.find(GATEWAY_ID)
    const id = known ?? Buffer.from(crypto.getRandomValues(new Uint8Array(4))).toString('hex')
    if (known === undefined) await settings.put(GATEWAY_ID, id)
    return id
  })

/** Remembers which unlock of each lock was told last, so that a broker that has forgotten it can be told again. */
export const lastUnlocks = async ({ db }: Dependencies) => {
  const stored = await settingsIn(db).find(LAST)
  const last = new Map(Object.entries(JSON.parse(stored ?? '{}') as Record<string, Remembered>))
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

    /** Notes an unlock, unless one that happened later is known. One that seems to have happened in the future
     * was told while the clock was wrong. */
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
