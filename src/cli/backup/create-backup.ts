import { existsSync, readdirSync, rmSync, statSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { version } from '../../../package.json'
import type { Config } from '../../config/config.ts'
import { AppError } from '../../errors.ts'
import { describeFile, packBackup, publishFile } from '../../storage/backup/backup-file.ts'
import type { Manifest } from '../../storage/backup/manifest.ts'
import { DATABASE_FILE, KEY_FILES, mebibytes, requireRoom } from '../../storage/files/data-dir.ts'
import {
  copyDatabaseFile,
  databaseFileBytes,
  removeCopy,
} from '../../storage/backup/database-copy.ts'
import { lockDataDir } from '../../storage/files/data-dir-lock.ts'
import { fileUnavailable } from '../../storage/files/private-files.ts'
import { type VerifierKey, formatVerifierKey } from '../../unlocks/tlog/signed-note.ts'
import { type LogFile, openLogFile } from '../../unlocks/verify/log-file.ts'

export type CreatedBackup = {
  readonly bytes: number
  readonly events: number
  readonly isEncrypted: boolean
}

/** Told what is being done, in words; for a terminal. */
export type ShowProgress = (words: string) => void

type Making = {
  readonly config: Config
  readonly file: string
  readonly show: ShowProgress
  /** Called once all is on disk and before it gets its name, which it does not get where this fails. */
  readonly record: (made: CreatedBackup) => Promise<void>
}

/** Makes a backup of the data folder as it is at one moment, while others read and write it: copied,
 * verified, packed, on disk, and only then under its name. Throws `unavailable`, and leaves nothing
 * under that name; `conflict` where something is there. */
export const createBackup = async ({
  config,
  file,
  show,
  record,
}: Making): Promise<CreatedBackup> => {
  const { dataDir } = config
  const target = resolve(file)
  const isPossible = existsSync(dirname(target))
  if (!isPossible)
    throw new AppError('unavailable', `Cannot write the backup: no folder ${dirname(target)}`)
  if (existsSync(target)) throw isThere(target)
  // No restore may change the folder meanwhile, and only one backup clears up what others left.
  const releases = [lockDataDir(dataDir, 'command'), lockDataDir(dataDir, 'backup')]
  const copy = join(dataDir, 'backup-copy.part')
  try {
    requireRoomFor(config, target)
    show(`Copying the database (${mebibytes(databaseFileBytes(config.databasePath))})`)
    copyDatabaseFile(config.databasePath, copy)
    const log = await verified(config, copy, show)
    const draft = newDraft(target, log.key)
    try {
      const manifest = manifestOf(config, copy, log)
      const pathOf = (name: string) => (name === DATABASE_FILE ? copy : join(dataDir, name))
      const progress = percentOf(show, 'Writing the backup')
      const passphrase = config.backupPassphrase
      await packBackup({ manifest, pathOf, to: draft, passphrase, progress })
      const { size: bytes } = statSync(draft)
      const made = { bytes, events: log.head.size, isEncrypted: passphrase !== undefined }
      await record(made)
      if (!publishFile(draft, target)) throw isThere(target)
      return made
    } finally {
      // Where nothing can be written, nothing can be removed, even if it is not there.
      if (existsSync(draft)) rmSync(draft)
    }
  } catch (error) {
    throw fileUnavailable(`Cannot make the backup ${target}`, error)
  } finally {
    show('')
    removeCopy(copy)
    for (const release of releases) release()
  }
}

/** Shows how far a part of the work is. */
export const percentOf =
  (show: ShowProgress, words: string) =>
  (done: number, total: number): void =>
    show(`${words}: ${total === 0 ? 100 : Math.floor((100 * done) / total)} %`)

const isThere = (target: string): AppError =>
  new AppError('conflict', `${target} is there already, and no backup overwrites another file`)

/** The copy lies in DATA_DIR, since it is not encrypted; the backup beside its name. */
const requireRoomFor = ({ dataDir, databasePath }: Config, target: string): void => {
  const bytes = databaseFileBytes(databasePath)
  const folder = dirname(target)
  const isSameDisk = statSync(dataDir).dev === statSync(folder).dev
  requireRoom(folder, isSameDisk ? 2 * bytes : bytes, 'the backup')
  requireRoom(dataDir, bytes, 'a copy of the database')
}

/** A log that does not hold makes no backup, since in the end such backups would be all there are. */
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
        `The log is broken, and no backup is made of it; keep the older ones. ${verdict.fault}`,
      )
    return log
  } finally {
    log.close()
  }
}

const manifestOf = (config: Config, copy: string, log: LogFile): Manifest => {
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
    files: [
      describeFile(DATABASE_FILE, copy),
      ...keys.map((name) => describeFile(name, join(dataDir, name))),
    ],
  }
}

/** A name for the file until it is whole, by the log's key, so that what a kill left there is known to
 * be of this gateway and is cleared away. */
const newDraft = (target: string, { id }: VerifierKey): string => {
  const prefix = `.secure-lock-${id.toString(16).padStart(8, '0')}-`
  const folder = dirname(target)
  for (const name of readdirSync(folder))
    if (name.startsWith(prefix) && name.endsWith('.part')) rmSync(join(folder, name))
  return join(folder, `${prefix}${basename(target)}.part`)
}
