import { afterEach, beforeEach, describe, expect, spyOn, test } from 'bun:test'
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { join } from 'node:path'
import { processLogger } from '../../../src/http/log/logger.ts'
import { forkGuard } from '../../../src/unlocks/guard/fork-guard.ts'
import { temporaryFolder } from '../../support/binary.ts'
import { until } from '../../support/until.ts'

const AT_MS = Date.UTC(2026, 10, 29, 22)
/** So long that a stop waits for no further write. */
const SLOW_MS = 1100
const ORIGIN = 'secure-lock-server/2f6f1f0c9b8a7d6e'

let dataDir = ''
let lines: string[] = []

beforeEach(() => {
  dataDir = temporaryFolder()
  lines = []
})
afterEach(() => rmSync(dataDir, { recursive: true, force: true }))

const opened = (origin = ORIGIN) =>
  forkGuard({
    dataDir,
    origin,
    clock: { wallMs: () => AT_MS },
    logger: processLogger({ level: 'info', format: 'json', write: (line) => lines.push(line) }),
  })

const head = (size: number, byte = size) => ({ size, root: new Uint8Array(32).fill(byte) })
const path = () => join(dataDir, 'log-signed-head')
const inFile = () => JSON.parse(readFileSync(path(), 'utf8')) as Record<string, unknown>

describe('the largest signed head', () => {
  test('[G14] is kept with its size, root and time, and the next process knows it', async () => {
    {
      await using guard = opened()
      expect(guard.kept()).toBeUndefined()
      guard.keep(head(3))
    }
    expect(inFile()).toStrictEqual({
      origin: ORIGIN,
      size: 3,
      root: `${'AwMD'.repeat(10)}AwM=`,
      at: '2026-11-29T22:00:00.000Z',
    })
    await using again = opened()
    expect(again.kept()).toStrictEqual({ ...head(3), origin: ORIGIN, atMs: AT_MS })
    await using other = opened('another log')
    expect(other.kept()).toBeUndefined()
  })

  test('[G14] is written at once, then at most once a second, and the last one always', async () => {
    const written: unknown[] = []
    const begunMs = performance.now()
    {
      await using guard = opened()
      guard.keep(head(1))
      await until(() => existsSync(path()))
      for (let size = 2; size <= 500; size += 1) {
        guard.keep(head(size, 1))
        if (size % 50 === 0) await Bun.sleep(1)
        const { size: found } = inFile()
        if (found !== written.at(-1)) written.push(found)
      }
    }
    expect(written.length).toBeLessThanOrEqual(1 + (performance.now() - begunMs) / 1000)
    expect(inFile()).toMatchObject({ size: 500 })
    expect(readdirSync(dataDir)).toStrictEqual(['log-signed-head'])
  })

  for (const [what, isService, size] of [
    ['a service does not write it once more at its stop', true, 1],
    ['a command does', false, 2],
  ] as const)
    test(`[G14] on a disk that took over half a second for it, ${what}`, async () => {
      await using any = await open(join(dataDir, 'any'), 'w')
      using slow = spyOn(Object.getPrototypeOf(any) as FileHandle, 'sync')
      slow.mockImplementationOnce(async function slowSync(this: FileHandle) {
        await Bun.sleep(SLOW_MS)
        await this.datasync()
      })
      {
        await using guard = opened()
        if (isService) guard.begin()
        guard.keep(head(1))
        guard.keep(head(2))
        await until(() => existsSync(path()))
      }
      // The log that the next process finds is larger, and continues this head.
      expect(inFile()).toMatchObject({ size })
    })

  test('[G14, O1] on a disk that does not answer, a stop of the service does not wait for it', async () => {
    await using any = await open(join(dataDir, 'any'), 'w')
    using slow = spyOn(Object.getPrototypeOf(any) as FileHandle, 'sync')
    const answered = Promise.withResolvers<void>()
    slow.mockImplementation(() => answered.promise)
    {
      await using guard = opened()
      guard.begin()
      guard.keep(head(1))
      guard.keep(head(2))
    }
    expect(existsSync(path())).toBe(false)
    answered.resolve()
    await until(() => existsSync(path()))
    expect(inFile()).toMatchObject({ size: 1 })
  })

  test('[G14] never becomes smaller by itself, whatever another process wrote', async () => {
    await using guard = opened()
    guard.keep(head(5))
    guard.keep(head(4))
    expect(guard.kept()).toMatchObject({ size: 5 })
    // Both belong to this process here, and would write the same draft at once.
    await guard.flush()
    await using command = opened()
    command.keep(head(9))
    await command.flush()
    await guard.flush()
    expect(inFile()).toMatchObject({ size: 9 })
  })

  test('[G14] that cannot be written is logged once, and written later', async () => {
    await using guard = opened()
    mkdirSync(`${path()}.${process.pid}.part`)
    for (const size of [1, 2]) {
      guard.keep(head(size))
      expect(guard.flush()).rejects.toThrow(`Cannot write ${path()}`)
    }
    expect(lines.filter((line) => line.includes('cannot write the largest'))).toHaveLength(1)
    rmSync(`${path()}.${process.pid}.part`, { recursive: true })
    await guard.flush()
    expect(inFile()).toMatchObject({ size: 2 })
  })

  test('[G14] removes drafts of killed processes, but not those of running ones', () => {
    for (const name of ['log-signed-head.1.part', 'log-signed-head.2.part'])
      writeFileSync(join(dataDir, name), 'half')
    utimesSync(join(dataDir, 'log-signed-head.1.part'), 0, 0)
    opened().begin()
    expect(readdirSync(dataDir)).toStrictEqual(['log-signed-head.2.part'])
  })
})

