import { type Stats, closeSync, openSync, readSync, statSync } from 'node:fs'

/** Offsets in the index of a WAL, `-shm` (sqlite.org/walformat.html, section 2): how many frames the WAL has, its
 * salt, how many frames checkpoints have written to the database file, and how many they set out to write. */
const INDEX = { frames: 16, salt: 32, done: 96, attempted: 128, bytes: 132 } as const

/** Watches for files that are copied over a database in use. */
export const copiedOverWatch = (path: string) => {
  const index = openSync(`${path}-shm`, 'r')
  const buffer = Buffer.alloc(INDEX.bytes)
  const look = () => {
    readSync(index, buffer, 0, buffer.length, 0)
    const [frames, done, attempted] = [INDEX.frames, INDEX.done, INDEX.attempted].map((offset) =>
      buffer.readUInt32LE(offset),
    ) as [number, number, number]
    const checkpoint = `${buffer.readBigUInt64LE(INDEX.salt)} ${done} ${attempted}`
    return { checkpoint, hasOwnPages: done < frames, isIdle: done === attempted }
  }
  /** A later checkpoint than the one known may have written the contents, but no earlier one. */
  const known = (checkpoint: string) => ({ checkpoint, contents: contentsOf(statSync(path)) })
  let last = known(look().checkpoint)
  return {
    /** Returns whether the database file was written to, but not by a checkpoint, while the WAL had pages of its
     * own: SQLite now reads a mixture of two databases. A file that was copied over it just after a commit
     * that restarted the WAL is missed. */
    isCopiedOver: (file: Stats): boolean => {
      const { checkpoint, hasOwnPages, isIdle } = look()
      if (checkpoint !== last.checkpoint || !hasOwnPages || !isIdle) {
        last = known(checkpoint)
        return false
      }
      return contentsOf(file) !== last.contents
    },
    /** Call after SQLite has closed the files. */
    close: (): void => closeSync(index),
  }
}

/** Returns a text that changes whenever the file is written to. */
const contentsOf = ({ mtimeMs, size }: Stats): string => `${mtimeMs} ${size}`
