import { SECOND_MS } from '../../domain/duration.ts'
import { TABLES_OF_SCHEMA } from './schema-check.ts'
import type { Queries } from '../queries.ts'
import { type RunningReplica, runningReplicas } from '../replicas/presence-store.ts'

/** What is known about the server that a home is on. */
export type ServerFacts = {
  readonly version: string
  /** Settings as the server shows them to this connection, such as `on`. */
  readonly fsync: string
  readonly fullPageWrites: string
  readonly synchronousCommit: string
  readonly standbyNames: string
  readonly autovacuum: string
  readonly isStandby: boolean
  readonly connections: number
  readonly connectionsMax: number
  /** How far the server's clock is ahead of ours. */
  readonly clockAheadMs: number
  /** The size of the home. */
  readonly bytes: number
  /** The version of TLS on this connection, or undefined without it. */
  readonly tls: string | undefined
  readonly standbys: readonly Standby[]
  readonly replicas: readonly RunningReplica[]
  /** The table with the most dead rows; undefined if nothing was written yet. */
  readonly dead:
    | { readonly table: string; readonly dead: number; readonly live: number }
    | undefined
}

/** A server that follows this one. Without the rights of `pg_monitor`, all but its number is unknown. */
export type Standby = {
  readonly name: string | null
  /** `sync`, `quorum`, `potential` or `async`. */
  readonly syncState: string | null
  /** How long it takes until a commit can be read there; null while nothing is written, and sometimes if the standby is
   * stuck. */
  readonly lagMs: number | null
  /** How many bytes it lacks, if it still lacks what was written a second ago and its lag does not say so; otherwise null. */
  readonly stuckBytes: number | null
}

type Row = Omit<
  ServerFacts,
  'isStandby' | 'clockAheadMs' | 'tls' | 'standbys' | 'replicas' | 'dead'
> & {
  readonly isStandby: number
  readonly nowMs: number
  readonly tls: string | null
}

/** Asks the server about itself and a schema on it. Changes nothing. */
export const serverFacts = async (
  db: Pick<Queries, 'get' | 'all'>,
  schema: string,
): Promise<ServerFacts> => {
  const askedMs = Date.now()
  const row = await db.get<Row>(
    `SELECT
       current_setting('server_version') AS version,
       current_setting('fsync') AS fsync,
       current_setting('full_page_writes') AS "fullPageWrites",
       current_setting('synchronous_commit') AS "synchronousCommit",
       current_setting('synchronous_standby_names') AS "standbyNames",
       current_setting('autovacuum') AS autovacuum,
       CAST(current_setting('max_connections') AS bigint) AS "connectionsMax",
       (SELECT count(*) FROM pg_stat_activity WHERE datid IS NOT NULL) AS connections,
       pg_is_in_recovery() AS "isStandby",
       CAST(extract(epoch FROM clock_timestamp()) * 1000 AS bigint) AS "nowMs",
       (SELECT s.version FROM pg_stat_ssl s WHERE s.pid = pg_backend_pid()) AS tls,
       (
         SELECT CAST(coalesce(sum(pg_total_relation_size(c.oid)), 0) AS bigint)
         FROM ${TABLES_OF_SCHEMA}
         WHERE n.nspname = ?
       ) AS bytes`,
    schema,
  )
  if (!row) throw new Error('the server says nothing about itself')
  const answeredMs = Date.now()
  const { isStandby, nowMs, tls, ...facts } = row
  return {
    ...facts,
    version: facts.version.split(' ')[0] ?? '',
    isStandby: isStandby === 1,
    clockAheadMs: nowMs - (askedMs + answeredMs) / 2,
    tls: tls ?? undefined,
    standbys: await standbysOf(db, isStandby === 1),
    replicas: await runningReplicas(db),
    dead: await db.get<NonNullable<ServerFacts['dead']>>(
      `SELECT relname AS table, n_dead_tup AS dead, n_live_tup AS live
       FROM pg_stat_all_tables
       WHERE schemaname = ?
       ORDER BY n_dead_tup DESC
       LIMIT 1`,
      schema,
    ),
  }
}

/** How long a standby that is behind gets to catch up. The lag that it reports may be missing or out of date. */
const CATCH_UP_MS = SECOND_MS

const standbysOf = async (
  db: Pick<Queries, 'get' | 'all'>,
  isStandby: boolean,
): Promise<readonly Standby[]> => {
  if (isStandby) return listed(db, null)
  const written = await db.get<{ lsn: string }>('SELECT CAST(pg_current_wal_lsn() AS text) AS lsn')
  const lsn = written?.lsn ?? null
  const found = await listed(db, lsn)
  if (!found.some(({ stuckBytes }) => stuckBytes !== null)) return found
  await Bun.sleep(CATCH_UP_MS)
  return (await listed(db, lsn)).map((standby) =>
    (standby.lagMs ?? 0) > CATCH_UP_MS ? { ...standby, stuckBytes: null } : standby,
  )
}

/** Lists the standbys. Those that have not replayed up to a position have `stuckBytes`. */
const listed = (db: Pick<Queries, 'all'>, lsn: string | null): Promise<readonly Standby[]> =>
  db.all<Standby>(
    `SELECT
       application_name AS name,
       sync_state AS "syncState",
       CAST(extract(epoch FROM replay_lag) * 1000 AS bigint) AS "lagMs",
       CASE
         WHEN replay_lsn < CAST(CAST(? AS text) AS pg_lsn)
         THEN CAST(pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn) AS bigint)
       END AS "stuckBytes"
     FROM pg_stat_replication`,
    lsn,
  )

/** Returns the bytes of all tables of a schema, with their indexes. */
export const schemaBytes = async (db: Pick<Queries, 'get'>, schema: string): Promise<number> => {
  const row = await db.get<{ bytes: number | null }>(
    `SELECT CAST(sum(pg_total_relation_size(c.oid)) AS bigint) AS bytes
     FROM ${TABLES_OF_SCHEMA}
     WHERE n.nspname = ?`,
    schema,
  )
  return row?.bytes ?? 0
}
