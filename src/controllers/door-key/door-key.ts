import type { Actor } from '../../domain/audit-event.ts'
import type { Clock } from '../../domain/clock.ts'
import { SECOND_MS } from '../../domain/duration.ts'
import { exportPrivateKey, makeKeyPair, publicKeyOf } from '../../domain/statement/p256.ts'
import { sha256, signStatement } from '../../domain/statement/statement.ts'
import { AppError } from '../../errors.ts'
import type { Database, Transaction } from '../../storage/database.ts'
import { replacePrivateFile } from '../../storage/files/private-files.ts'
import type { AuditIn, RecordIn } from '../../storage/unit-of-work.ts'
import { base64Of } from '../core/controller.ts'
import { type DoorKey, doorKeyReader, keyMissing } from './reader.ts'
import { doorKeysIn } from './store.ts'

export type DoorKeys = ReturnType<typeof doorKeys>

type Dependencies = {
  readonly db: Pick<Database, 'all' | 'run' | 'transaction'>
  readonly clock: Pick<Clock, 'wallMs'>
  readonly dataDir: string
  readonly auditIn: AuditIn
  readonly recordIn: RecordIn
}

/** The thumbprint by which a controller names the door key that it trusts: SHA-256 of the point, as Base64url. */
const thumbprintOf = async (publicKey: Uint8Array): Promise<string> =>
  (await sha256(publicKey)).toBase64({ alphabet: 'base64url', omitPadding: true })

/** The door keys of the home. The database says which one is in use, and a file has its private half: PKCS #8 in
 * Base64, a line for each key. While a key is replaced, the file has both. */
export const doorKeys = ({ db, clock, dataDir, auditIn, recordIn }: Dependencies) => {
  const { path, lines, current } = doorKeyReader({ db, dataDir })

  /** Makes a key and adds it to the file, where it does not count until the database says so. */
  const make = async (): Promise<{ readonly publicKey: Uint8Array; readonly line: string }> => {
    const pair = await makeKeyPair(true)
    const line = base64Of(await exportPrivateKey(pair))
    replacePrivateFile(path, [line, ...lines(), ''].join('\n'))
    return { publicKey: await publicKeyOf(pair), line }
  }

  const note = async (tx: Transaction, by: Actor, kind: 'door_key.made' | 'door_key.ended') => {
    const keys = await doorKeysIn(tx).all()
    const key = keys[kind === 'door_key.made' ? 0 : 1]
    if (!key) return
    recordIn(tx).add({
      kind,
      subject: 'home',
      by: by.account?.publicId ?? null,
      about: null,
      body: { key: base64Of(key.publicKey) },
    })
  }

  return {
    current,

    /** Returns the key in use, and makes the first one. */
    require: async (by: Actor): Promise<DoorKey> => {
      const found = await current()
      if (found) return found
      const { publicKey } = await make()
      await db.transaction(async (tx) => {
        // Two controllers may enrol at the same time.
        if ((await doorKeysIn(tx).all()).length > 0) return
        await doorKeysIn(tx).add({ publicKey, succession: null }, clock.wallMs())
        await note(tx, by, 'door_key.made')
      })
      const made = await current()
      if (!made) throw keyMissing()
      return made
    },

    /** Replaces the key. The old one signs that the new one follows it, unless it was stolen. `alsoIn` runs in the same
     * transaction. Throws `conflict` if no key was made yet, or
     * another process replaces it. */
    rotate: async (
      by: Actor,
      { isStolen, alsoIn }: { isStolen: boolean; alsoIn: (tx: Transaction) => Promise<void> },
    ): Promise<void> => {
      const [newest] = await doorKeysIn(db).all()
      if (!newest) throw new AppError('conflict', NO_KEY, { reason: 'no_door_key' })
      const old = isStolen ? undefined : await current()
      const { line, publicKey } = await make()
      const issuedAtS = Math.floor(clock.wallMs() / SECOND_MS)
      const succession = old
        ? await signStatement({ kind: 'succession', issuedAtS, publicKey }, old.sign)
        : null
      await db.transaction(async (tx) => {
        const [before] = await doorKeysIn(tx).all()
        if (!Bun.deepEquals(before?.publicKey, newest.publicKey))
          throw new AppError('conflict', REPLACED, { reason: 'door_key_replaced' })
        await doorKeysIn(tx).add({ publicKey, succession }, clock.wallMs())
        await note(tx, by, 'door_key.ended')
        await note(tx, by, 'door_key.made')
        await auditIn(tx).record(by, {
          action: 'door_key.rotate',
          result: 'success',
          detail: { stolen: isStolen },
        })
        await alsoIn(tx)
      })
      replacePrivateFile(path, `${line}\n`)
    },

    /** Returns the statements that lead from the key that a controller trusts to the one in use, oldest first; undefined
     * if none do. */
    successionsFrom: async (thumbprint: string): Promise<readonly Uint8Array[] | undefined> => {
      const successions: Uint8Array[] = []
      for (const key of await doorKeysIn(db).all()) {
        if ((await thumbprintOf(key.publicKey)) === thumbprint) return successions.toReversed()
        if (!key.succession) return undefined
        successions.push(key.succession)
      }
      return undefined
    },
  }
}

const REPLACED = 'Another command has just replaced the door key'
const NO_KEY = 'No controller has enrolled yet, so there is no door key'
