import { afterEach, beforeEach, describe, expect, spyOn, test } from 'bun:test'
import { mkdirSync, readFileSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { openApp } from '../src/app.ts'
import { parseConfig } from '../src/config/config.ts'
import { processLogger } from '../src/http/log/logger.ts'
import { KEY_FILES } from '../src/storage/files/data-dir.ts'
import { lockDataDir } from '../src/storage/data-dir-lock.ts'
import { temporaryFolder } from './support/binary.ts'

let dataDir = ''

beforeEach(() => {
  dataDir = join(temporaryFolder(), 'data')
})
afterEach(() => rmSync(join(dataDir, '..'), { recursive: true, force: true }))

const logger = processLogger({ level: 'error', format: 'json' })

const open = () => openApp(parseConfig({ DATA_DIR: dataDir }), { logger, use: 'service' })

/** The files below the data folder that this process has open. */
const openFiles = (): readonly string[] =>
  readdirSync('/proc/self/fd').flatMap((descriptor) => {
    try {
      const path = readlinkSync(join('/proc/self/fd', descriptor))
      return path.startsWith(dataDir) ? [path] : []
    } catch {
      // The descriptor that listed the folder is closed again.
      return []
    }
  })

/** Runs work, and counts the intervals that it began and did not end. */
const intervalsLeftBy = async (work: () => Promise<unknown>): Promise<number> => {
  const begun = spyOn(globalThis, 'setInterval')
  const ended = spyOn(globalThis, 'clearInterval')
  try {
    await work()
    const cleared = new Set<unknown>(ended.mock.calls.map(([timer]) => timer))
    return begun.mock.results.filter(({ value }) => !cleared.has(value)).length
  } finally {
    begun.mockRestore()
    ended.mockRestore()
  }
}

const openAndClose = async (): Promise<void> => {
  await using app = await open()
  expect(app.http.routes).not.toBeEmpty()
}

const failure = (): Promise<string> =>
  open().then(
    () => 'it succeeded',
    (error: unknown) => String(error),
  )

const damaged = (key: string): { readonly path: string; readonly mend: () => void } => {
  const path = join(dataDir, key)
  const sound = readFileSync(path)
  writeFileSync(path, 'damaged')
  return { path, mend: () => writeFileSync(path, sound) }
}

/** Opens the app in a process of its own, which is to end by itself when that fails. */
const OPENER = `
  import { openApp } from '${join(import.meta.dir, '../src/app.ts')}'
  import { parseConfig } from '${join(import.meta.dir, '../src/config/config.ts')}'
  import { processLogger } from '${join(import.meta.dir, '../src/http/log/logger.ts')}'
  const logger = processLogger({ level: 'error', format: 'json' })
  await openApp(parseConfig(process.env), { logger, use: 'service' }).catch((error) => {
    console.log(error.message)
  })
`

describe('a start that fails half-way', () => {
  beforeEach(async () => {
    await openAndClose()
  })

  test('is compared with an app that is closed: it leaves no open file and no interval', async () => {
    expect(await intervalsLeftBy(openAndClose)).toBe(0)
    expect(openFiles()).toStrictEqual([])
  })

  // The key of the log is read right after the database was opened; the key of second factors when
  // sessions, retention and verification stand already.
  test.each([KEY_FILES.log, KEY_FILES.lockout, KEY_FILES.secondFactors])(
    'for a damaged %s leaves no lock and no open file, and the next one in this process succeeds',
    async (key) => {
      const { path, mend } = damaged(key)
      expect(await failure()).toContain(path)
      expect(openFiles()).toStrictEqual([])
      lockDataDir(dataDir, 'restore')()
      mend()
      await openAndClose()
      expect(openFiles()).toStrictEqual([])
    },
  )

  test('for a path of the database that is a folder leaves no lock and no open file', async () => {
    const database = join(dataDir, 'secure-lock.db')
    rmSync(database)
    rmSync(join(dataDir, KEY_FILES.log))
    mkdirSync(database)
    expect(await failure()).toContain(database)
    expect(openFiles()).toStrictEqual([])
    rmSync(database, { recursive: true })
    await openAndClose()
  })

  test.each([KEY_FILES.log, KEY_FILES.lockout, KEY_FILES.secondFactors])(
    'for a damaged %s leaves no interval',
    async (key) => {
      const { path } = damaged(key)
      expect(await intervalsLeftBy(async () => expect(await failure()).toContain(path))).toBe(0)
    },
  )

  test.each([KEY_FILES.log, KEY_FILES.secondFactors])(
    'for a damaged %s leaves no timer that keeps the process alive',
    async (key) => {
      const { path } = damaged(key)
      const opening = Bun.spawn([process.execPath, '-e', OPENER], {
        env: { DATA_DIR: dataDir },
        stdout: 'pipe',
        stderr: 'inherit',
        timeout: 20_000,
        killSignal: 'SIGKILL',
      })
      expect(await opening.stdout.text()).toContain(path)
      expect(await opening.exited).toBe(0)
      expect(opening.signalCode).toBeNull()
    },
  )
})
