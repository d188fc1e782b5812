import { type Stats, statSync } from 'node:fs'
import { AppError } from '../../errors.ts'

const MOVED =
  'A file of the database was removed or replaced while the server was running; put it back or restore a backup, and restart'

const CUT = 'The database file was cut short while the server was running; restore a backup of it'

export type FileIdentity = {
  /** Throws `unavailable` once the files are no longer those that were opened, or the database has
   * become shorter. Anything written after that would be lost with this process, or damage what others
   * write meanwhile. */
  readonly requireSameFiles: () => void
  /** Returns whether the WAL, even a removed one, still belongs to the database that is there. */
  readonly canCheckpointWal: () => boolean
}

/** Remembers which files a database was opened from: its own, and SQLite's two beside it. */
export const fileIdentity = (path: string): FileIdentity => {
  const [main, wal, shm] = [watched(path), watched(`${path}-wal`), watched(`${path}-shm`)]
  let bytes = 0
  return {
    requireSameFiles: () => {
      const found = main()
      if (typeof found === 'string' || [wal(), shm()].some((other) => typeof other === 'string'))
        throw new AppError('unavailable', MOVED)
      if (found.size < bytes) throw new AppError('unavailable', CUT)
      bytes = found.size
    },
    canCheckpointWal: () => {
      const found = main()
      return typeof found !== 'string' && found.size >= bytes && wal() !== 'another'
    },
  }
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
