import type { Queries } from './queries.ts'

/** Which process of a home does what only one may do, such as sending messages. */
export type Leading = {
  /** True while this process leads. */
  readonly isLeader: () => boolean
  /** Returns true if some process leads. */
  readonly isLed: () => Promise<boolean>
  /** From now on this process wants to lead. Calls `listener` with true once it does, and with false once it no longer
   * does. */
  readonly onChange: (listener: (isLeader: boolean) => void) => void
  /** Throws `unavailable` if another process has led since: then nothing of that transaction is written. */
  readonly requireIn: (tx: Pick<Queries, 'get'>) => Promise<void>
}

/** For a file, which one process serves. */
export const ALONE: Leading = {
  isLeader: () => true,
  isLed: async () => true,
  onChange: (listener) => listener(true),
  requireIn: async () => {},
}
