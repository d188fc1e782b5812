import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { cpus, release, totalmem } from 'node:os'
import { join } from 'node:path'
import { addAccount } from '../support/accounts.ts'
import { PASSWORD, clientOf } from '../support/app.ts'
import { freePort, startService } from '../support/binary.ts'
import { buildYardstick } from './build.ts'
import { syncMs } from './disk.ts'
import {
  QUIET,
  exported,
  fill,
  firstPagesMs,
  median,
  receiptMs,
  verifiedPerSecond,
} from './large-log.ts'
import { type Load, postLoad } from './load.ts'
import { type Small, idleMiB, starts } from './small.ts'
import { failedLoginsApartMs, loginWaves, unlocksUnderAttackMs } from './refusals.ts'
import { fillPeople, hashesPerSecond, loginLoad, signInPerson } from './logins.ts'

const ROOT = join(import.meta.dir, '../..')

/** Rounds of each server in turn, so that other load on the machine affects both alike. */
const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 7)
const SECONDS = Number(process.env['BENCH_SECONDS'] ?? 4)
const EVENTS = Number(process.env['BENCH_EVENTS'] ?? 1_000_000)
const EVENTS_FEW = 1000
const PEOPLE = Number(process.env['BENCH_PEOPLE'] ?? 1_000_000)
const PEOPLE_FEW = 1000
const MANY = 64
const UNLOCK = '{"unlocking-method":"fingerprint"}'

type Line = {
  readonly what: string
  readonly measured: string
  readonly target?: string
  readonly isMet?: boolean
}

const say = (text: string): void => void process.stderr.write(`${text}\n`)
const count = (value: number): string => Math.round(value).toLocaleString('en')

const isPart = (word: string): word is keyof typeof PARTS => Object.hasOwn(PARTS, word)

