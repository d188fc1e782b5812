import { Database } from 'bun:sqlite'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { tokenFor } from '../support/accounts.ts'
import { clientOf } from '../support/app.ts'
import { BINARY, type Service } from '../support/binary.ts'
import {
  type Line,
  type Lines,
  atLeast,
  atMost,
  despiteFaults,
  count,
  figure,
  median,
  quantile,
  say,
} from './line.ts'
import { probing } from './probe.ts'
import { memoryMiB, resetPeak } from './process.ts'
import { BUSY, OWNER, fillScale } from './scale-fill.ts'
import { asking, exportRows, readMs, searchAll, statsPath, todayMs } from './scale-reads.ts'
import { startScale } from './scale-service.ts'
import { workLines } from './scale-work.ts'
import { started } from './small.ts'

/** Sizes of the log, up to BENCH_EVENTS; reads at other sizes are compared with those at the first. */
const SIZES = [10_000, 1_000_000, 10_000_000].filter(
  (size) => size <= Number(process.env['BENCH_EVENTS'] ?? Infinity),
)

/** The folder that keeps filled logs for the next run. */
const KEPT = process.env['BENCH_FOLDER']

const STARTS = 5
const MIB_MAX = 256

/** The same work on small and on large logs. */
export async function* scaleLines(folder: string): Lines {
  let small: ReadonlyMap<string, number> | undefined
  for (const events of SIZES) {
    const filled = join(KEPT ?? folder, String(events))
    say(`filling the log to ${count(events)} events`)
    const { appended, seconds } = await fillScale(filled, events)
    const at = `at ${count(events)}`
    yield {
      what: `${count(events)} events, filled`,
      measured: appended > 0 ? `in ${figure(seconds)} s, ${count(appended / seconds)}/s` : 'before',
    }
    yield await startLine(filled, at)
    {
      await using service = await startScale(filled)
      resetPeak(service.pid)
      yield* despiteFaults(`statistics, ${at}`, statsLines(await reader(service), at))
      const reads = await readMs(await reader(service), busyAccount(filled))
      small ??= reads
      for (const [what, ms] of reads)
        yield small === reads
          ? { what: `${what}, ${at}`, measured: `${figure(ms)} ms` }
          : ratioLine(`${what}, ${at}`, ms, small.get(what))
      yield peakLine(`statistics and pages, ${at}`, memoryMiB(service.pid, 'VmHWM'))
      yield* despiteFaults(`search and export, ${at}`, scanLines(service, events, at))
      await service.stop()
    }
    const copy = join(folder, `copy-${events}`)
    const copied = Bun.spawnSync(['cp', '-r', '--reflink=auto', filled, copy])
    if (!copied.success) throw new Error(copied.stderr.toString())
    // Or the first writes would wait until gigabytes are on disk.
    Bun.spawnSync(['sync'])
    for await (const line of despiteFaults('bulk work', workLines(copy)))
      yield { ...line, what: `${line.what}, ${at}` }
    rmSync(copy, { recursive: true })
  }
}

const reader = async ({ url }: Service) => ({ url, token: await tokenFor(url, OWNER) })

const busyAccount = (folder: string): string => {
  using db = new Database(join(folder, 'data/secure-lock.db'), { readonly: true })
  const sql = 'SELECT public_id AS id FROM account WHERE username = ?'
  return db.query<{ id: string }, [string]>(sql).get(BUSY)?.id ?? ''
}

const startLine = async (folder: string, at: string): Promise<Line> => {
  const times: number[] = []
  for (let round = 0; round < STARTS; round += 1) {
    const start = () => ({ command: [BINARY], cwd: folder })
    times.push((await started(start, async () => {})).startMs)
  }
  return atMost(150, { what: `start to first answer, ${at}`, value: median(times), unit: ' ms' })
}

const ratioLine = (what: string, ms: number, smallMs = Number.NaN): Line =>
  atMost(1.5, {
    what: `${what}, relative to that at ${count(SIZES[0] ?? 0)}`,
    value: ms / smallMs,
    unit: ' ×',
    of: `${figure(ms)} ms`,
  })

/** Statistics, right after a start and again, and the requests of Today in the console. */
async function* statsLines(owner: Awaited<ReturnType<typeof reader>>, at: string): Lines {
  const ask = asking(owner)
  /** Returns how many milliseconds statistics take, or infinity if the connection ends without an answer. */
  const stats = async (days: number): Promise<number> =>
    (await ask(statsPath(days)).catch(() => ({ ms: Infinity }))).ms
  for (const days of [30, 365])
    yield atMost(100, {
      what: `statistics of ${days} days, ${at}`,
      value: await stats(days),
      unit: ' ms',
      of: `again ${figure(await stats(days))} ms`,
    })
  yield atMost(200, {
    what: `all requests of Today together, ${at}`,
    value: await todayMs(owner),
    unit: ' ms',
  })
}

/** Reads of the whole log. */
async function* scanLines(service: Service, events: number, at: string): Lines {
  const owner = await reader(service)
  const search = await besideLives(service, () => searchAll(owner))
  yield {
    what: `text search through all of it, ${at}`,
    measured: `${figure(search.seconds)} s in ${search.result} requests`,
  }
  yield livesLine(`search, ${at}`, search.lives)
  yield peakLine(`search, ${at}`, search.peakMiB)
  for (const [name, format] of [
    ['export', 'ndjson'],
    ['export as CSV', 'csv'],
  ] as const) {
    const exported = await besideLives(service, () => exportRows(owner, format))
    if (exported.result < events) throw new Error(`the ${name} has ${exported.result} rows`)
    const value = exported.result / exported.seconds
    yield atLeast(200_000, { what: `${name}, ${at}`, value, unit: '/s' })
    yield livesLine(`${name}, ${at}`, exported.lives)
    yield peakLine(`${name}, ${at}`, exported.peakMiB)
  }
}

const peakLine = (what: string, value: number): Line =>
  atMost(MIB_MAX, { what: `${what}: memory at the peak`, value, unit: ' MiB' })

const livesLine = (what: string, lives: readonly number[]): Line =>
  atMost(20, {
    what: `${what}: \`/livez\` meanwhile, p99`,
    value: quantile(lives, 0.99),
    unit: ' ms',
    of: `longest ${figure(Math.max(...lives))} ms`,
  })

const besideLives = async <Result>({ url, pid }: Service, work: () => Promise<Result>) => {
  resetPeak(pid)
  const living = probing(() => clientOf(url).get('/livez'))
  const begun = performance.now()
  const result = await work()
  const seconds = (performance.now() - begun) / 1000
  return { result, seconds, lives: await living(), peakMiB: memoryMiB(pid, 'VmHWM') }
}
