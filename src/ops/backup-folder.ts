import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { AppError } from '../errors.ts'
import { timeText } from '../storage/files/data-dir.ts'

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

  const readFolder = async (): Promise<readonly BackupFile[]> => {
    const names = await readdir(dir).catch((error: unknown) => {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return []
      throw new AppError('unavailable', `Cannot read BACKUP_DIR ${dir}`, { cause: error })
    })
    const files: BackupFile[] = []
    // One after another: see `read`.
    for (const name of names) {
      const file = await found(name)
      if (file) files.push(file)
    }
    return files.toSorted((left, right) => right.number - left.number)
  }

  /** Whoever asks meanwhile waits for the one reading that is under way: on a share that is gone it
   * never ends, and holds one of the few threads on which passwords are hashed too. */
  let reading: Promise<readonly BackupFile[]> | undefined
  const read = (): Promise<readonly BackupFile[]> => {
    reading ??= readFolder().finally(() => {
      reading = undefined
    })
    return inTime(reading, dir)
  }

  /** The newest first; none where there is no such folder. Throws `unavailable`. */
  const list = async (): Promise<readonly BackupFile[]> => {
    // What was written since that one began is in the next.
    await (reading && inTime(reading, dir))
    return read()
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

/** How long a disk may take that has to wake up first. */
const READ_MS_MAX = 10_000

const inTime = <Result>(work: Promise<Result>, dir: string): Promise<Result> => {
  let timer: Timer | undefined
  const late = new Promise<never>((_, reject) => {
    const fault = `BACKUP_DIR ${dir} does not answer: see whether its disk or share is there`
    timer = setTimeout(() => reject(new AppError('unavailable', fault)), READ_MS_MAX)
  })
  return Promise.race([work, late]).finally(() => clearTimeout(timer))
}

const NUMBER_MAX = 10 ** 15 - 1

const timeOf = (text: string): number =>
  Date.parse(text.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)/, '$1-$2-$3T$4:$5:'))
