import { expect, test } from 'bun:test'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import {
  UNLIMITED,
  freePort,
  runCommand,
  startService,
  temporaryFolder,
} from '../support/binary.ts'
import { ROUNDS, expectTruth, signIn, tell } from './evidence.ts'
import { load, noOutcomes } from './load.ts'
import { addAccount } from '../support/accounts.ts'
import { olderFile, unlocksOf } from '../support/older-server.ts'
import { withOtherWriter } from '../support/other-writer.ts'
import { until } from '../support/until.ts'

const ENV = { ...UNLIMITED, JWT_ACCESS_TOKEN_EXPIRES: '1440' }
/** The writer thread of each dies twice. */
const SERVICES = Math.ceil(ROUNDS / 2)

/** The executable with a thread that dies now and then. */
const crashing = () => {
  const writer = readFileSync(join(import.meta.dir, '../support/crashing-writer.ts'), 'utf8')
  return withOtherWriter(writer.replaceAll('../../src/', './'))
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
  using built = crashing()
  const { binary } = built
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
      expect(await service.stop()).toBe(1)
      const deaths = service.output().log.split('writer thread died').length - 1
      expect(deaths).toBe(2)
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
})

/** Expects that `serve` says what its thread died of, and ends with the status of a failure. */
const expectNoService = async (binary: string, why: string): Promise<void> => {
  const { status, words, out } = await runCommand(['serve'], {
    binary,
    env: { HOST: '127.0.0.1', PORT: String(await freePort()) },
  })
  expect({ status, words }).toStrictEqual({
    status: 1,
    words: 'The thread that writes to the database did not start; see the log\n',
  })
  expect(out).toContain('"msg":"writer thread died"')
  expect(out).toContain(why)
}

test('[O1] without the module of the writer thread, the service says so and ends; commands need no thread', async () => {
  using built = withOtherWriter(undefined)
  const { binary } = built
  await expectNoService(binary, 'ModuleNotFound')
  const folder = temporaryFolder()
  await addAccount('ada', { folder, binary })
  const unlocks = unlocksOf(['ada'], 3)
  const legacy = olderFile(join(folder, 'legacy.db'), { users: [], unlocks })
  for (const args of [
    ['import', legacy],
    ['backup', 'door.tar'],
  ])
    expect([args, (await runCommand(args, { folder, binary })).status]).toStrictEqual([args, 0])
  const verified = await runCommand(['log', 'verify'], { folder, binary })
  expect(verified).toMatchObject({ status: 0, out: 'The log is intact: 3 events\n' })
  rmSync(folder, { recursive: true })
})

test('[O1] a module of the writer thread that fails at once: the service says so and ends', async () => {
  using built = withOtherWriter('throw new Error("cannot load")')
  await expectNoService(built.binary, 'cannot load')
})

test('[O1] SIGTERM ends the process although the writer thread never answers', async () => {
  using built = withOtherWriter('for (;;) await Bun.sleep(1000)')
  const folder = temporaryFolder()
  const env = { HOST: '127.0.0.1', PORT: String(await freePort()) }
  const started = Bun.spawn([built.binary], {
    cwd: folder,
    env,
    stdout: 'ignore',
    stderr: 'ignore',
  })
  await until(() => existsSync(join(folder, 'data/secure-lock.db-wal')))
  started.kill('SIGTERM')
  expect(await started.exited).toBe(0)
  rmSync(folder, { recursive: true })
})
