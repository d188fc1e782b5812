import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { AppError } from '../../errors.ts'
import { timeText } from '../../storage/files/data-dir.ts'

/** A backup that the server created. A file gets such a name only once it is verified and on disk. */
export type BackupFile = {
  readonly file: string
  /** Counts up. Backups are ordered by it, since clocks jump. */
  readonly number: number
  readonly createdAtMs: number
  readonly bytes: number
  readonly isEncrypted: boolean
}

/** The backups in a folder that the server of this gateway created. Their names, which contain the id
 * of its log key, distinguish them from other files. */
export const backupFolder = (dir: string, keyId: number) => {
  const prefix = `secure-lock-${keyId.toString(16).padStart(8, '0')}-`
  const pattern = new RegExp(`^${prefix}(\\d{6,15})-(\\d{8}T\\d{6}Z)\\.tar(\\.age)?$`)

  const backupAt = async (name: string): Promise<BackupFile | undefined> => {
    const [, number, time = '', age] = pattern.exec(name) ?? []
    if (number === undefined) return undefined
    const file = await stat(join(dir, name)).catch(() => undefined)
    if (!file?.isFile()) return undefined
    const { size: bytes } = file
    const isEncrypted = age !== undefined
    const createdAtMs = timeOf(time)
    // Another program may have written such a name, with a date that does not exist.
    if (Number.isNaN(createdAtMs)) return undefined
    return { file: name, number: Number(number), createdAtMs, bytes, isEncrypted }
  }

  const readFolder = async (): Promise<readonly BackupFile[]> => {
    const names = await readdir(dir).catch((error: unknown) => {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return []
      throw new AppError('unavailable', `Cannot read BACKUP_DIR ${dir}`, { cause: error })
    })
    const files: BackupFile[] = []
    // One at a time: see `read`.
    for (const name of names) {
      const file = await backupAt(name)
      if (file) files.push(file)
    }
    return files.toSorted((left, right) => right.number - left.number)
  }

  /** Only one reading runs at a time, and other callers wait for it: if the share is gone, it never
   * ends, and occupies one of the few threads that also hash passwords. */
  let reading: Promise<readonly BackupFile[]> | undefined
  const read = (): Promise<readonly BackupFile[]> => {
    reading ??= readFolder().finally(() => {
      reading = undefined
    })
    return inTime(reading, dir)
  }

  /** Returns the backups, newest first, or none if there is no such folder. Throws `unavailable`. */
  const list = async (): Promise<readonly BackupFile[]> => {
    // A reading that began before this call may lack files written since.
    await (reading && inTime(reading, dir))
    return read()
  }

  return {
    list,

    /** Returns the name for the next backup. Throws `unavailable` if a file has the highest possible
     * number, since the next would not be recognised and never deleted. */
    nextName: async (nowMs: number, isEncrypted: boolean): Promise<string> => {
      const newest = (await list())[0]
      const number = (newest?.number ?? 0) + 1
      if (number > NUMBER_MAX)
        throw new AppError(
          'unavailable',
          `${newest?.file} in BACKUP_DIR has the highest possible number, and the server did not create it: move it away`,
        )
      const digits = String(number).padStart(6, '0')
      return `${prefix}${digits}-${timeText(nowMs)}.tar${isEncrypted ? '.age' : ''}`
    },

    /** Deletes all backups but the newest, and nothing else. */
    keepNewest: async (count: number): Promise<void> => {
      for (const { file } of (await list()).slice(count)) await rm(join(dir, file))
    },
  }
}

/** How long a disk may take, including to wake up. */
const READ_MS_MAX = 10_000

const inTime = <Result>(work: Promise<Result>, dir: string): Promise<Result> => {
  let timer: Timer | undefined
  const timeout = new Promise<never>((_, reject) => {
    const fault = `BACKUP_DIR ${dir} does not answer: check that its disk or share is there`
    timer = setTimeout(() => reject(new AppError('unavailable', fault)), READ_MS_MAX)
  })
  return Promise.race([work, timeout]).finally(() => clearTimeout(timer))
}

const NUMBER_MAX = 10 ** 15 - 1

const timeOf = (text: string): number =>
  Date.parse(text.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)/, '$1-$2-$3T$4:$5:'))
