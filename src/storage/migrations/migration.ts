import type { Database as Sqlite } from 'bun:sqlite'

/** Called now and then with how far an upgrade is, in words. */
export type OnProgress = (done: string) => void

/** SQL, or SQL before and after rows are moved. */
export type Migration =
  | string
  | {
      readonly prepare: string
      readonly move: (connection: Sqlite, onProgress: OnProgress) => void
      readonly finish: string
    }
