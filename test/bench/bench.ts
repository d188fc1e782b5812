import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { cpus, release, totalmem } from 'node:os'
import { join } from 'node:path'
import { controllerLines } from './controllers.ts'
import { decisionLines } from './decisions.ts'
import { type Part, despiteFaults, say, tableHead, tableRow } from './line.ts'
import { logLines } from './log.ts'
import { loginLines } from './logins.ts'
import { peerLines } from './peer.ts'
import { postgresLines } from './postgres.ts'
import { becomesQuiet, loadAverage } from './quiet.ts'
import { refusalLines } from './refusals.ts'
import { ROUNDS, SECONDS } from './rounds.ts'
import { scaleLines } from './scale.ts'
import { slowLines } from './slow.ts'
import { smallLines } from './small.ts'
import { unlockLines } from './unlocks.ts'

/** The parts that can be selected by name; by default, all of them. */
const PARTS: Readonly<Record<string, Part>> = {
  unlocks: unlockLines,
  decisions: decisionLines,
  controllers: controllerLines,
  slow: slowLines,
  log: logLines,
  scale: scaleLines,
  logins: loginLines,
  refusals: refusalLines,
  small: smallLines,
  postgres: postgresLines,
  peer: peerLines,
}

/** Exit statuses. 75 is EX_TEMPFAIL in sysexits.h: try again later. */
const STATUS = { met: 0, missed: 1, usage: 2, notJudged: 75 } as const

/** True to measure on a busy machine too, without judging. */
const IS_ANYWAY = process.env['BENCH_ANYWAY'] === '1'

const ROOT = join(import.meta.dir, '../..')

const main = async (words: readonly string[]): Promise<number> => {
  const unknown = words.filter((word) => !Object.hasOwn(PARTS, word))
  if (unknown.length > 0) {
    say(`The bench has no part ${unknown.join()}; it has ${Object.keys(PARTS).join(', ')}`)
    return STATUS.usage
  }
  if (!Bun.which('wrk')) {
    say('The bench needs wrk: apt-get install wrk')
    return STATUS.usage
  }
  if (!IS_ANYWAY && !(await becomesQuiet())) {
    print(`not judged: other programs keep this machine busy (load average ${loadAverage()})`)
    return STATUS.notJudged
  }
  print(`${machine()}\n\n${tableHead}`)
  const folder = mkdtempSync(join(ROOT, 'dist/bench-'))
  let missed = 0
  try {
    for (const [name, measure] of Object.entries(PARTS)) {
      if (words.length > 0 && !words.includes(name)) continue
      const own = join(folder, name)
      mkdirSync(own)
      for await (const line of despiteFaults(name, measure(own))) {
        print(tableRow(IS_ANYWAY ? { ...line, isMet: undefined } : line))
        if (line.isMet === false) missed += 1
      }
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
  if (IS_ANYWAY) return STATUS.notJudged
  return missed > 0 ? STATUS.missed : STATUS.met
}

const print = (text: string): void => void process.stdout.write(`${text}\n`)

const machine = (): string => {
  const [first] = cpus()
  const memory = `${Math.round(totalmem() / 2 ** 30)} GiB`
  return `${cpus().length} × ${first?.model ?? 'unknown'}, ${memory}, Linux ${release()}, Bun ${Bun.version}; wrk on the same machine; medians of ${ROUNDS} rounds of ${SECONDS} s; load average ${loadAverage()}.`
}

process.exit(await main(process.argv.slice(2)))
