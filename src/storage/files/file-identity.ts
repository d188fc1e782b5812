import { type Stats, closeSync, openSync, readSync, statSync } from 'node:fs'
import { AppError } from '../../errors.ts'
import { copiedOverWatch } from './copied-over.ts'

const MOVED =
  'A file of the database was removed or replaced while the server was running; put it back or restore a backup, and restart'

const COPIED_OVER =
  'Another file was copied over the database while the server was running; restore a backup, and restart'

const CUT = 'The database file was cut short while the server was running; restore a backup of it'

export type FileIdentity = {
  /** Throws `unavailable` once the files are no longer those that were opened, or the database was cut
   * short or copied over. Anything written after that would be lost with this process, or damage what
   * others write meanwhile. */
  readonly requireSameFiles: () => void
  /** Returns whether `requireSameFiles` found that the database file was written to, or the WAL cut, since the
   * last call: by a checkpoint, or by someone who copied another file over it, which SQLite does not notice. */
  readonly wereRewritten: () => boolean
  /** Returns whether the WAL, even a removed one, still belongs to the database that is there. */
  readonly canCheckpointWal: () => boolean
  /** Call after SQLite has closed the files. */
  readonly close: () => void
}

/** Remembers which files a database was opened from: its own, and SQLite's two beside it. */
export const fileIdentity = (path: string): FileIdentity => {
  const [main, wal, shm] = [watched(path), watched(`${path}-wal`), watched(`${path}-shm`)]
  // Stays open: closing it would drop SQLite's locks (sqlite.org/howtocorrupt.html, section 2.2).
  const file = openSync(path, 'r')
  const watch = copiedOverWatch(path)
  let bytes = 0
  let found = { version: '', walBytes: 0 }
  let known = found
  /** SQLite itself shortens the file when it gives space back, and says so in its header first. */
  const isCut = ({ size }: Stats): boolean => size < bytes && size < headerBytes(file)
  return {
    requireSameFiles: () => {
      const [database, log] = [main(), wal()]
      if (typeof database === 'string' || typeof log === 'string' || typeof shm() === 'string')
        throw new AppError('unavailable', MOVED)
      if (isCut(database)) throw new AppError('unavailable', CUT)
      if (watch.isCopiedOver(database)) throw new AppError('unavailable', COPIED_OVER)
      bytes = database.size
      found = { version: versionOf(database), walBytes: log.size }
    },
    wereRewritten: () => {
      const before = known
      known = found
      return found.version !== before.version || found.walBytes < before.walBytes
    },
    canCheckpointWal: () => {
      const database = main()
      return (
        typeof database !== 'string' &&
        !isCut(database) &&
        !watch.isCopiedOver(database) &&
        wal() !== 'another'
      )
    },
    close: () => {
      closeSync(file)
      watch.close()
    },
  }
}

/** Returns a text that changes whenever the file is written to. */
const versionOf = ({ mtimeMs, ctimeMs, size }: Stats): string => `${mtimeMs} ${ctimeMs} ${size}`

/** The size of a database by its header (sqlite.org/fileformat2.html, section 1.3): pages, and the bytes
 * of each, where 1 stands for 65536. */
const headerBytes = (file: number): number => {
  const header = Buffer.alloc(32)
  readSync(file, header, 0, header.length, 0)
  const pageBytes = header.readUInt16BE(16)
  return header.readUInt32BE(28) * (pageBytes === 1 ? 65_536 : pageBytes)
}

/** Returns a function that examines a file again, and says if it is gone or was replaced. */
const watched = (path: string): (() => Stats | 'gone' | 'another') => {
  const read = () => statSync(path, { throwIfNoEntry: false })
  const first = read()
  return () => {
    const now = read()
    if (!now) return 'gone'
    return now.ino === first?.ino && now.dev === first.dev ? now : 'another'
  }
}
