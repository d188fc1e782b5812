import { readdirSync } from 'node:fs'
import { type DiskState, readDisk } from '../../storage/disk-space.ts'
import type { GaugeSource } from './metrics.ts'

type Dependencies = {
  readonly version: string
  readonly dataDir: string
  /** The size of the database and of its WAL; a database on a server has no such file. */
  readonly databaseBytes: () => Promise<number> | number
  readonly walBytes: () => number | undefined
  readonly diskState: () => DiskState
  readonly hashing: () => {
    readonly running: number
    readonly waiting: number
    readonly refused: number
  }
  /** Whether replicas count limits together; undefined if there can be only one. */
  readonly areLimitsShared: () => boolean | undefined
  readonly logSize: () => Promise<number>
  readonly lastVerification: () =>
    | { readonly ok: boolean; readonly scope: string; readonly checkedAtMs: number }
    | undefined
  readonly liveStreams: () => number
  /** When the certificate in use expires, or undefined without one. */
  readonly certificateEndMs: () => number | undefined
  /** When the newest backup in BACKUP_DIR was created, or undefined without one. */
  readonly newestBackupMs: () => Promise<number | undefined>
}

/** The metrics that are read at each scrape. To export one more, add a line. */
export const serviceGauges = (deps: Dependencies): readonly GaugeSource[] => [
  gauge('secure_lock_unlock_log_events', 'Entries in the log', deps.logSize),
  gauge('secure_lock_live_streams', 'Open streams of unlocks', deps.liveStreams),
  gauge(
    'secure_lock_certificate_expiry_timestamp_seconds',
    'When the certificate in use expires; absent without HTTPS',
    () => seconds(deps.certificateEndMs()),
  ),
  gauge(
    'secure_lock_backup_newest_timestamp_seconds',
    'When the newest backup in `BACKUP_DIR` was created; absent without one',
    async () => seconds(await deps.newestBackupMs()),
  ),
  gauge(
    'secure_lock_rate_limits_shared',
    '1 while replicas count limits together, 0 while this one counts alone because the database is slow; absent with SQLite',
    () => truth(deps.areLimitsShared()),
  ),
  ...hashingGauges(deps),
  ...verificationGauges(deps),
  ...diskGauges(deps),
  ...processGauges,
  {
    name: 'secure_lock_build_info',
    help: 'Always 1; the labels say which version runs',
    labels: ['version', 'bun'],
    read: () => [[{ version: deps.version, bun: Bun.version }, 1]],
  },
]

const gauge = (name: string, help: string, read: GaugeSource['read']): GaugeSource => ({
  name,
  help,
  read,
})

const seconds = (ms: number | undefined) => (ms === undefined ? undefined : ms / 1000)

const truth = (value: boolean | undefined) => (value === undefined ? undefined : Number(value))

const hashingGauges = ({ hashing }: Dependencies): readonly GaugeSource[] => [
  gauge('secure_lock_password_hashing_running', 'Passwords being hashed', () => hashing().running),
  gauge(
    'secure_lock_password_hashing_waiting',
    'Passwords waiting to be hashed',
    () => hashing().waiting,
  ),
  gauge(
    'secure_lock_password_hashing_refused_total',
    'Passwords refused with 503, because too many were waiting',
    () => hashing().refused,
  ),
]

/** Of the last verification only: a fault stays until a later one finds none. */
const verificationGauges = ({ lastVerification }: Dependencies): readonly GaugeSource[] => {
  const ofLast =
    (value: (last: NonNullable<ReturnType<typeof lastVerification>>) => number) => () => {
      const last = lastVerification()
      return last ? [[{ scope: last.scope }, value(last)] as const] : []
    }
  return [
    {
      name: 'secure_lock_unlock_log_intact',
      help: '1 if the last verification found the log intact, otherwise 0; `recent` (the newest 200 unlocks) or `full`',
      labels: ['scope'],
      read: ofLast(({ ok }) => (ok ? 1 : 0)),
    },
    {
      name: 'secure_lock_unlock_log_verification_timestamp_seconds',
      help: 'When that verification ended',
      labels: ['scope'],
      read: ofLast(({ checkedAtMs }) => checkedAtMs / 1000),
    },
  ]
}

const diskGauges = (deps: Dependencies): readonly GaugeSource[] => [
  gauge('secure_lock_database_bytes', 'Size of the database', deps.databaseBytes),
  gauge(
    'secure_lock_database_wal_bytes',
    'Size of its WAL; absent if it is on a server',
    deps.walBytes,
  ),
  gauge(
    'secure_lock_disk_free_bytes',
    'Free space on the disk of `DATA_DIR`',
    () => readDisk(deps.dataDir).freeBytes,
  ),
  gauge(
    'secure_lock_disk_reserve_reached',
    '0 while there is room; 1 below `DISK_RESERVE`: newcomers and batches are refused; 2 below the last 16 MiB: members too',
    () => ({ ok: 0, low: 0, reserved: 1, last: 2 })[deps.diskState()],
  ),
]

/** Named as in every Prometheus client. The library's own versions load too many modules for a fast
 * start, and most of its other Node metrics are empty under Bun. */
const processGauges: readonly GaugeSource[] = [
  gauge('process_cpu_seconds_total', 'Processor time', () => {
    const { user, system } = process.cpuUsage()
    return (user + system) / 1e6
  }),
  gauge('process_start_time_seconds', 'When the process started', () =>
    Math.round(performance.timeOrigin / 1000),
  ),
  gauge('process_resident_memory_bytes', 'Memory', () => process.memoryUsage.rss()),
  gauge(
    'process_open_fds',
    'Open file descriptors',
    // Without the one that reads them.
    () => readdirSync('/proc/self/fd').length - 1,
  ),
  gauge('process_max_fds', 'Limit of open file descriptors', async () => {
    const limits = await Bun.file('/proc/self/limits').text()
    return Number(/^Max open files +(\d+)/m.exec(limits)?.[1])
  }),
]
