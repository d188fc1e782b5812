import { SQL } from 'bun'
import {
  chmodSync,
  chownSync,
  closeSync,
  copyFileSync,
  existsSync,
  openSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort, temporaryFolder } from './binary.ts'
import { until } from './until.ts'

/** The programs of the newest PostgreSQL here: Debian puts them beside PATH. */
const PROGRAMS =
  [...new Bun.Glob('/usr/lib/postgresql/*/bin/postgres').scanSync('/')]
    .toSorted((left, right) => Number(right.split('/')[4]) - Number(left.split('/')[4]))
    .at(0) ?? Bun.which('postgres')

/** Whether a PostgreSQL server can be started here. */
export const CAN_POSTGRES = process.env['REQUIRE_POSTGRES'] === '1' || PROGRAMS !== null

if (!CAN_POSTGRES)
  process.stderr.write(
    'No PostgreSQL: its tests are left out (REQUIRE_POSTGRES=1 makes them fail)\n',
  )

/** The path of a program of PostgreSQL, such as `psql`. */
export const program = (name: string): string => join(PROGRAMS ?? '', '..', name)

/** PostgreSQL refuses to run as root: this user, which owns nothing, runs it instead. */
const NOBODY = 65_534
const IS_ROOT = process.getuid?.() === 0
const AS_NOBODY = `setpriv --reuid ${NOBODY} --regid ${NOBODY} --clear-groups`.split(' ')

/** The prefix of a command that runs as an unprivileged user. */
const UNPRIVILEGED: readonly string[] = IS_ROOT ? AS_NOBODY : []

/** A new folder of the unprivileged user. */
const unprivilegedFolder = (): string => {
  const folder = temporaryFolder()
  if (IS_ROOT) chownSync(folder, NOBODY, NOBODY)
  return folder
}

const must = async (command: readonly string[], folder: string): Promise<string> => {
  const ran = Bun.spawn([...UNPRIVILEGED, ...command], {
    cwd: folder,
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
  })
  const [out, words, status] = await Promise.all([
    new Response(ran.stdout).text(),
    new Response(ran.stderr).text(),
    ran.exited,
  ])
  if (status !== 0) throw new Error(`${command.join(' ')}: ${words}`)
  return out
}

const INITDB =
  '--username postgres --auth trust --no-locale --encoding UTF8 --no-sync --no-instructions'.split(
    ' ',
  )
const BASEBACKUP = '--checkpoint fast --write-recovery-conf --no-sync'.split(' ')

type Options = {
  /** Whether a commit is on disk before it is acknowledged; without it, everything is faster. */
  readonly hasFsync?: boolean
  /** Further settings of postgresql.conf, such as `{ max_connections: '20' }`. */
  readonly settings?: Readonly<Record<string, string>>
  /** Lines of pg_hba.conf, without which everyone on this machine is let in. */
  readonly access?: readonly string[]
  /** The paths of a certificate and its key, for connections with TLS. */
  readonly tls?: { readonly cert: string; readonly key: string }
}

/** Returns the data folder of an empty server. Every server gets a copy of it, in a tenth of the time that `initdb` takes.
 * All test files share it, and so do later runs. */
const emptyCluster = async (): Promise<string> => {
  const version = statSync(program('initdb')).mtimeMs.toFixed()
  const shared = join(tmpdir(), `secure-lock-initdb-${version}-${process.getuid?.()}`)
  if (existsSync(shared)) return shared
  const folder = unprivilegedFolder()
  const data = join(folder, 'data')
  await must([program('initdb'), ...INITDB, '--pgdata', data], folder)
  try {
    renameSync(data, shared)
  } catch (error) {
    // Another worker was faster.
    if (!existsSync(shared)) throw error
  }
  rmSync(folder, { recursive: true })
  return shared
}

/** Starts a PostgreSQL server in a folder of its own, with a database `postgres`, where the user `postgres` needs no
 * password. The end of the scope stops it and removes the folder. */
export const startPostgres = async (options: Options = {}) => {
  const folder = unprivilegedFolder()
  const data = join(folder, 'data')
  await must(['cp', '--archive', await emptyCluster(), data], folder)
  if (options.access) await Bun.write(join(data, 'pg_hba.conf'), `${options.access.join('\n')}\n`)
  if (options.tls)
    for (const [from, name] of [
      [options.tls.cert, 'server.crt'],
      [options.tls.key, 'server.key'],
    ] as const) {
      copyFileSync(from, join(data, name))
      chmodSync(join(data, name), 0o600)
      if (IS_ROOT) chownSync(join(data, name), NOBODY, NOBODY)
    }
  return running(folder, options)
}