describe('a log that does not continue it', () => {
  test('[G14] is logged once, and refused until it does', async () => {
    await using guard = opened()
    guard.keep(head(6))
    for (let times = 0; times < 3; times += 1)
      expect(await guard.stop({ kind: 'shorter', size: 4 })).toMatchObject({
        code: 'unavailable',
        reason: 'log_stopped',
        message: expect.stringContaining('an older database was put back') as string,
      })
    expect(lines.filter((line) => line.includes('unlock log is stopped'))).toHaveLength(1)
    expect(guard.found()).toMatchObject({ kind: 'shorter', size: 4, kept: { size: 6 } })
    guard.keep(head(4))
    expect(guard.found()).toBeDefined()
    guard.keep(head(6))
    expect(guard.found()).toBeUndefined()
  })

  test('[G14] continues without what it lost once a command has accepted the loss', async () => {
    await using service = opened()
    service.keep(head(6))
    await service.flush()
    await service.stop({ kind: 'shorter', size: 4 })
    {
      await using command = opened()
      await command.stop({ kind: 'shorter', size: 4 })
      const broken = command.found()
      if (!broken) throw new Error('nothing is found')
      const keepNewHead = command.accept(broken, head(4))
      command.keep(head(5))
      // Until the loss is recorded, the service stays stopped.
      expect(inFile()).toMatchObject({ size: 6 })
      expect(service.kept()).toMatchObject({ size: 6 })
      await keepNewHead()
    }
    expect(inFile()).toMatchObject({ size: 5, given_up: { size: 6 } })
    expect(service.kept()).toMatchObject({ size: 5 })
    expect(service.found()).toBeUndefined()
    service.keep(head(6, 7))
    await service.flush()
    expect(inFile()).toMatchObject({ size: 6, given_up: { size: 6 } })
    await using again = opened()
    expect(again.kept()).toMatchObject(head(6, 7))
  })

  test('[G14] does not continue because an older file was put back beside it', async () => {
    {
      await using before = opened()
      before.keep(head(4))
    }
    const older = readFileSync(path(), 'utf8')
    await using service = opened()
    service.keep(head(6))
    await service.flush()
    writeFileSync(path(), older)
    await service.stop({ kind: 'shorter', size: 4 })
    expect(service.kept()).toMatchObject({ size: 6 })
    expect(inFile()).toMatchObject({ size: 6 })
  })

  test('[G14] stays stopped if a command is killed while it accepts the loss', async () => {
    {
      await using service = opened()
      service.keep(head(6))
    }
    {
      await using command = opened()
      await command.stop({ kind: 'shorter', size: 4 })
      const broken = command.found()
      if (!broken) throw new Error('nothing is found')
      command.accept(broken, head(4))
      command.keep(head(5))
    }
    expect(inFile()).toMatchObject({ size: 6 })
  })
})
