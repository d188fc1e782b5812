import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { AppError } from '../errors.ts'
import { timeText } from '../storage/data-folder.ts'

/** A backup that the service made; nothing gets such a name before it is verified and on disk. */
export type BackupFile = {
  readonly file: string
  /** Counts up. Order is this, since clocks jump. */
  readonly number: number
  readonly madeAtMs: number
  readonly bytes: number
  readonly isEncrypted: boolean
}

/** The backups in a folder that this gateway's service made, told from other files by their names, in
 * which the id of its log's key stands. */
export const backupFolder = (dir: string, keyId: number) => {
  const prefix = `secure-lock-${keyId.toString(16).padStart(8, '0')}-`
  const pattern = new RegExp(`^${prefix}(\\d{6,15})-(\\d{8}T\\d{6}Z)\\.tar(\\.age)?$`)

  const found = async (name: string): Promise<BackupFile | undefined> => {
    const [, number, time = '', age] = pattern.exec(name) ?? []
    if (number === undefined) return undefined
    const file = await stat(join(dir, name)).catch(() => undefined)
    if (!file?.isFile()) return undefined
    const { size: bytes } = file
    const isEncrypted = age !== undefined
    const madeAtMs = timeOf(time)
    // Whoever else writes there may give a file such a name, of a day that no calendar has.
    if (Number.isNaN(madeAtMs)) return undefined
    return { file: name, number: Number(number), madeAtMs, bytes, isEncrypted }
  }

  /** The newest first; none where there is no such folder. Throws `unavailable`. */
  const list = async (): Promise<readonly BackupFile[]> => {
    const names = await readdir(dir).catch((error: unknown) => {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return []
      throw new AppError('unavailable', `Cannot read BACKUP_DIR ${dir}`, { cause: error })
    })
    const files = (await Promise.all(names.map(found))).filter((one) => one !== undefined)
    return files.toSorted((left, right) => right.number - left.number)
  }

  return {
    list,

    /** The name of the backup after the newest. Throws `unavailable` where a file has the last number
     * there is, since the next would not be known again and never go. */
    nextName: async (nowMs: number, isEncrypted: boolean): Promise<string> => {
      const newest = (await list())[0]
      const number = (newest?.number ?? 0) + 1
      if (number > NUMBER_MAX)
        throw new AppError(
          'unavailable',
          `No number comes after that of ${newest?.file} in BACKUP_DIR, which the service did not make: move it away`,
        )
      const digits = String(number).padStart(6, '0')
      return `${prefix}${digits}-${timeText(nowMs)}.tar${isEncrypted ? '.age' : ''}`
    },

    /** Deletes all but the newest of them, and nothing else. */
    keepNewest: async (count: number): Promise<void> => {
      for (const { file } of (await list()).slice(count)) await rm(join(dir, file))
    },
  }
}

const NUMBER_MAX = 10 ** 15 - 1

const timeOf = (text: string): number =>
  Date.parse(text.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)/, '$1-$2-$3T$4:$5:'))
