import { dirname, join } from 'node:path'
import { type App, openApp } from '../../app.ts'
import type { Config } from '../../config/config.ts'
import { AppError } from '../../errors.ts'
import { processLogger } from '../../http/log/logger.ts'
import { unpackBackup } from '../../storage/backup/backup-file.ts'
import type { Manifest } from '../../storage/backup/manifest.ts'
import { DATABASE_FILE, DUMP_FILE, requireRoom } from '../../storage/files/data-dir.ts'
import { requireIntegrity } from '../../storage/database-copy.ts'
import { removeLargeFile } from '../../storage/files/large-file.ts'
import { formatVerifierKey } from '../../unlocks/tlog/signed-note.ts'
import { verifyLog } from '../../unlocks/verify/verify-log.ts'
import type { Terminal } from '../command/command.ts'
import { percentOf } from './create-backup.ts'

/** A backup that was unpacked into folders of its own and verified. */
export type Unpacked = {
  readonly manifest: Manifest
  /** How many events its log contains. */
  readonly events: number
  /** The app, opened on the unpacked files. */
  readonly app: App
}

type Options = {
  readonly backup: string
  /** The settings of the service, but with empty folders. */
  readonly config: Config
  readonly terminal: Terminal
}

const ATTEMPTS_MAX = 3

/** Unpacks a backup and verifies it: each file by its checksum, the pages of the database, and the log,
 * whose root is recomputed, against its own checkpoint and the one in the manifest. A database of an
 * older schema is brought up to date. Throws `unavailable` if something is wrong. */
export const unpackVerified = async (options: Options): Promise<Unpacked> => {
  const { backup, config, terminal } = options
  const { dataDir, databasePath, backupPassphrase } = config
  const { showProgress, readSecret } = terminal
  const manifest = await unpackBackup({
    from: backup,
    mustBeEncrypted: backupPassphrase !== undefined,
    passphrase: async (attempt) => {
      // The backup may have another passphrase, from earlier settings.
      if (attempt === 0 && backupPassphrase !== undefined) return backupPassphrase
      return attempt < ATTEMPTS_MAX ? readSecret('Passphrase of the backup: ') : undefined
    },
    accept: ({ files }) => {
      // A dump is then loaded into a database file.
      const bytes = files.reduce(
        (sum, file) => sum + (file.name === DUMP_FILE ? 2 : 1) * file.bytes,
        0,
      )
      requireRoom(dirname(databasePath), bytes, 'the contents of the backup')
    },
    pathOf: (name) => (name === DATABASE_FILE ? databasePath : join(dataDir, name)),
    progress: percentOf(showProgress, 'Unpacking'),
  })
  if (manifest.files.some(({ name }) => name === DUMP_FILE)) {
    const dump = join(dataDir, DUMP_FILE)
    const { loadDump } = await import('../../storage/moving/dump-file.ts')
    await loadDump(dump, databasePath, percentOf(showProgress, 'Reading the dump'))
    removeLargeFile(dump)
  }
  showProgress('Checking the database')
  requireIntegrity(databasePath)
  const silent = processLogger({ level: 'fatal', format: 'text', write: () => {} })
  const app = await openApp(config, { logger: silent })
  try {
    const head = await app.unlocks.unlockLog.head()
    const progress = percentOf(showProgress, 'Verifying the log')
    const verdict = await verifyLog({
      source: app.unlocks.store,
      head,
      key: app.unlocks.verifierKey,
      kept: [manifest.log.checkpoint],
      afterPage: (done) => progress(done, head.size),
    })
    if (!verdict.ok) throw broken(verdict.fault)
    if (formatVerifierKey(app.unlocks.verifierKey) !== manifest.log.key)
      throw broken('Its key is not the one in the manifest')
    return { manifest, events: verdict.size, app }
  } catch (error) {
    await app[Symbol.asyncDispose]()
    throw error
  }
}

const broken = (fault: string): AppError =>
  new AppError('unavailable', `The log in the backup is broken. ${fault}`)