const running = async (folder: string, { hasFsync = false, settings = {}, tls }: Options) => {
  const data = join(folder, 'data')
  const port = await freePort()
  const set = {
    port: String(port),
    listen_addresses: '127.0.0.1',
    unix_socket_directories: folder,
    max_connections: '200',
    shared_buffers: '64MB',
    fsync: hasFsync ? 'on' : 'off',
    ...(tls ? { ssl: 'on' } : {}),
    ...settings,
  }
  const command = [
    // The server does not outlive this process.
    'setpriv',
    '--pdeathsig',
    'QUIT',
    ...UNPRIVILEGED.slice(1),
    program('postgres'),
    '-D',
    data,
    ...Object.entries(set).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
  ]
  const log = openSync(join(folder, 'log'), 'a')
  const run = () => Bun.spawn(command, { cwd: folder, stdin: 'ignore', stdout: log, stderr: log })
  let server = run()
  const url = (database = 'postgres'): string => `postgres://postgres@127.0.0.1:${port}/${database}`
  const hasEnded = () => server.exitCode !== null || server.signalCode !== null

  const ready = () =>
    until(() => {
      if (hasEnded())
        throw new Error(`PostgreSQL ended: ${readFileSync(join(folder, 'log'), 'utf8')}`)
      return isReady(data, server.pid)
    })

  /** Runs statements of the test, over a connection of their own; returns the rows of the last. */
  const query = async <Row>(sql: string, database?: string): Promise<readonly Row[]> => {
    const connection = new SQL(url(database), { max: 1 })
    try {
      const answer = (await connection.unsafe(sql).simple()) as readonly unknown[]
      return (Array.isArray(answer.at(-1)) ? answer.at(-1) : [...answer]) as Row[]
    } finally {
      await connection.close({ timeout: 0 })
    }
  }

  const thaw = () => signal(server.pid, 'SIGCONT')

  const stop = async (how: 'SIGTERM' | 'SIGINT' | 'SIGQUIT' = 'SIGINT'): Promise<void> => {
    thaw()
    server.kill(how)
    await server.exited
  }

  await ready()
  return {
    folder,
    port,
    url,
    query,
    /** Where a home is, for DATABASE_URI. */
    home: (schema: string, database?: string): string => `${url(database)}?schema=${schema}`,
    log: (): string => readFileSync(join(folder, 'log'), 'utf8'),
    /** Ends every process of the server at once, as a loss of power does but for the disk. */
    kill: async (): Promise<void> => {
      const processes = signal(server.pid, 'SIGKILL')
      await server.exited
      await until(() => !processes.some((pid) => isThere(pid)))
    },
    /** Stops it: SIGTERM waits for its clients, SIGINT ends their transactions, SIGQUIT does not even write a
     * checkpoint. */
    stop,
    /** Starts it again after `stop` or `kill`, on the same port. Does not wait if told so. */
    start: async ({ waits = true } = {}): Promise<void> => {
      server = run()
      if (waits) await ready()
    },
    /** Stops all its processes where they are: connections stay open, and nothing is answered. */
    freeze: () => void signal(server.pid, 'SIGSTOP'),
    thaw: () => void thaw(),
    /** Returns a standby that follows this server and can be read from; its `promote` makes it a server of its own. */
    standby: async (more: Options = {}) => {
      const itsFolder = unprivilegedFolder()
      await must(
        [
          program('pg_basebackup'),
          ...BASEBACKUP,
          '--dbname',
          url(),
          '--pgdata',
          join(itsFolder, 'data'),
        ],
        itsFolder,
      )
      const following = await running(itsFolder, {
        hasFsync,
        settings,
        ...(tls ? { tls } : {}),
        ...more,
      })
      return {
        ...following,
        promote: async (): Promise<void> =>
          void (await following.query('SELECT pg_promote(true, 60)')),
      }
    },
    [Symbol.asyncDispose]: async () => {
      if (!hasEnded()) await stop('SIGQUIT')
      closeSync(log)
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** Returns true if a server accepts connections, according to the file that it writes for `pg_ctl`: its first line is the
 * process id, and its eighth the state. */
const isReady = (data: string, pid: number): boolean => {
  try {
    const lines = readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n')
    return lines[0] === String(pid) && ['ready', 'standby'].includes(lines[7]?.trim() ?? '')
  } catch {
    return false
  }
}

/** Sends a signal to a server and then its processes, each of which leads a process group; returns their ids. */
const signal = (pid: number, name: NodeJS.Signals): readonly number[] => {
  // A stopped server starts no further processes, and is still the parent of those it has.
  send(pid, 'SIGSTOP')
  const children = readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number)
    .filter((entry) => parentOf(entry) === pid)
  for (const one of [pid, ...children]) send(one, name)
  return children
}

const send = (pid: number, name: NodeJS.Signals): void => {
  try {
    process.kill(pid, name)
  } catch {
    // It has ended.
  }
}

const isThere = (pid: number): boolean => parentOf(pid) !== undefined

/** The parent of a process, unless it has ended: proc(5), the fourth field, after a name in brackets. */
const parentOf = (pid: number): number | undefined => {
  try {
    const [state, parent] =
      readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? []
    return state === 'Z' ? undefined : Number(parent)
  } catch {
    return undefined
  }
}
