import { mkdtempSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { BINARY, UNLIMITED, freePort } from '../support/binary.ts'
import { buildYardstick } from './build.ts'
import { type Lines, atMost, median, say } from './line.ts'
import { cpuUs } from './process.ts'
import { ROUNDS } from './rounds.ts'

/** Long enough for the leftover work of a start to finish and be freed. */
const IDLE_MS = 5000
const START_MS_MAX = 60_000

/** Starts and idle memory, and those of an empty app. */
export async function* smallLines(folder: string): Lines {
  say('starts')
  const { service, first, empty, plain } = await starts(folder, 3 * ROUNDS)
  const told = ({ startMs, cpuMs }: Small) =>
    `${startMs.toFixed(0)} ms, ${cpuMs.toFixed(0)} ms of CPU time`
  yield { what: 'start to first answer, compiled empty Elysia app', measured: told(plain) }
  yield { what: 'the same, built with the flags of the server', measured: told(empty) }
  yield { what: 'start to first answer, this server', measured: told(service) }
  yield { what: 'the same in an empty folder', measured: told(first) }
  yield atMost(1.5, {
    what: 'this server, relative to the compiled empty app',
    value: service.startMs / plain.startMs,
    unit: ' ×',
  })
  yield {
    what: 'this server, relative to the empty app with its flags',
    measured: `${(service.startMs / empty.startMs).toFixed(2)} ×`,
  }
  say('memory')
  const kinds = build(folder)
  const memory = await idleMiB(
    { service: kinds.service, empty: kinds.empty },
    Math.ceil(ROUNDS / 2),
  )
  const [ours = Number.NaN, bare = Number.NaN] = [memory['service'], memory['empty']]
  yield atMost(1.75, {
    what: 'idle memory, relative to the empty app with its flags',
    value: ours / bare,
    unit: ' ×',
    of: `${ours.toFixed(1)} and ${bare.toFixed(1)} MiB`,
  })
}

type Small = {
  /** Milliseconds from the start of the process to its first answer. */
  readonly startMs: number
  /** CPU time of all threads until then, in steps of ten. */
  readonly cpuMs: number
}

/** What is started: the service in a used and in an empty folder, an empty Elysia app built with plain
 * `bun build --compile`, and one with the flags of the service. */
const KINDS = ['service', 'first', 'plain', 'empty'] as const
type Kind = (typeof KINDS)[number]

/** Starts each in turn, and returns the medians. */
const starts = async (folder: string, rounds: number): Promise<Readonly<Record<Kind, Small>>> => {
  const kinds = build(folder)
  const found: Record<Kind, Small[]> = { service: [], first: [], empty: [], plain: [] }
  // The first start of each reads the file from disk, and creates the service's data.
  for (const kind of KINDS) await started(kinds[kind], async () => {})
  for (let round = 0; round < rounds; round += 1)
    for (const kind of KINDS) found[kind].push(await started(kinds[kind], async () => {}))
  const typical = (all: readonly Small[]): Small => ({
    startMs: median(all.map(({ startMs }) => startMs)),
    cpuMs: median(all.map(({ cpuMs }) => cpuMs)),
  })
  return {
    service: typical(found.service),
    first: typical(found.first),
    empty: typical(found.empty),
    plain: typical(found.plain),
  }
}

/** Returns the median resident MiB of each some seconds after its start. */
export const idleMiB = async (
  kinds: Readonly<Record<string, Startable>>,
  rounds: number,
): Promise<Readonly<Record<string, number>>> => {
  const found = new Map(Object.keys(kinds).map((name) => [name, [] as number[]]))
  for (let round = 0; round < rounds; round += 1)
    for (const [name, startable] of Object.entries(kinds))
      await started(startable, async (pid) => {
        await Bun.sleep(IDLE_MS)
        found.get(name)?.push(residentMiB(pid))
      })
  return Object.fromEntries([...found].map(([name, all]) => [name, median(all)]))
}

type Startable = (port: string) => {
  readonly command: readonly string[]
  readonly cwd: string
  readonly env?: Readonly<Record<string, string>>
}

const build = (folder: string): Record<Kind, Startable> => {
  const [empty, plain] = [join(folder, 'empty'), join(folder, 'plain')]
  buildYardstick('empty-elysia.ts', empty)
  buildYardstick('empty-elysia.ts', plain, 'none')
  const kept = mkdtempSync(join(folder, 'kept-'))
  return {
    service: () => ({ command: [BINARY], cwd: kept }),
    first: () => ({ command: [BINARY], cwd: mkdtempSync(join(folder, 'new-')) }),
    empty: (port) => ({ command: [empty, port], cwd: folder }),
    plain: (port) => ({ command: [plain, port], cwd: folder }),
  }
}

export const started = async (
  startable: Startable,
  look: (pid: number) => Promise<void>,
): Promise<Small> => {
  const port = await freePort()
  const { command, cwd, env } = startable(String(port))
  const begun = performance.now()
  const running = Bun.spawn([...command], {
    cwd,
    env: { ...UNLIMITED, HOST: '127.0.0.1', PORT: String(port), ...env },
    stdout: 'ignore',
    stderr: 'ignore',
  })
  try {
    while (!(await answers(port))) {
      if (running.exitCode !== null || performance.now() - begun > START_MS_MAX)
        throw new Error(`${command.join(' ')} did not start`)
      await Bun.sleep(0.5)
    }
    const found = { startMs: performance.now() - begun, cpuMs: cpuUs(running.pid).all / 1000 }
    await look(running.pid)
    return found
  } finally {
    running.kill()
    await running.exited
  }
}

/** Over a bare connection: the client runs beside the program and must leave it the processor. */
const answers = (port: number): Promise<boolean> =>
  new Promise((tell) => {
    const failed = () => tell(false)
    Bun.connect({
      hostname: '127.0.0.1',
      port,
      socket: {
        open: (socket) =>
          void socket.write('GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n'),
        data: (socket, bytes) => {
          tell(bytes.toString().startsWith('HTTP/1.1 200 '))
          socket.end()
        },
        close: failed,
      },
    }).catch(failed)
  })

const residentMiB = (pid: number): number =>
  Number(/^Rss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1]) / 1024
