import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { bearer, clientOf } from '../support/app.ts'
import { type Service, freePort } from '../support/binary.ts'
import { buildYardstick } from './build.ts'
import { REST_MS, syncMs } from './disk.ts'
import { type Line, type Lines, atLeast, atMost, figure, median, say } from './line.ts'
import { type Load, type Target, loadText, postLoad, typical } from './load.ts'
import { cpuUs, threads } from './process.ts'
import { ROUNDS, SECONDS } from './rounds.ts'
import { INSTALLED, QUIET, UNLOCK, startSignedIn } from './service.ts'

const MANY = 64
const LONE_UNLOCKS = 500

/** Entries of the log of the process, for requests of which as many as connections are answered at once. */
const LOG_LINES = 100_000

/** Another executable, such as that of the previous version, to compare a lone unlock with. */
const BASE = process.env['BENCH_BASE']

/** Unlocks over many connections and over one, compared with a bare server. */
export async function* unlockLines(folder: string): Lines {
  await using bare = await startBareServer(folder)
  const start = (name: string, env: Readonly<Record<string, string>>, binary?: string) => {
    const own = join(folder, name)
    mkdirSync(own)
    return startSignedIn({ folder: own, env, ...(binary ? { binary } : {}) })
  }
  await using installed = await start('installed', INSTALLED)
  await using quiet = await start('quiet', QUIET)
  await using base = BASE ? await start('base', INSTALLED, BASE) : undefined
  const services = { bare: { ...quiet.unlocks, url: bare.url }, installed, quiet, base }
  yield* manyLines(services)
  const pages = await walPages(installed)
  yield atMost(28, { what: 'written per lone unlock', value: 4 * pages, unit: ' KiB' })
  const p50Ms = yield* loneLines(services)
  yield logLine(folder)
  yield* diskLines(folder, { pages, p50Ms })
  for (const service of [installed, quiet, base]) await service?.stop()
}

type SignedIn = Awaited<ReturnType<typeof startSignedIn>>

type Services = {
  readonly bare: Target
  readonly installed: SignedIn
  readonly quiet: SignedIn
  readonly base: SignedIn | undefined
}

async function* manyLines({ bare, installed, quiet }: Services): Lines {
  const withReceipt = {
    ...installed.unlocks,
    url: `${installed.url}/v1/unlocks`,
    BODY: '{"method":"fingerprint"}',
  }
  const found = await alternately(MANY, {
    bare: [bare],
    installed: [installed.unlocks, installed],
    quiet: [quiet.unlocks, quiet],
    receipts: [withReceipt, installed],
  })
  const [ours, plain] = [found('installed'), found('quiet')]
  yield { what: `bare server, ${MANY} connections`, measured: loadText(found('bare').load) }
  yield {
    what: `\`/logUnlocking\`, ${MANY} connections, as installed`,
    measured: loadText(ours.load),
  }
  yield atLeast(0.25, { what: 'the second, as a share of the first', value: ours.share })
  yield {
    what: '`/logUnlocking`, without limits and request log',
    measured: loadText(plain.load),
  }
  yield atLeast(0.3, { what: 'this, as a share of the first', value: plain.share })
  yield atMost(10, {
    what: `p99 of \`/logUnlocking\`, ${MANY} connections, as installed`,
    value: ours.load.p99Ms,
    unit: ' ms',
  })
  const without = (us: number) => `${figure(us)} µs without limits and request log`
  yield atMost(55, {
    what: 'CPU time of an unlock, all threads, as installed',
    value: ours.cpu.all,
    unit: ' µs',
    of: `${threads(installed.pid)} threads; ${without(plain.cpu.all)}`,
  })
  yield atMost(30, {
    what: 'CPU time of an unlock, main thread',
    value: ours.cpu.main,
    unit: ' µs',
    of: without(plain.cpu.main),
  })
  const { all } = found('receipts').cpu
  yield atMost(1.3, {
    what: 'CPU time of `/v1/unlocks` with a receipt, relative to `/logUnlocking`',
    value: all / ours.cpu.all,
    unit: ' ×',
    of: `${figure(all)} µs`,
  })
}

/** Returns the p50 over one connection. */
async function* loneLines({ bare, installed, base }: Services): AsyncGenerator<Line, number> {
  const found = await alternately(1, {
    bare: [bare],
    installed: [installed.unlocks, installed],
    ...(base ? { base: [base.unlocks, base] as const } : {}),
  })
  const { load } = found('installed')
  yield { what: 'bare server, 1 connection', measured: loadText(found('bare').load) }
  yield { what: '`/logUnlocking`, 1 connection', measured: loadText(load) }
  if (base)
    yield atMost(0.7, {
      what: 'p50 of this, relative to that of BENCH_BASE',
      value: load.p50Ms / found('base').load.p50Ms,
      unit: ' ×',
      of: loadText(found('base').load),
    })
  return load.p50Ms
}

