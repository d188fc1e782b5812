/** What a statement may be given. */
type Value = string | number | bigint | Uint8Array | null

export type Params = readonly Value[]

/** Runs statements. They reject with `unavailable` if the disk fails or another process holds the lock. */
export type Queries = {
  all: <Row>(sql: string, ...params: Params) => Promise<Row[]>
  get: <Row>(sql: string, ...params: Params) => Promise<Row | undefined>
  /** Runs a statement that returns no rows; returns the number of rows changed. */
  run: (sql: string, ...params: Params) => Promise<number>
}

/** Reads what is committed. */
export type Reader = Pick<Queries, 'all' | 'get'> & {
  /** True for a file on this machine, false for a server. */
  readonly isFile: boolean
  /** Called after a commit: later reads see it. */
  readonly endSnapshot: () => void
  /** Returns true if the last statement failed after a time of `performance.now()`, because a server cannot be reached
   * or takes too long. */
  readonly isLate: (sinceMs: number) => boolean
  /** False once a damaged page was found. */
  readonly isSound: () => boolean
  /** Throws `unavailable` once a damaged page was found. */
  readonly requireSound: () => void
  /** Closes the connections. `isLeftOpen` leaves that to the end of the process, for a file whose WAL must stay as
   * it is. */
  readonly close: (isLeftOpen: boolean) => void
}
