import { MINUTE_MS } from '../../../domain/duration.ts'
import type { ExchangeCounts } from '../../../domain/limits/shared-windows.ts'
import type { Client } from '../client.ts'

/** The most windows kept for a home; beyond that, those that end first are removed. */
const ROWS_MAX = 100_000

/** Ended windows are removed at this interval, or after this many counts. */
const SWEEP_MS = MINUTE_MS
const SWEEP_COUNTED = 20_000

type Options = {
  readonly client: Pick<Client, 'query'>
  readonly schema: string
  readonly rowsMax?: number
  readonly sweepMs?: number
}

/** Returns the exchange of counts against limits between replicas. It uses an unlogged table, which is empty after a
 * crash. Windows begin and end by the clock of the server. Rejects with `unavailable`. */
export const rateWindowExchange = ({
  client,
  schema,
  rowsMax = ROWS_MAX,
  sweepMs = SWEEP_MS,
}: Options): ExchangeCounts => {
  const table = `${schema}.rate_window`
  let sweptMs = performance.now()
  let countedSince = 0

  const sweep = async (counted: number): Promise<void> => {
    countedSince += counted
    if (performance.now() - sweptMs < sweepMs && countedSince < SWEEP_COUNTED) return
    sweptMs = performance.now()
    countedSince = 0
    await client.query(sweepOf(table), [rowsMax])
  }

  return async (counted) => {
    const given = JSON.stringify(
      counted.map(({ key, by, durationMs }) => ({ key, by, ms: durationMs })),
    )
    const rows = await client.query(exchangeOf(table), [given])
    await sweep(counted.length)
    return Array.from(rows, (row) => ({
      key: String(row['key']),
      count: Number(row['count']),
      leftMs: Number(row['left']),
      windowId: Number(row['end']),
    }))
  }
}

/** In the order of keys, so that replicas cannot deadlock. A window that ends later than one that begins now is from
 * before the clock was set back. */
const exchangeOf = (table: string): string => `
  INSERT INTO ${table} AS known (key, count, ends_at)
  SELECT key, by, clock_timestamp() + ms * interval '1 millisecond'
  FROM json_to_recordset(CAST(CAST($1 AS text) AS json)) AS given(key text, by float8, ms float8)
  ORDER BY key COLLATE "C"
  ON CONFLICT (key) DO UPDATE SET (count, ends_at) = (
    SELECT
      CASE WHEN lasts THEN known.count ELSE 0 END + excluded.count,
      CASE WHEN lasts THEN known.ends_at ELSE excluded.ends_at END
    FROM (
      SELECT known.ends_at > clock_timestamp()
        AND known.ends_at < excluded.ends_at + interval '1 minute' AS lasts
    ) AS found
  )
  RETURNING key, count,
    extract(epoch FROM ends_at) * 1000 AS "end",
    extract(epoch FROM ends_at - clock_timestamp()) * 1000 AS "left"`

/** Skips rows that are locked by an exchange, so that neither waits for the other. */
const sweepOf = (table: string): string => `
  DELETE FROM ${table} WHERE key IN (
    SELECT key FROM ${table}
    WHERE ends_at <= greatest(
      clock_timestamp(),
      (SELECT ends_at FROM ${table} ORDER BY ends_at DESC OFFSET $1 LIMIT 1)
    )
    FOR UPDATE SKIP LOCKED
  )`
