import { MINUTE_MS, SECOND_MS } from '../../domain/duration.ts'
import { mebibytes } from '../../storage/files/data-dir.ts'
import type { ServerFacts, Standby } from '../../storage/postgres/diagnostics.ts'
import type { Finding } from '../finding.ts'

/** A standby that is further behind would lose that much at a failover. */
const LAG_MS_MAX = 10 * SECOND_MS

/** Replicas go by the clock of the database: if that is wrong, so are the times of unlocks. */
const CLOCK_MS_MAX = MINUTE_MS

/** Of the connections that the server allows; the rest is for its administrators and for restarts. */
const CONNECTIONS_SHARE_MAX = 0.8

/** Fewer dead rows are normal. */
const DEAD_ROWS_MAX = 100_000

const page = '/manual/troubleshooting'

/** Checks the PostgreSQL server that a home is on: what it promises of a COMMIT above all. */
export const serverFindings = (facts: ServerFacts): readonly Finding[] => [
  facts.isStandby
    ? {
        check: 'database',
        state: 'fault',
        says: 'The database is a standby: nothing can be recorded there',
        fix: 'Set DATABASE_URI to the primary, or promote the standby',
        page,
      }
    : {
        check: 'database',
        state: 'ok',
        says: `PostgreSQL ${facts.version}, ${mebibytes(facts.bytes)}, ${facts.tls ?? 'without TLS, on this machine'}`,
      },
  ...durability(facts),
  replication(facts),
  ...replicas(facts),
  clock(facts),
  connections(facts),
  vacuum(facts),
]

const durability = (facts: ServerFacts): readonly Finding[] => {
  const check = 'durability'
  const { fsync, fullPageWrites, synchronousCommit } = facts
  const found: Finding[] = []
  if (fsync === 'off')
    found.push({
      check,
      state: 'fault',
      says: 'The database does not wait for its disk (fsync is off): a power cut loses unlocks that were acknowledged, and may damage everything',
      fix: 'Set fsync = on in postgresql.conf, and reload the server',
      page,
    })
  if (fullPageWrites === 'off')
    found.push({
      check,
      state: 'fault',
      says: 'The database does not protect pages that are half written (full_page_writes is off): a power cut may damage it',
      fix: 'Set full_page_writes = on in postgresql.conf, and reload the server',
      page,
    })
  if (synchronousCommit === 'off')
    found.push({
      check,
      state: 'fault',
      says: 'The database acknowledges a COMMIT before it is on its disk (synchronous_commit is off): a crash loses unlocks that were acknowledged',
      fix: 'Set synchronous_commit = on in postgresql.conf, or for the user or database of the server',
      page,
    })
  if (found.length > 0) return found
  return [
    {
      check,
      state: 'ok',
      says: `A COMMIT is on the database’s disk before it is acknowledged (synchronous_commit ${synchronousCommit})`,
    },
  ]
}

const isSynchronous = ({ syncState }: Standby): boolean =>
  syncState === 'sync' || syncState === 'quorum'

const replication = (facts: ServerFacts): Finding => {
  const { standbys, standbyNames, synchronousCommit } = facts
  const check = 'replication'
  const count = standbys.length === 1 ? '1 standby' : `${standbys.length} standbys`
  if (standbyNames !== '' && !standbys.some(isSynchronous) && standbys.every(isKnown))
    return {
      check,
      state: 'fault',
      says: 'No synchronous standby is connected, so the database waits for one before it acknowledges anything',
      fix: `Start it, or change synchronous_standby_names (${standbyNames})`,
      page,
    }
  if (standbys.length === 0) return { check, state: 'ok', says: 'The database has no standby' }
  const late = standbys.find(({ lagMs }) => (lagMs ?? 0) > LAG_MS_MAX)
  if (late)
    return {
      check,
      state: 'warning',
      says: `The standby ${late.name ?? ''} is ${Math.round((late.lagMs ?? 0) / 1000)} seconds behind`,
      fix: 'Check its network and its disk',
      page,
      id: 'standby-late',
    }
  const stuck = standbys.find(({ stuckBytes }) => stuckBytes !== null)
  if (stuck)
    return {
      check,
      state: 'warning',
      says: `The standby ${stuck.name ?? ''} does not keep up: it lacks ${kibibytes(stuck.stuckBytes ?? 0)} that the database has written, and does not report for how long`,
      fix: 'Check its network and disk, and that pg_is_wal_replay_paused() returns false on it',
      page,
      id: 'standby-late',
    }
  if (standbyNames === '' || synchronousCommit === 'local')
    return {
      check,
      state: 'warning',
      says: `The database does not wait for its ${count}: a failover may lose unlocks that were acknowledged, and then the log stops`,
      fix: 'Set synchronous_standby_names and synchronous_commit = on',
      page,
      id: 'standby-asynchronous',
    }
  return {
    check,
    state: 'ok',
    says: `A COMMIT is also on a standby before it is acknowledged (${count})`,
  }
}

