import { existsSync, readdirSync, statSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { version } from '../../../package.json'
import type { Config } from '../../config/config.ts'
import { AppError } from '../../errors.ts'
import { describeFile, packBackup, publishFile } from '../../storage/backup/backup-file.ts'
import type { Manifest } from '../../storage/backup/manifest.ts'
import {
  DATABASE_FILE,
  DUMP_FILE,
  KEY_FILES,
  mebibytes,
  requireRoom,
} from '../../storage/files/data-dir.ts'
import { copyDatabaseFile, databaseFileBytes, removeCopy } from '../../storage/database-copy.ts'
import { fileBytes } from '../../storage/database-size.ts'
import { lockDataDir, lockForBackup } from '../../storage/data-dir-lock.ts'
import { removeLargeFile } from '../../storage/files/large-file.ts'
import { fileUnavailable } from '../../storage/files/private-files.ts'
import { type VerifierKey, formatVerifierKey } from '../../unlocks/tlog/signed-note.ts'
import { type LogFile, openLogFile } from '../../unlocks/verify/log-file.ts'

export type CreatedBackup = {
  readonly bytes: number
  readonly events: number
  readonly isEncrypted: boolean
}

/** Called with a line of text about the step under way, for a terminal. */
export type ShowProgress = (line: string) => void

type Options = {
  readonly config: Config
  readonly file: string
  /** The folders to search for `pg_dump`, as in `PATH`, if a home on a server is to be backed up as a dump and not as a
   * database file. */
  readonly programs?: string | undefined
  readonly show: ShowProgress
  /** Called when all is on disk, before the file gets its name; if this fails, there is no
   * backup. */
  readonly record: (created: CreatedBackup) => Promise<void>
}

/** Creates a backup of the data folder at one moment, while others read and write it: copied, verified,
 * packed and on disk before it gets its name. Throws `conflict` if the name is taken, and `unavailable`
 * if the backup fails; then there is no file of that name. */
export const createBackup = async ({
  config,
  file,
  programs,
  show,
  record,
}: Options): Promise<CreatedBackup> => {
  const { dataDir } = config
  const target = resolve(file)
  if (!existsSync(dirname(target)))
    throw new AppError(
      'unavailable',
      `Cannot write the backup: there is no folder ${dirname(target)}`,
    )
  if (existsSync(target)) throw alreadyExists(target)
  // Keeps a restore from changing the folder, and a second backup from removing this one's files.
  using open = new DisposableStack()
  open.defer(() => show(''))
  open.defer(lockDataDir(dataDir, 'command'))
  open.defer(await lockForBackup(dataDir, () => show(WAITING)))
  const copy = join(dataDir, 'backup-copy.part')
  const dump = join(dataDir, 'backup-dump.part')
  try {
    await copyDatabase(config, { copy, dump, programs, target, show })
    const log = await verified(config, copy, show)
    const draft = newDraft(target, log.key)
    try {
      const data =
        programs === undefined ? describeFile(DATABASE_FILE, copy) : describeFile(DUMP_FILE, dump)
      const manifest = manifestOf(config, data, log)
      const places: Readonly<Record<string, string>> = { [DATABASE_FILE]: copy, [DUMP_FILE]: dump }
      const pathOf = (name: string) => places[name] ?? join(dataDir, name)
      const progress = percentOf(show, 'Writing the backup')
      const passphrase = config.backupPassphrase
      await packBackup({ manifest, pathOf, to: draft, passphrase, progress })
      const { size: bytes } = statSync(draft)
      const created = { bytes, events: log.head.size, isEncrypted: passphrase !== undefined }
      await record(created)
      if (!publishFile(draft, target)) throw alreadyExists(target)
      return created
    } finally {
      // On a read-only disk, removing fails even if the file does not exist.
      if (existsSync(draft)) removeLargeFile(draft)
    }
  } catch (error) {
    throw fileUnavailable(`Cannot create the backup ${target}`, error)
  } finally {
    removeCopy(copy)
    removeLargeFile(dump)
  }
}

/** Shown while another backup is being created or checked. */
export const WAITING = 'Waiting for another backup to finish'

/** Shows the progress of a step in percent. */
export const percentOf =
  (show: ShowProgress, step: string) =>
  (done: number, total: number): void =>
    show(`${step}: ${total === 0 ? 100 : Math.floor((100 * done) / total)} %`)

const alreadyExists = (target: string): AppError =>
  new AppError('conflict', `${target} already exists, and a backup never overwrites a file`)

type Copying = Pick<Options, 'show' | 'programs'> & {
  readonly copy: string
  /** Where to write the dump that the copy is made from, if there is one. */
  readonly dump: string
  readonly target: string
}

/** Copies the database as it is at one moment to a file. A home on a server is copied to a file of the same form, so
 * that it can be checked without the server, and restored to another or to a gateway without one. */
const copyDatabase = async (
  config: Config,
  { copy, dump, programs, target, show }: Copying,
): Promise<void> => {
  const { postgres, dataDir, databasePath } = config
  if (postgres && programs !== undefined) {
    const { dumpFromServer } = await import('./server-home.ts')
    show('Waiting for pg_dump')
    await dumpFromServer(
      postgres,
      { dump, path: copy, programs },
      percentOf(show, 'Reading the dump'),
    )
    return requireRoomFor(dataDir, target, fileBytes(dump))
  }
  if (postgres) {
    const { copyFromServer } = await import('./server-home.ts')
    await copyFromServer(postgres, copy, percentOf(show, 'Copying the database'))
    return requireRoomFor(dataDir, target, fileBytes(copy))
  }
  const bytes = databaseFileBytes(databasePath)
  requireRoomFor(dataDir, target, bytes)
  requireRoom(dataDir, bytes, 'a copy of the database')
  show(`Copying the database (${mebibytes(bytes)})`)
  copyDatabaseFile(databasePath, copy)
}

/** The copy is in DATA_DIR because it is not encrypted; the draft is in the folder of the backup. */
const requireRoomFor = (dataDir: string, target: string, bytes: number): void => {
  const folder = dirname(target)
  const isSameDisk = statSync(dataDir).dev === statSync(folder).dev
  requireRoom(folder, isSameDisk ? 2 * bytes : bytes, 'the backup')
}

/** Refuses to back up a broken log: with time, only backups of the broken log would remain. */
const verified = async (
  { dataDir }: Config,
  copy: string,
  show: ShowProgress,
): Promise<LogFile> => {
  const log = await openLogFile({ dataDir, databasePath: copy })
  try {
    const progress = percentOf(show, 'Verifying the log')
    const verdict = await log.verify({ afterPage: (done) => progress(done, log.head.size) })
    if (!verdict.ok)
      throw new AppError(
        'unavailable',
        `The log is broken, so no backup was created; keep the older ones. ${verdict.fault}`,
      )
    return log
  } finally {
    log.close()
  }
}

const manifestOf = (config: Config, data: Manifest['files'][number], log: LogFile): Manifest => {
  const { dataDir, jwtSecretKey } = config
  const { key, head, schemaVersion } = log
  const keys = Object.values(KEY_FILES).filter((name) => existsSync(join(dataDir, name)))
  return {
    format: 'secure-lock-backup',
    format_version: 1,
    server_version: version,
    schema_version: schemaVersion,
    made_at: new Date().toISOString(),
    log: { size: head.size, key: formatVerifierKey(key), checkpoint: head.checkpoint },
    secrets_elsewhere: jwtSecretKey === undefined ? [] : ['JWT_SECRET_KEY'],
    files: [data, ...keys.map((name) => describeFile(name, join(dataDir, name)))],
  }
}

/** The name of the file until it is complete. It contains the id of the log's key, so that what a
 * killed process left there is recognized as this gateway's, and removed. */
const newDraft = (target: string, { id }: VerifierKey): string => {
  const prefix = `.secure-lock-${id.toString(16).padStart(8, '0')}-`
  const folder = dirname(target)
  for (const name of readdirSync(folder))
    if (name.startsWith(prefix) && name.endsWith('.part')) removeLargeFile(join(folder, name))
  return join(folder, `${prefix}${basename(target)}.part`)
}
