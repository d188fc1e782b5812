import { join } from 'node:path'
import { type Sign, importKeyPair, publicKeyOf, signWith } from '../../domain/statement/p256.ts'
import { AppError } from '../../errors.ts'
import type { Database } from '../../storage/database.ts'
import { KEY_FILES } from '../../storage/files/data-dir.ts'
import { readKeyFile } from '../../storage/files/private-files.ts'
import { bytesOf } from '../core/controller.ts'
import { doorKeysIn } from './store.ts'

/** The key that signs commands. */
export type DoorKey = { readonly publicKey: Uint8Array; readonly sign: Sign }

type Dependencies = {
  readonly db: Pick<Database, 'all' | 'run'>
  readonly dataDir: string
}

/** Reads the door key. The database says which one is in use, and a file has its private half: PKCS #8 in Base64, a
 * line for each key. While a key is replaced, the file has both. */
export const doorKeyReader = ({ db, dataDir }: Dependencies) => {
  const path = join(dataDir, KEY_FILES.door)
  let known: DoorKey | undefined

  const lines = (): readonly string[] =>
    (readKeyFile(path) ?? '').split('\n').filter((line) => line !== '')

  const inFile = async (publicKey: Uint8Array): Promise<DoorKey | undefined> => {
    for (const line of lines()) {
      const key = await keyOf(line)
      if (key && Bun.deepEquals(key.publicKey, publicKey)) return key
    }
    return undefined
  }

  return {
    path,
    lines,

    /** Returns the key in use, or undefined if none was made yet. Throws `unavailable` if its private half is
     * missing. */
    current: async (): Promise<DoorKey | undefined> => {
      const [newest] = await doorKeysIn(db).all()
      if (!newest) return undefined
      if (known && Bun.deepEquals(known.publicKey, newest.publicKey)) return known
      known = await inFile(newest.publicKey)
      if (!known) throw keyMissing()
      return known
    },
  }
}

const keyOf = async (line: string): Promise<DoorKey | undefined> => {
  const bytes = bytesOf(line)
  if (!bytes) return undefined
  try {
    const pair = await importKeyPair(bytes)
    return { publicKey: await publicKeyOf(pair), sign: signWith(pair.privateKey) }
  } catch {
    return undefined
  }
}

export const keyMissing = (): AppError => new AppError('unavailable', KEY_MISSING)

const KEY_MISSING =
  'The key that signs commands to controllers is missing: copy door-signing-key from another replica or a backup or, if there is none, replace it: secure-lock-server lock door-key rotate --stolen'