const kibibytes = (bytes: number): string => `${Math.ceil(bytes / 1024).toLocaleString('en')} KiB`

const replicas = ({ replicas: running }: ServerFacts): readonly Finding[] => {
  const check = 'replicas'
  const found: Finding[] = []
  const named = running.map(described).join(', ')
  const versions = new Set(running.map(({ version }) => version))
  const twice = running.find(({ name }, at) => running.findIndex((one) => one.name === name) < at)
  if (versions.size > 1)
    found.push({
      check,
      state: 'warning',
      says: `Replicas run different versions: ${running.map(({ name, version }) => `${name} ${version}`).join(', ')}`,
      fix: 'Upgrade the older ones, and restart them',
      page,
      id: 'replica-versions',
    })
  if (twice)
    found.push({
      check,
      state: 'warning',
      says: `Several replicas are called ${twice.name}, so metrics and audit events cannot tell them apart`,
      fix: 'Give each replica its own INSTANCE_NAME',
      page,
      id: 'replica-names',
    })
  if (new Set(running.map(({ metricsToken }) => metricsToken)).size > 1)
    found.push({
      check,
      state: 'warning',
      says: 'Replicas have different metrics tokens, so some of them refuse Prometheus',
      fix: 'Copy metrics-token from the DATA_DIR of one replica to the others, and restart those',
      page,
      id: 'replica-metrics-tokens',
    })
  if (found.length > 0) return found
  const says =
    running.length === 0
      ? 'No replica is running'
      : `${running.length === 1 ? '1 replica is' : `${running.length} replicas are`} running: ${named}`
  return [{ check, state: 'ok', says }]
}

/** Names a replica, with notes. One that was killed counts as running for a while. */
const described = ({ name, leads, silentMs }: ServerFacts['replicas'][number]): string => {
  const notes = [
    ...(leads ? ['leader'] : []),
    ...(silentMs === undefined
      ? []
      : [`last heard from ${Math.round(silentMs / SECOND_MS)} seconds ago`]),
  ]
  return notes.length > 0 ? `${name} (${notes.join(', ')})` : name
}

const isKnown = ({ syncState }: Standby): boolean => syncState !== null

const clock = ({ clockAheadMs }: ServerFacts): Finding => {
  const check = 'clock of the database'
  const seconds = Math.round(Math.abs(clockAheadMs) / 1000)
  if (Math.abs(clockAheadMs) <= CLOCK_MS_MAX)
    return { check, state: 'ok', says: 'The clocks of this machine and of the database agree' }
  return {
    check,
    state: 'warning',
    says: `The clock of the database is ${seconds} seconds ${clockAheadMs > 0 ? 'ahead of' : 'behind'} that of this machine`,
    fix: 'Synchronise both machines with a time server: timedatectl set-ntp true',
    page,
    id: 'database-clock',
  }
}

const connections = ({ connections: used, connectionsMax: max }: ServerFacts): Finding => {
  const check = 'connections'
  const says = `${used} of ${max} connections of the database are in use`
  if (used <= CONNECTIONS_SHARE_MAX * max) return { check, state: 'ok', says }
  return {
    check,
    state: 'warning',
    says,
    fix: 'Raise max_connections, or put PgBouncer in front of the database',
    page,
    id: 'database-connections',
  }
}

const vacuum = ({ dead: most, autovacuum }: ServerFacts): Finding => {
  const check = 'vacuum'
  if (autovacuum === 'off')
    return {
      check,
      state: 'warning',
      says: 'The database never frees the space of old rows by itself (autovacuum is off)',
      fix: 'Set autovacuum = on in postgresql.conf, or run vacuumdb every day',
      page,
      id: 'autovacuum-off',
    }
  if (most && most.dead > Math.max(DEAD_ROWS_MAX, most.live))
    return {
      check,
      state: 'warning',
      says: `The table ${most.table} has ${most.dead.toLocaleString('en')} dead rows beside ${most.live.toLocaleString('en')}`,
      fix: 'End transactions that have been open for long (see pg_stat_activity), then run VACUUM',
      page,
      id: 'dead-rows-many',
    }
  return { check, state: 'ok', says: 'The database frees the space of old rows' }
}
