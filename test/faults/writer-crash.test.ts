import { expect, test } from 'bun:test'
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { scripts } from '../../package.json'
import { UNLIMITED, runCommand, startService, temporaryFolder } from '../support/binary.ts'
import { ROUNDS, expectTruth, signIn, tell } from './evidence.ts'
import { load, noOutcomes } from './load.ts'
import { until } from '../support/until.ts'

const ROOT = join(import.meta.dir, '../..')
const ENV = { ...UNLIMITED, JWT_ACCESS_TOKEN_EXPIRES: '1440' }
/** The writer thread of each dies twice. */
const SERVICES = Math.ceil(ROUNDS / 2)

/** What a build needs. */
const NEEDED = ['CHANGELOG.md', 'SECURITY.md', 'package.json', 'src', 'tsconfig.json']

/** Compiles the executable with a thread that dies now and then. */
const crashingBinary = (): string => {
  mkdirSync(join(ROOT, 'dist'), { recursive: true })
  const folder = mkdtempSync(join(ROOT, 'dist/crashing-'))
  for (const name of NEEDED) cpSync(join(ROOT, name), join(folder, name), { recursive: true })
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
  const writer = readFileSync(join(ROOT, 'test/support/crashing-writer.ts'), 'utf8')
  writeFileSync(join(folder, 'src/writer.ts'), writer.replaceAll('../../src/', './'))
  const words = scripts.build.replace('bun run compile', scripts.compile).split(' ')
  const built = Bun.spawnSync([process.execPath, ...words.slice(1)], { cwd: folder })
  if (built.exitCode !== 0) throw new Error(`cannot build: ${built.stderr.toString()}`)
  return join(folder, 'dist/secure-lock-server')
}

const isOver = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return false
  } catch {
    return true
  }
}

test(`[D1] ${SERVICES} services whose writer thread dies twice: acknowledged events are there once, whatever waits is refused, and the process ends`, async () => {
  const binary = crashingBinary()
  const folder = temporaryFolder()
  const database = join(folder, 'data/secure-lock.db')
  let [token, size, acknowledged, unknown] = ['', 0, 0, 0]
  for (let round = 0; round < SERVICES; round += 1) {
    const outcomes = noOutcomes()
    {
      await using service = await startService({ folder, env: ENV, binary })
      token = await signIn(service.url)
      // By itself, and with the status of a failure.
      await load({ url: service.url, token, outcomes, isOver: () => isOver(service.pid) })
      await until(() => isOver(service.pid))
      const deaths = service.output().log.split('writer thread died').length - 1
      expect(deaths).toBe(2)
      expect(await service.stop()).toBe(1)
    }
    const { status, words } = await runCommand(['log', 'verify'], { folder })
    expect({ status, words }).toStrictEqual({ status: 0, words: '' })
    size = expectTruth(database, outcomes, size)
    acknowledged += outcomes.acknowledged.size
    unknown += outcomes.unanswered.size
  }
  expect(acknowledged).toBeGreaterThan(ROUNDS)
  tell(
    `writer thread: ${2 * SERVICES} deaths, ${acknowledged} acknowledged of ${size} events, none lost; for ${unknown}, the outcome is not known`,
  )
  rmSync(folder, { recursive: true })
  rmSync(join(binary, '../..'), { recursive: true })
})
