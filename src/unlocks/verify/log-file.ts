import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { AppError } from '../../errors.ts'
import { KEY_FILES } from '../../storage/files/data-dir.ts'
import { type ReadOnlyDatabase, openReadOnly } from '../../storage/open.ts'
import { fileFault } from '../../storage/files/private-files.ts'
import { type Head, openCheckpoint } from '../tlog/checkpoint.ts'
import { type Break, type TreeHead, findBreak } from '../tlog/continuity.ts'
import type { VerifierKey } from '../tlog/signed-note.ts'
import { parseSigningKey } from '../tlog/signing-key.ts'
import { logReads } from '../log/store.ts'
import { type Verdict, type VerifyOptions, verifyLog } from './verify-log.ts'

/** The log in a database file, opened read-only and without a service. */
export type LogFile = {
  readonly head: Head
  readonly key: VerifierKey
  readonly schemaVersion: number
  readonly verify: (options?: VerifyOptions) => Promise<Verdict>
  /** Compares the log with a signed head that was read before the log was opened. Rejects with
   * `unavailable` if a node of its tree is missing, and with ProofError if its checkpoint is not valid. */
  readonly findBreak: (kept: TreeHead) => Promise<Break | undefined>
  readonly close: () => void
}

type Paths = { readonly dataDir: string; readonly databasePath: string }

/** Opens the log of a database file with the key in a data folder. Throws `unavailable` if either
 * cannot be read, or the database has no log. */
export const openLogFile = async ({ dataDir, databasePath }: Paths): Promise<LogFile> =>
  openLog(dataDir, () => openReadOnly(databasePath))

/** The same for a database that `open` opens. */
export const openLog = async (
  dataDir: string,
  open: () => ReadOnlyDatabase | Promise<ReadOnlyDatabase>,
): Promise<LogFile> => {
  const key = readKey(join(dataDir, KEY_FILES.log))
  const db = await open()
  try {
    const source = logReads(db)
    const head = await source.head()
    if (!head) throw new AppError('unavailable', 'The database has no log yet')
    return {
      head,
      key,
      schemaVersion: db.schemaVersion,
      verify: (options) => verifyLog({ source, head, key, ...options }),
      findBreak: async (kept) =>
        findBreak(kept, openCheckpoint(head.checkpoint, key), source.proofs),
      close: db.close,
    }
  } catch (error) {
    db.close()
    throw error
  }
}

const readKey = (path: string): VerifierKey => {
  try {
    if (!existsSync(path)) throw new Error('it is missing')
    const signer = parseSigningKey(readFileSync(path, 'utf8').trim())
    if (!signer) throw new Error('it is damaged')
    return signer.verifierKey
  } catch (error) {
    throw new AppError('unavailable', `Cannot use the log's key ${path}: ${fileFault(error)}`, {
      cause: error,
    })
  }
}