/** Returns what an entry of the log of the process costs, in a compiled program that only logs, into a file. */
const logLine = (folder: string): Line => {
  const program = join(folder, 'log-lines')
  buildYardstick('log-lines.ts', program)
  const taken = (together: number): number => {
    const stdout = openSync(join(folder, 'log-lines.log'), 'w')
    const ran = Bun.spawnSync([program, String(LOG_LINES), String(together)], { stdout })
    closeSync(stdout)
    const us = Number(ran.stderr.toString())
    if (!ran.success || !(us > 0)) throw new Error(`cannot log: ${ran.stderr.toString()}`)
    return us
  }
  const rounds = (together: number) => median(Array.from({ length: ROUNDS }, () => taken(together)))
  return atMost(8, {
    what: `CPU time of an entry in the log of the process, ${MANY} at once`,
    value: rounds(MANY),
    unit: ' µs',
    of: `${figure(rounds(1))} µs for a lone one, with its turn of the event loop`,
  })
}

async function* diskLines(
  folder: string,
  { pages, p50Ms }: { readonly pages: number; readonly p50Ms: number },
): Lines {
  const taken = (call: 'fsync' | 'fdatasync', restMs: number) =>
    median(
      Array.from({ length: ROUNDS }, () =>
        syncMs(folder, { pages: Math.round(pages), call, restMs }),
      ),
    )
  const fsync = taken('fsync', 0)
  const both = (call: 'fsync' | 'fdatasync') =>
    `${figure(taken(call, 0))} ms, ${figure(taken(call, REST_MS))} ms after a rest`
  yield {
    what: 'write and sync what one unlock appends, with `fsync`, as SQLite does',
    measured: both('fsync'),
  }
  yield { what: 'the same with `fdatasync`', measured: both('fdatasync') }
  yield {
    what: 'that with `fsync`, as a share of one `/logUnlocking`',
    measured: (fsync / p50Ms).toFixed(2),
  }
}

/** Where to post, and the service whose CPU time is counted. */
type Measured = readonly [target: Target, service?: Pick<Service, 'pid'>]

type Found = {
  readonly load: Load
  /** Microseconds for each request. */
  readonly cpu: { readonly all: number; readonly main: number }
  /** As a share of the bare server's throughput in the same round. */
  readonly share: number
}

/** Loads the targets in turn, so that other load on the machine affects all alike; returns the medians of
 * each. */
const alternately = async (
  connections: number,
  targets: Readonly<Record<string, Measured>>,
): Promise<(name: string) => Found> => {
  for (const [target] of Object.values(targets)) await postLoad(target, { connections, seconds: 1 })
  const found = new Map(Object.keys(targets).map((name) => [name, [] as Found[]]))
  for (let round = 1; round <= ROUNDS; round += 1) {
    say(`${connections} connections, round ${round} of ${ROUNDS}`)
    let bare = Number.NaN
    for (const [name, [target, service]] of Object.entries(targets)) {
      const before = service && cpuUs(service.pid)
      const load = await postLoad(target, { connections, seconds: SECONDS })
      const after = service && cpuUs(service.pid)
      if (name === 'bare') bare = load.perSecond
      const each = (thread: 'all' | 'main') =>
        before && after ? (after[thread] - before[thread]) / load.requests : Number.NaN
      const cpu = { all: each('all'), main: each('main') }
      found.get(name)?.push({ load, cpu, share: load.perSecond / bare })
    }
  }
  return (name) => typicalOf(found.get(name) ?? [])
}

const typicalOf = (found: readonly Found[]): Found => ({
  load: typical(found.map(({ load }) => load)),
  cpu: {
    all: median(found.map(({ cpu }) => cpu.all)),
    main: median(found.map(({ cpu }) => cpu.main)),
  },
  share: median(found.map(({ share }) => share)),
})

/** Returns the mean number of pages that a lone unlock appends to the WAL. */
const walPages = async ({ url, folder, token }: Service & { readonly token: string }) => {
  const database = join(folder, 'data/secure-lock.db')
  const { post } = clientOf(url)
  let [pages, before] = [0, walFrames(database)]
  for (let done = 0; done < LONE_UNLOCKS; done += 1) {
    const answer = await post('/logUnlocking', UNLOCK, bearer(token))
    if (answer.status !== 200) throw new Error(`/logUnlocking answered ${answer.status}`)
    const now = walFrames(database)
    // Fewer means that SQLite has reset the WAL.
    pages += now < before ? now : now - before
    before = now
  }
  return pages / LONE_UNLOCKS
}

/** Returns the number of frames in the WAL: mxFrame in the header of its index (https://sqlite.org/walformat.html). */
const walFrames = (database: string): number => readFileSync(`${database}-shm`).readUInt32LE(16)

const startBareServer = async (folder: string) => {
  const file = join(folder, 'bare-server')
  buildYardstick('bare-server.ts', file)
  const started = Bun.spawn([file, String(await freePort())], { stdout: 'pipe' })
  const reader = started.stdout.getReader()
  const url = new TextDecoder().decode((await reader.read()).value).trim()
  return {
    url,
    [Symbol.asyncDispose]: async () => {
      started.kill()
      await started.exited
    },
  }
}
