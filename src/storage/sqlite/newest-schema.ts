import { Database as Sqlite } from 'bun:sqlite'
import { runStep } from '../migrate.ts'
import { MIGRATIONS } from '../migrations.ts'

/** A row of `sqlite_schema`: a table, view, trigger or index. */
export type Entry = {
  readonly type: string
  readonly name: string
  readonly tbl_name: string
  readonly sql: string | null
}

export const entriesOf = (connection: Sqlite): readonly Entry[] =>
  connection.query<Entry, []>('SELECT type, name, tbl_name, sql FROM sqlite_schema').all()

/** Returns the schema that the first migrations create, which takes some milliseconds. */
export const schemaAfter = (steps: number): readonly Entry[] => {
  const memory = new Sqlite(':memory:')
  try {
    for (const step of MIGRATIONS.slice(0, steps)) runStep(memory, step)
    return entriesOf(memory)
  } finally {
    memory.close()
  }
}

/** Returns the schema that all migrations create. A macro: it runs when the program is built, which keeps
 * starts fast. */
export const newestSchema = (): readonly Entry[] => schemaAfter(MIGRATIONS.length)
