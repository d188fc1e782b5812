import { readdirSync, statSync, statfsSync } from 'node:fs'
import type { GaugeSource } from './metrics.ts'

type Dependencies = {
  readonly version: string
  readonly dataDir: string
  readonly databasePath: string
  readonly hashing: () => {
    readonly running: number
    readonly waiting: number
    readonly refused: number
  }
  readonly logSize: () => Promise<number>
  readonly lastCheck: () =>
    | { readonly ok: boolean; readonly scope: string; readonly checkedAtMs: number }
    | undefined
  readonly liveStreams: () => number
  /** When the certificate in use is over; nothing without one. */
  readonly certificateEndMs: () => number | undefined
  /** When the newest backup in BACKUP_DIR was made; nothing without one. */
  readonly newestBackupMs: () => Promise<number | undefined>
}

/** What is asked for when Prometheus looks. To tell one more number, add a line. */
export const serviceGauges = (of: Dependencies): readonly GaugeSource[] => [
  reading('secure_lock_unlock_log_events', 'Events in the unlock log', of.logSize),
  reading('secure_lock_live_streams', 'Open streams of unlocks', of.liveStreams),
  reading(
    'secure_lock_certificate_expiry_timestamp_seconds',
    'When the certificate in use is over',
    () => seconds(of.certificateEndMs()),
  ),
  reading(
    'secure_lock_backup_newest_timestamp_seconds',
    'When the newest backup in BACKUP_DIR was made',
    async () => seconds(await of.newestBackupMs()),
  ),
  ...hashingReadings(of),
  ...checkReadings(of),
  ...diskReadings(of),
  ...processReadings,
  {
    name: 'secure_lock_build_info',
    help: 'Always 1; its labels say what runs',
    labels: ['version', 'bun'],
    read: () => [[{ version: of.version, bun: Bun.version }, 1]],
  },
]

const reading = (name: string, help: string, read: GaugeSource['read']): GaugeSource => ({
  name,
  help,
  read,
})

const seconds = (ms: number | undefined) => (ms === undefined ? undefined : ms / 1000)

const hashingReadings = ({ hashing }: Dependencies): readonly GaugeSource[] => [
  reading(
    'secure_lock_password_hashing_running',
    'Passwords that are hashed now',
    () => hashing().running,
  ),
  reading(
    'secure_lock_password_hashing_waiting',
    'Passwords that wait to be hashed',
    () => hashing().waiting,
  ),
  reading(
    'secure_lock_password_hashing_refused_total',
    'Passwords refused because too many waited',
    () => hashing().refused,
  ),
]

/** Of the last check alone: a fault stays until a later one finds none. */
const checkReadings = ({ lastCheck }: Dependencies): readonly GaugeSource[] => {
  const ofLast = (value: (check: NonNullable<ReturnType<typeof lastCheck>>) => number) => () => {
    const check = lastCheck()
    return check ? [[{ scope: check.scope }, value(check)] as const] : []
  }
  return [
    {
      name: 'secure_lock_unlock_log_intact',
      help: '1 where the last check found the unlock log whole, 0 where it did not',
      labels: ['scope'],
      read: ofLast(({ ok }) => (ok ? 1 : 0)),
    },
    {
      name: 'secure_lock_unlock_log_verification_timestamp_seconds',
      help: 'When that check ended',
      labels: ['scope'],
      read: ofLast(({ checkedAtMs }) => checkedAtMs / 1000),
    },
  ]
}

const diskReadings = ({ dataDir, databasePath }: Dependencies): readonly GaugeSource[] => [
  reading('secure_lock_database_bytes', 'Size of the database file', () => sizeOf(databasePath)),
  reading('secure_lock_database_wal_bytes', 'Size of its write-ahead log', () =>
    sizeOf(`${databasePath}-wal`),
  ),
  reading('secure_lock_disk_free_bytes', 'What the disk of the data folder still takes', () => {
    const { bavail, bsize } = statfsSync(dataDir)
    return bavail * bsize
  }),
]

const sizeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0

/** Under the names that every Prometheus client has for them. The library's own ask more modules
 * than a start has time for, and of Node's others most are empty here. */
const processReadings: readonly GaugeSource[] = [
  reading('process_cpu_seconds_total', 'User and system time spent, in seconds', () => {
    const { user, system } = process.cpuUsage()
    return (user + system) / 1e6
  }),
  reading('process_start_time_seconds', 'When the process started, since 1970', () =>
    Math.round(performance.timeOrigin / 1000),
  ),
  reading('process_resident_memory_bytes', 'Memory in use', () => process.memoryUsage.rss()),
  reading(
    'process_open_fds',
    'Open file descriptors',
    // Less the one that reads them.
    () => readdirSync('/proc/self/fd').length - 1,
  ),
  reading('process_max_fds', 'Most file descriptors that may be open', async () => {
    const limits = await Bun.file('/proc/self/limits').text()
    return Number(/^Max open files +(\d+)/m.exec(limits)?.[1])
  }),
]
