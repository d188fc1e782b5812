import { type Database as Sqlite, SQLiteError } from 'bun:sqlite'

export type Snapshot = { readonly begin: () => void; readonly end: () => void }

export const NO_SNAPSHOT: Snapshot = { begin: () => {}, end: () => {} }

/** Lets the reads of one turn of the event loop share a snapshot, so that they lock the file once
 * instead of once each. A commit of this process ends it, because a read must see what was written
 * before it, and a checkpoint must not wait for it. */
export const turnSnapshot = (reader: Sqlite): Snapshot => {
  let turn: NodeJS.Immediate | undefined
  const end = () => {
    if (!turn) return
    clearImmediate(turn)
    turn = undefined
    // A failed read may have ended it.
    if (!reader.inTransaction) return
    try {
      reader.run('COMMIT')
    } catch (error) {
      // No read is waiting any more; the next ones will see the error themselves.
      if (!(error instanceof SQLiteError)) throw error
      if (reader.inTransaction) reader.run('ROLLBACK')
    }
  }
  return {
    begin: () => {
      if (turn) return
      reader.run('BEGIN')
      turn = setImmediate(end)
    },
    end,
  }
}
