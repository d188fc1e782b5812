import { type Stats, statSync } from 'node:fs'
import { AppError } from '../../errors.ts'

const MOVED =
  'A file of the database was removed or replaced under the running service; put it back or restore a backup, and restart'

const CUT = 'The database file was cut short under the running service; restore a backup of it'

export type FileIdentity = {
  /** Throws `unavailable` once the files are no longer those that were opened, or the database has
   * become shorter. What is written from then on is gone with this process, or does harm to what
   * others write meanwhile. */
  readonly requireSameFiles: () => void
  /** Whether the WAL, also one that was removed, still belongs to the database that is there. */
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

/** Gives what looks at a file again, and tells where it is gone or another one. */
const watched = (path: string): (() => Stats | 'gone' | 'another') => {
  const look = () => statSync(path, { throwIfNoEntry: false })
  const first = look()
  return () => {
    const now = look()
    if (!now) return 'gone'
    return now.ino === first?.ino && now.dev === first.dev ? now : 'another'
  }
}