const main = async (words: readonly string[]): Promise<number> => {
  const parts = Object.keys(PARTS).filter(isPart)
  const chosen = words.length > 0 ? words.filter(isPart) : parts
  if (chosen.length < words.length) {
    say(`The parts of the bench are ${parts.join(', ')}`)
    return 1
  }
  if (!Bun.which('wrk')) {
    say('The bench needs wrk: apt-get install wrk')
    return 1
  }
  const folder = mkdtempSync(join(ROOT, 'dist/bench-'))
  try {
    const lines: Line[] = []
    for (const part of chosen) lines.push(...(await PARTS[part](mkdtempSync(join(folder, part)))))
    process.stdout.write(`${machine()}\n\n${table(lines)}\n`)
    return lines.some(({ isMet }) => isMet === false) ? 1 : 0
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

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

const loadLines = async (folder: string): Promise<readonly Line[]> => {
  await using bare = await startBareServer(folder)
  await using service = await startService({ folder, env: QUIET })
  const { post } = clientOf(service.url)
  await addAccount('ada', { folder })
  const answer = await post('/login', { username: 'ada', password: PASSWORD })
  const { access_token: token } = (await answer.json()) as { access_token: string }
  const targets = {
    bare: { url: bare.url, BODY: UNLOCK, TOKEN: token },
    service: { url: `${service.url}/logUnlocking`, BODY: UNLOCK, TOKEN: token },
  }
  const syncs: number[] = []
  const measured = async (connections: number) => {
    const found = { bare: [] as Load[], service: [] as Load[] }
    for (const target of Object.values(targets)) await postLoad(target, { connections, seconds: 1 })
    for (let round = 1; round <= ROUNDS; round += 1) {
      say(`${connections} connections, round ${round} of ${ROUNDS}`)
      for (const name of ['bare', 'service'] as const)
        found[name].push(await postLoad(targets[name], { connections, seconds: SECONDS }))
      syncs.push(syncMs(folder, 1))
    }
    return { bare: typical(found.bare), service: typical(found.service) }
  }
  const many = await measured(MANY)
  const single = await measured(1)
  const sync = median(syncs)
  await service.stop()
  const ratio = many.service.perSecond / many.bare.perSecond
  return [
    { what: `bare server, ${MANY} connections`, measured: loadText(many.bare) },
    { what: `\`/logUnlocking\`, ${MANY} connections`, measured: loadText(many.service) },
    {
      what: 'the second, as a share of the first',
      measured: ratio.toFixed(3),
      target: '≥ 0.20',
      isMet: ratio >= 0.2,
    },
    {
      what: `p99 of \`/logUnlocking\`, ${MANY} connections`,
      measured: `${many.service.p99Ms.toFixed(1)} ms`,
      target: '< 10 ms',
      isMet: many.service.p99Ms < 10,
    },
    { what: 'bare server, 1 connection', measured: loadText(single.bare) },
    { what: '`/logUnlocking`, 1 connection', measured: loadText(single.service) },
    { what: 'write and sync what one unlock appends (40 KiB)', measured: `${sync.toFixed(2)} ms` },
    {
      what: 'a bare request plus that sync, as a share of one `/logUnlocking`',
      measured: ((single.bare.p50Ms + sync) / single.service.p50Ms).toFixed(2),
    },
  ]
}

/** The medians over the rounds. */
const typical = (loads: readonly Load[]): Load => ({
  perSecond: median(loads.map(({ perSecond }) => perSecond)),
  p50Ms: median(loads.map(({ p50Ms }) => p50Ms)),
  p99Ms: median(loads.map(({ p99Ms }) => p99Ms)),
})

const loadText = ({ perSecond, p50Ms, p99Ms }: Load): string =>
  `${count(perSecond)}/s, p50 ${p50Ms.toFixed(2)} ms, p99 ${p99Ms.toFixed(2)} ms`

const largeLogLines = async (folder: string): Promise<readonly Line[]> => {
  await fill(folder, EVENTS_FEW)
  const few = await firstPagesMs(folder)
  say(`filling the log to ${count(EVENTS)} events`)
  const filled = await fill(folder, EVENTS)
  const many = await firstPagesMs(folder)
  say('receipts, verification, export')
  const receipt = await receiptMs(folder)
  const verified = await verifiedPerSecond(folder, EVENTS)
  const whole = await exported(folder, EVENTS)
  return [
    { what: `append, submissions of 500, to ${count(EVENTS)}`, measured: `${count(filled)}/s` },
    ...pageLines(few, many),
    {
      what: `a receipt at ${count(EVENTS)}`,
      measured: `${receipt.toFixed(3)} ms`,
      target: '< 1 ms',
      isMet: receipt < 1,
    },
    {
      what: '`log verify`',
      measured: `${count(verified)}/s`,
      target: '≥ 200,000/s',
      isMet: verified >= 200_000,
    },
    {
      what: `export of ${count(EVENTS)}`,
      measured: `${count(whole.rowsPerSecond)}/s, ${count(whole.restMiB)} MiB before, ${count(whole.peakMiB)} MiB at the peak`,
      target: 'constant memory',
    },
  ]
}

type Pages = ReadonlyMap<string, number>

const pageLines = (few: Pages, many: Pages): readonly Line[] => {
  const target = `≤ 1.5 × that at ${count(EVENTS_FEW)}`
  return [...few].map(([query, fewMs]) => {
    const manyMs = many.get(query) ?? Number.NaN
    return {
      what: `first page at ${count(EVENTS)}, \`${query}\``,
      measured: `${manyMs.toFixed(2)} ms, ${(manyMs / fewMs).toFixed(2)} × that at ${count(EVENTS_FEW)}`,
      target,
      isMet: manyMs <= 1.5 * fewMs,
    }
  })
}

const loginLines = async (folder: string): Promise<readonly Line[]> => {
  const [fewFolder, manyFolder] = [join(folder, 'few'), join(folder, 'many')]
  for (const [path, people] of [
    [fewFolder, PEOPLE_FEW],
    [manyFolder, PEOPLE],
  ] as const) {
    say(`filling a database with ${count(people)} accounts`)
    mkdirSync(path)
    await fillPeople(path, people)
  }
  // One address has one password checked at a time, so each person comes from another.
  const env = { ...QUIET, TRUSTED_PROXIES: '127.0.0.1' }
  await using few = await startService({ folder: fewFolder, env })
  await using many = await startService({ folder: manyFolder, env })
  const TOKEN = await signInPerson(few.url)
  const unlocks = { url: `${few.url}/logUnlocking`, BODY: UNLOCK, TOKEN }
  const found = {
    hashes: [] as number[],
    few: [] as Load[],
    many: [] as Load[],
    unlocks: [] as Load[],
  }
  for (let round = 1; round <= ROUNDS; round += 1) {
    say(`logins, round ${round} of ${ROUNDS}`)
    found.hashes.push(await hashesPerSecond(SECONDS))
    found.few.push(await loginLoad(few.url, PEOPLE_FEW, SECONDS))
    found.many.push(await loginLoad(many.url, PEOPLE, SECONDS))
    const [among] = await Promise.all([
      postLoad(unlocks, { connections: 1, seconds: SECONDS }),
      loginLoad(few.url, PEOPLE_FEW, SECONDS),
    ])
    found.unlocks.push(among)
  }
  await few.stop()
  await many.stop()
  /** For each round separately, since other load on the machine changes between rounds. */
  const ratio = (part: (round: number) => number, whole: (round: number) => number) =>
    median(found.hashes.map((_, round) => part(round) / whole(round)))
  const logins = (loads: readonly Load[]) => (round: number) =>
    loads[round]?.perSecond ?? Number.NaN
  const ofHashes = ratio(logins(found.few), (round) => found.hashes[round] ?? Number.NaN)
  const cost = ratio(logins(found.few), logins(found.many))
  const { p99Ms } = typical(found.unlocks)
  return [
    { what: '`Bun.password.verify` alone', measured: `${median(found.hashes).toFixed(1)}/s` },
    { what: `\`/login\`, ${count(PEOPLE_FEW)} accounts`, measured: loadText(typical(found.few)) },
    {
      what: 'the second, as a share of the first',
      measured: ofHashes.toFixed(3),
      target: '≥ 0.90',
      isMet: ofHashes >= 0.9,
    },
    { what: `\`/login\`, ${count(PEOPLE)} accounts`, measured: loadText(typical(found.many)) },
    {
      what: `cost of a login among ${count(PEOPLE)}`,
      measured: `${cost.toFixed(3)} × that among ${count(PEOPLE_FEW)}`,
      target: '≤ 1.10',
      isMet: cost <= 1.1,
    },
    {
      what: '`/logUnlocking`, 1 connection, while logins saturate it',
      measured: loadText(typical(found.unlocks)),
      target: 'p99 < 50 ms',
      isMet: p99Ms < 50,
    },
  ]
}

const smallLines = async (folder: string): Promise<readonly Line[]> => {
  say('starts')
  const { service, first, empty, plain } = await starts(folder, 3 * ROUNDS)
  say('memory')
  const memory = await idleMiB(folder, Math.ceil(ROUNDS / 2))
  const startTold = ({ startMs, cpuMs }: Small) =>
    `${startMs.toFixed(0)} ms, of which the processor ${cpuMs.toFixed(0)} ms`
  const [ratio, sameRatio] = [service.startMs / plain.startMs, service.startMs / empty.startMs]
  const memoryRatio = memory.service / memory.empty
  return [
    { what: 'start to first answer, compiled empty Elysia app', measured: startTold(plain) },
    { what: 'the same, built with the flags of the server', measured: startTold(empty) },
    { what: 'start to first answer, this server', measured: startTold(service) },
    { what: 'the same in an empty folder', measured: startTold(first) },
    {
      what: 'this server, relative to the compiled empty app',
      measured: `${ratio.toFixed(2)} ×`,
      target: '≤ 1.5 ×',
      isMet: ratio <= 1.5,
    },
    {
      what: 'this server, relative to the empty app with its flags',
      measured: `${sameRatio.toFixed(2)} ×`,
    },
    {
      what: 'idle memory',
      measured: `${memory.service.toFixed(1)} MiB, empty app ${memory.empty.toFixed(1)} MiB, ${memoryRatio.toFixed(2)} ×`,
      target: '≤ 1.6 ×',
      isMet: memoryRatio <= 1.6,
    },
  ]
}

const refusalLines = async (): Promise<readonly Line[]> => {
  say('failed logins, and logins that are too many')
  const below = (what: string, ms: number, max: number): Line => ({
    what,
    measured: `${ms.toFixed(1)} ms`,
    target: `< ${max} ms`,
    isMet: ms < max,
  })
  const { refusedMs, unlocksMs } = await loginWaves()
  return [
    below('medians of every way to fail a login, apart by', await failedLoginsApartMs(false), 5),
    below('the same beside legacy accounts', await failedLoginsApartMs(true), 5),
    below('200 logins at once: p99 of a refusal', refusedMs, 100),
    below('p99 of `/logUnlocking` meanwhile', unlocksMs, 50),
    below('p99 of `/logUnlocking` under attack', await unlocksUnderAttackMs(30), 200),
  ]
}

/** The parts that can be selected by name; by default, all of them. */
const PARTS = {
  unlocks: loadLines,
  log: largeLogLines,
  logins: loginLines,
  refusals: refusalLines,
  small: smallLines,
}

const machine = (): string => {
  const [first] = cpus()
  const memory = `${Math.round(totalmem() / 2 ** 30)} GiB`
  return `${cpus().length} × ${first?.model ?? 'unknown'}, ${memory}, Linux ${release()}, Bun ${Bun.version}; wrk on the same machine; medians of ${ROUNDS} rounds of ${SECONDS} s.`
}

const table = (lines: readonly Line[]): string =>
  [
    '| what | measured | target | |',
    '| --- | --- | --- | --- |',
    ...lines.map(
      ({ what, measured, target = '', isMet }) =>
        `| ${what} | ${measured} | ${target} | ${isMet === undefined ? '' : isMet ? 'met' : 'MISSED'} |`,
    ),
  ].join('\n')

process.exit(await main(process.argv.slice(2)))
