import { expect, test } from 'bun:test'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { UNLIMITED, runCommand, startService, temporaryFolder } from '../support/binary.ts'
import { CAN_SLOW, slowDisk } from '../support/slow-disk.ts'
import { expectFileSummary } from '../support/summary.ts'
import { ROUNDS, expectTruth, signIn, spread, tell } from './evidence.ts'
import { load, noOutcomes } from './load.ts'

const ENV = { ...UNLIMITED, LOG_LEVEL: 'warn', JWT_ACCESS_TOKEN_EXPIRES: '1440' }
const LOAD_MS_MAX = 400

/** The delay of syncs in every second round, so that most of those kills hit a commit. */
const SYNC_MS = 20

test(`[D1] ${ROUNDS} times kill -9 under load: acknowledged events are there once, and the log is intact`, async () => {
  const folder = temporaryFolder()
  const database = join(folder, 'data/secure-lock.db')
  const disk = CAN_SLOW ? slowDisk(folder) : undefined
  const starts: number[] = []
  let [token, size, acknowledged] = ['', 0, 0]
  for (let round = 0; round < ROUNDS; round += 1) {
    const outcomes = noOutcomes()
    {
      const begun = performance.now()
      await using service = await startService({ folder, env: { ...ENV, ...disk?.env } })
      starts.push(performance.now() - begun)
      token ||= await signIn(service.url)
      disk?.delay(round % 2 === 0 ? 0 : SYNC_MS)
      let isOver = false
      const loaded = load({ url: service.url, token, outcomes, isOver: () => isOver })
      await Bun.sleep(10 + Math.random() * LOAD_MS_MAX)
      await service.stop('SIGKILL')
      disk?.delay(0)
      isOver = true
      await loaded
    }
    // The next process, this command, is the one that recovers the file.
    const { status, out, words } = await runCommand(['log', 'verify'], { folder })
    expect({ status, words }).toStrictEqual({ status: 0, words: '' })
    size = expectTruth(database, outcomes, size)
    expect(out).toContain(`${size} events`)
    expect(size - (await expectFileSummary(database))).toBeLessThan(256)
    acknowledged += outcomes.acknowledged.size
  }
  expect(acknowledged).toBeGreaterThan(ROUNDS)
  tell(
    `kill -9: ${ROUNDS} rounds, ${acknowledged} acknowledged of ${size} events, none lost; start-up ${spread(starts)}`,
  )
  rmSync(folder, { recursive: true })
})
