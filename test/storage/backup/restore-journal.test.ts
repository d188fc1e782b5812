import { expect, test } from 'bun:test'
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import fc from 'fast-check'
import { lockDataDir } from '../../../src/storage/data-dir-lock.ts'
import {
  commitRestore,
  enterFolder,
  hasUnfinishedRestore,
  makeStage,
  removeStage,
  stageOf,
} from '../../../src/storage/backup/restore-journal.ts'
import { temporaryFolder } from '../../support/binary.ts'

const AT_MS = Date.parse('2026-11-25T17:40:02Z')
const HEAD = 'log-signed-head'
const KEYS = ['jwt-secret-key', 'log-signing-key', 'guess-key', 'second-factor-key'] as const

/** A data folder with old files, and new ones staged for all but one of them. */
const prepared = (databaseFolder: string) => {
  const root = temporaryFolder()
  const dataDir = join(root, 'data')
  const places = { dataDir, databasePath: join(root, databaseFolder, 'door.db') }
  mkdirSync(dataDir)
  mkdirSync(dirname(places.databasePath), { recursive: true })
  for (const name of KEYS) writeFileSync(join(dataDir, name), `old ${name}`)
  writeFileSync(places.databasePath, 'old database')
  writeFileSync(`${places.databasePath}-wal`, 'old wal')
  makeStage(places)
  const stage = stageOf(places)
  writeFileSync(stage.databasePath, 'new database')
  for (const name of KEYS.slice(1)) writeFileSync(join(stage.dataDir, name), `new ${name}`)
  writeFileSync(join(dataDir, HEAD), 'old head')
  writeFileSync(join(stage.dataDir, HEAD), 'new head')
  return { root, places, stage }
}

const expectRestored = ({ root, places }: ReturnType<typeof prepared>) => {
  const { dataDir, databasePath } = places
  const text = (path: string) => readFileSync(path, 'utf8')
  expect(text(databasePath)).toBe('new database')
  expect(existsSync(`${databasePath}-wal`)).toBe(false)
  expect(existsSync(join(dataDir, KEYS[0]))).toBe(false)
  for (const name of KEYS.slice(1)) expect(text(join(dataDir, name))).toBe(`new ${name}`)
  const aside = 'before-restore-20261125T174002Z'
  const kept = (path: string) => text(join(dirname(path), aside, basename(path)))
  for (const name of KEYS) expect(kept(join(dataDir, name))).toBe(`old ${name}`)
  expect(kept(databasePath)).toBe('old database')
  expect(kept(`${databasePath}-wal`)).toBe('old wal')
  // The previous one must not come back.
  expect(text(join(dataDir, HEAD))).toBe('new head')
  expect(existsSync(join(dataDir, aside, HEAD))).toBe(false)
  expect(hasUnfinishedRestore(dataDir)).toBe(false)
  expect(
    readdirSync(root, { recursive: true })
      .map(String)
      .filter((name) => name.includes('.restoring')),
  ).toBeEmpty()
}

test('[D3] a restore puts the new files in place and keeps the old ones, wherever the database is', () => {
  for (const folder of ['data', 'disk']) {
    const one = prepared(folder)
    const kept = commitRestore(one.places, AT_MS)
    expect(kept).toHaveLength(folder === 'data' ? 1 : 2)
    expectRestored(one)
    rmSync(one.root, { recursive: true })
  }
})

test('[D3] a restore that was interrupted anywhere is finished by the next process', () => {
  fc.assert(
    fc.property(fc.constantFrom('data', 'disk'), fc.nat(20), (folder, moves) => {
      const one = prepared(folder)
      interrupt(one, moves)
      expect(hasUnfinishedRestore(one.places.dataDir)).toBe(true)
      // Nothing removes files that are still to be moved.
      removeStage(one.places)
      enterFolder(one.places.dataDir, 'command')()
      expectRestored(one)
      rmSync(one.root, { recursive: true })
    }),
    { numRuns: 30 },
  )
})

/** Performs a restore up to a given number of moves. */
const interrupt = ({ places, stage }: ReturnType<typeof prepared>, moves: number): void => {
  const { dataDir, databasePath } = places
  const aside = 'before-restore-20261125T174002Z'
  const up = dirname(databasePath) === dataDir ? '' : '../disk/'
  const restored = KEYS.map((name, at) => ({ path: name, isRestored: at > 0 }))
  const files = [
    { path: `${up}door.db`, isRestored: true },
    { path: `${up}door.db-wal`, isRestored: false },
    { path: `${up}door.db-shm`, isRestored: false },
    ...restored,
  ]
  const plan = { aside, files, replaced: [HEAD] }
  writeFileSync(join(dataDir, 'restore.json'), JSON.stringify(plan))
  let remaining = moves
  const move = (from: string, to: string) => {
    if (remaining === 0 || !existsSync(from)) return
    remaining -= 1
    mkdirSync(dirname(to), { recursive: true })
    renameSync(from, to)
  }
  for (const { path, isRestored } of files) {
    const target = join(dataDir, path)
    move(target, join(dirname(target), aside, basename(target)))
    const staged = target === databasePath ? stage.databasePath : join(stage.dataDir, path)
    if (isRestored) move(staged, target)
  }
  move(join(stage.dataDir, HEAD), join(dataDir, HEAD))
}

test('[D3] a restore that another process is performing is left to it', () => {
  const one = prepared('data')
  interrupt(one, 2)
  const release = lockDataDir(one.places.dataDir, 'restore')
  expect(() => enterFolder(one.places.dataDir, 'command')).toThrow('a restore is running there')
  release()
  enterFolder(one.places.dataDir, 'service')()
  expectRestored(one)
  rmSync(one.root, { recursive: true })
})

test('a damaged journal stops every process, and nothing is touched', () => {
  const one = prepared('data')
  writeFileSync(join(one.places.dataDir, 'restore.json'), '{"aside":"../x","files":[]}')
  expect(() => enterFolder(one.places.dataDir, 'command')).toThrow('Cannot finish the restore')
  expect(readFileSync(one.places.databasePath, 'utf8')).toBe('old database')
  rmSync(one.root, { recursive: true })
})

test('two restores in the same second keep the old files apart', () => {
  const one = prepared('data')
  const [first] = commitRestore(one.places, AT_MS)
  makeStage(one.places)
  writeFileSync(stageOf(one.places).databasePath, 'newer database')
  const [second] = commitRestore(one.places, AT_MS)
  expect(readFileSync(join(first ?? '', 'door.db'), 'utf8')).toBe('old database')
  expect(readFileSync(join(second ?? '', 'door.db'), 'utf8')).toBe('new database')
  rmSync(one.root, { recursive: true })
})
