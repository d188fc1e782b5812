import type { LogRecord } from './record.ts'

/** A row of the table `log_record`. */
export type RecordRow = {
  readonly seq: number
  readonly id: string
  readonly kind: LogRecord['kind']
  readonly body: string | null
  readonly salt: Uint8Array | null
  readonly body_hash: Uint8Array
  readonly at_ms: number
  readonly is_time_uncertain: number
  readonly leaf_hash: Uint8Array
}

/** Returns the record stored in a row. */
export const recordOf = (row: RecordRow): LogRecord => ({
  seq: row.seq,
  id: row.id,
  kind: row.kind,
  atMs: row.at_ms,
  isTimeUncertain: row.is_time_uncertain !== 0,
  // A partly erased record, which only a manual edit can cause, matches no commitment.
  body:
    row.body === null && row.salt === null
      ? undefined
      : { text: row.body ?? '', salt: row.salt ?? new Uint8Array() },
  bodyHash: row.body_hash,
  leafHash: row.leaf_hash,
})
