import { Database as Sqlite, SQLiteError } from 'bun:sqlite'
import { closeSync, fdatasyncSync, openSync, readSync, writeSync } from 'node:fs'

/** How long to wait for the write lock and for an empty WAL while others write and read. They write again at
 * once, so SQLite's own waits, which grow longer, would find no gap. */
const SETTLING_MS_MAX = 3000
const TRY_EVERY_MS = 1

const CHUNK_BYTES = 256 * 1024

/** Small enough that an unlock in the meantime does not wait long for its sync on a slow disk. */
const UNSYNCED_BYTES_MAX = 4 * 1024 ** 2

/** Where the header of a database file says that it uses a WAL, and the bytes of one that does not
 * (sqlite.org/fileformat2.html, "File format version numbers"). */
const FORMAT_AT = 18
const WITHOUT_WAL = Buffer.from([1, 1])

/** Copies the pages of a database, as they are at one moment, into an empty file while others write. The copy
 * is on disk when this returns. Writers wait for one checkpoint; then what they write stays in the WAL until
 * the copy is complete, which takes as long as copying any file. Returns false if the WAL cannot be emptied,
 * because another process reads from it or the disk accepts no writes. It leaves the file open, so the
 * process should end soon. */
export const copyPages = (from: string, to: string): boolean => {
  const [reader, writer, checkpointer] = [open(from), open(from), open(from)] as const
  try {
    if (!settled(reader, writer, checkpointer)) return false
    const row = reader.query<Bytes, []>(BYTES).get()
    // Stays open: closing it would drop SQLite's locks (sqlite.org/howtocorrupt.html, section 2.2).
    copyBytes(openSync(from, 'r'), to, row?.bytes ?? 0)
    reader.run('COMMIT')
    // Checkpoints here, so that the service does not have to write so much at once.
    writeBack(checkpointer)
    return true
  } finally {
    for (const connection of [reader, writer, checkpointer]) connection.close()
  }
}

const BYTES = 'SELECT page_count * page_size AS bytes FROM pragma_page_count(), pragma_page_size()'

type Bytes = { readonly bytes: number }

const open = (path: string): Sqlite =>
  new Sqlite(path, { strict: true, readwrite: true, create: false })

/** Begins to read once everything is in the file and nothing in the WAL. From then on, no checkpoint writes
 * to the file, because it must not overwrite what a reader may still need (sqlite.org/wal.html,
 * "Checkpointing"). */
const settled = (reader: Sqlite, writer: Sqlite, checkpointer: Sqlite): boolean => {
  const deadlineMs = performance.now() + SETTLING_MS_MAX
  // Checkpoints most of it before anyone has to wait.
  writeBack(checkpointer)
  while (performance.now() < deadlineMs) {
    if (begun(writer)) {
      const isEmpty = writeBack(checkpointer)
      if (isEmpty) beginReading(reader)
      writer.run('ROLLBACK')
      if (isEmpty) return true
    }
    Bun.sleepSync(TRY_EVERY_MS)
  }
  return false
}

const begun = (writer: Sqlite): boolean => {
  try {
    writer.run('BEGIN IMMEDIATE')
    return true
  } catch (error) {
    if (error instanceof SQLiteError) return false
    throw error
  }
}

const beginReading = (reader: Sqlite): void => {
  reader.run('BEGIN')
  reader.query('SELECT 1 FROM sqlite_schema LIMIT 1').get()
}

type WalState = { readonly busy: number; readonly log: number; readonly checkpointed: number }

/** Checkpoints the WAL as far as readers let it; returns true if that was all of it. */
const writeBack = (connection: Sqlite): boolean => {
  const row = connection.query<WalState, []>('PRAGMA wal_checkpoint(PASSIVE)').get()
  return row?.busy === 0 && row.log === row.checkpointed
}

const copyBytes = (from: number, to: string, bytes: number): void => {
  const copy = openSync(to, 'r+')
  try {
    const chunk = Buffer.alloc(CHUNK_BYTES)
    let unsynced = 0
    for (let at = 0; at < bytes;) {
      const length = readSync(from, chunk, 0, Math.min(CHUNK_BYTES, bytes - at), at)
      if (length === 0) throw new Error('the database file is shorter than it says')
      if (at === 0) WITHOUT_WAL.copy(chunk, FORMAT_AT)
      for (let done = 0; done < length;)
        done += writeSync(copy, chunk, done, length - done, at + done)
      at += length
      unsynced += length
      if (unsynced < UNSYNCED_BYTES_MAX) continue
      fdatasyncSync(copy)
      unsynced = 0
    }
    fdatasyncSync(copy)
  } finally {
    closeSync(copy)
  }
}
