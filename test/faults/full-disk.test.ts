import { describe, expect, test } from 'bun:test'
import { cpSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { UNLIMITED, runCommand, startService, temporaryFolder } from '../support/binary.ts'
import { fillUp, inMemory, smallDisk } from '../support/small-disk.ts'
import { ROUNDS, expectTruth, signIn, tell } from './evidence.ts'
import { load, noOutcomes } from './load.ts'
import { until } from '../support/until.ts'

const DISK_MIB = 96
const ROUNDS_MAX = 40
const FREE_BYTES_MAX = 2 * 1024 ** 2
const MORE_MS_MAX = 200

const isRoot = process.getuid?.() === 0
const rounds = Math.min(ROUNDS, ROUNDS_MAX)

describe.if(isRoot)('a disk that fills up under load (needs root, to mount one)', () => {
  test(`[D1, D4] ${rounds} times full, then kill -9: acknowledged events are there once, refused ones are not`, async () => {
    const folder = temporaryFolder()
    await using small = await smallDisk(folder, ...inMemory(DISK_MIB))
    const { within, outside } = small
    const env = {
      ...UNLIMITED,
      LOG_LEVEL: 'error',
      // Otherwise it would refuse before the disk is full.
      DISK_RESERVE: 'off',
      JWT_ACCESS_TOKEN_EXPIRES: '1440',
      DATA_DIR: join(small.disk, 'data'),
    }
    const copy = join(folder, 'copy')
    let [token, size, acknowledged, refused] = ['', 0, 0, 0]
    for (let round = 0; round < rounds; round += 1) {
      const outcomes = noOutcomes()
      {
        await using service = await startService({ folder, env, within })
        token ||= await signIn(service.url)
        const makeRoom = fillUp(outside, Math.random() * FREE_BYTES_MAX)
        let isOver = false
        const loaded = load({ url: service.url, token, outcomes, isOver: () => isOver })
        await until(() => outcomes.refused.size > 0)
        // In half of the rounds the service is killed while the disk is still full.
        if (round % 2 === 0) makeRoom()
        await Bun.sleep(Math.random() * MORE_MS_MAX)
        await service.stop('SIGKILL')
        isOver = true
        await loaded
        if (round % 2 === 1) makeRoom()
      }
      const { status, words } = await runCommand(['log', 'verify'], { folder, env, within })
      expect({ status, words }).toStrictEqual({ status: 0, words: '' })
      // SQLite would follow the path into the namespace back to this one.
      cpSync(join(outside, 'data'), copy, { recursive: true })
      size = expectTruth(join(copy, 'secure-lock.db'), outcomes, size)
      rmSync(copy, { recursive: true })
      expect(outcomes.refused.size).toBeGreaterThan(0)
      acknowledged += outcomes.acknowledged.size
      refused += outcomes.refused.size
    }
    tell(
      `full disk: ${rounds} rounds, ${acknowledged} acknowledged of ${size} events, none lost; ${refused} refused, none there`,
    )
    rmSync(folder, { recursive: true, force: true })
  })
})
