import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { AppError } from '../../errors.ts'
import { KEY_FILES } from '../../storage/files/data-dir.ts'
import { secretFile } from '../../storage/files/private-files.ts'
import type { NoteSigner } from '../tlog/signed-note.ts'
import { newSigningKey, parseSigningKey } from '../tlog/signing-key.ts'

/** The file that keeps the key of the log: made with the log and never again, since another key would
 * begin another log. */
export const keyFile = (dataDir: string) => {
  const path = join(dataDir, KEY_FILES.log)

  return {
    /** Throws `unavailable` where the key stands alone: it is made after the database, which was lost
     * then, and to begin anew with it would be to sign another log under the same name. */
    requireLog: (databasePath: string): void => {
      if (databasePath === ':memory:' || !existsSync(path)) return
      if ((statSync(databasePath, { throwIfNoEntry: false })?.size ?? 0) > 0) return
      throw new AppError(
        'unavailable',
        `The database ${databasePath} is missing or empty: restore it from a backup. To begin another log, remove ${path}, which signed the lost one`,
      )
    },

    /** Gives the signer, of a new key where there is no log yet. Throws `unavailable` where the key of
     * a log is missing or damaged. */
    open: ({ hasLog }: { readonly hasLog: boolean }): NoteSigner => {
      if (hasLog && !existsSync(path))
        throw new AppError(
          'unavailable',
          `The log's signing key is missing: restore ${path} from a backup`,
        )
      const signer = parseSigningKey(secretFile(path, newSigningKey))
      if (!signer) throw new AppError('unavailable', `The log's signing key in ${path} is damaged`)
      return signer
    },
  }
}
