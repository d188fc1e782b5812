import { hkdfSync } from 'node:crypto'
import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { AppError } from '../../errors.ts'
import { type DeriveUuid, keyedUuids } from '../../storage/derived-uuid.ts'
import { KEY_FILES } from '../../storage/files/data-dir.ts'
import { secretFile } from '../../storage/files/private-files.ts'
import type { NoteSigner } from '../tlog/signed-note.ts'
import { newSigningKey, parseSigningKey } from '../tlog/signing-key.ts'

/** The file with the log's signing key. It is created with the log and never again, since
 * another key would start another log. */
export const keyFile = (dataDir: string) => {
  const path = join(dataDir, KEY_FILES.log)

  return {
    /** Throws `unavailable` if there is a key but no database. The key is created after the database, so
     * the database was lost, and a new log under this key would fork the lost one. */
    requireDatabase: (databasePath: string): void => {
      if (databasePath === ':memory:' || !existsSync(path)) return
      if ((statSync(databasePath, { throwIfNoEntry: false })?.size ?? 0) > 0) return
      throw new AppError(
        'unavailable',
        `The database ${databasePath} is missing or empty: restore it from a backup or, if the data is on a server, set DATABASE_URI. To start a new log instead, remove ${path}, the key of the lost one`,
      )
    },

    /** Returns the signer, with a new key if there is no log yet, and what derives ids of events.
     * Throws `unavailable` if the key of a log is missing or damaged. */
    open: ({
      hasLog,
    }: {
      readonly hasLog: boolean
    }): { readonly signer: NoteSigner; readonly deriveUuid: DeriveUuid } => {
      if (hasLog && !existsSync(path))
        throw new AppError(
          'unavailable',
          `The log's signing key is missing: restore ${path} from a backup`,
        )
      const text = secretFile(path, newSigningKey)
      const signer = parseSigningKey(text)
      if (!signer) throw new AppError('unavailable', `The log's signing key in ${path} is damaged`)
      // From this key (RFC 5869), since ids must not change as long as the log exists.
      const idKey = new Uint8Array(hkdfSync('sha256', text, '', ID_KEY_LABEL, ID_KEY_BYTES))
      return { signer, deriveUuid: keyedUuids(idKey) }
    },
  }
}

const ID_KEY_LABEL = 'secure-lock-server ids of unlock events v1'
const ID_KEY_BYTES = 32
