import { expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'

const SRC = join(import.meta.dir, '../src')

/** Rooms, lowest first; a file imports its own room and lower ones. Features stand side by side. */
const LEVELS = [
  ['errors'],
  ['config'],
  ['storage'],
  ['http'],
  ['accounts', 'unlocks', 'locks', 'audit'],
  ['debug', 'ops', 'console'],
  ['app'],
  ['cli'],
  ['main'],
]

const FEATURES = new Set(['accounts', 'unlocks', 'locks', 'audit', 'debug', 'ops', 'console'])

const roomOf = (path: string): string => (path.split('/')[0] ?? '').replace(/\.ts$/, '')
const levelOf = (room: string): number => LEVELS.findIndex((level) => level.includes(room))

const files = [...new Bun.Glob('**/*.{ts,tsx}').scanSync(SRC)].filter(
  (path) => !path.endsWith('.d.ts'),
)

const importsOf = (path: string): string[] =>
  [
    ...readFileSync(join(SRC, path), 'utf8').matchAll(
      /^(?:import|export)\b[^;]*?from '([^']+)'/gms,
    ),
  ].map(([, from = '']) => from)

test('every file stands in a room of the house', () => {
  expect(files.filter((path) => levelOf(roomOf(path)) === -1)).toStrictEqual([])
  expect(files.length).toBeGreaterThan(20)
})

/** The console in the browser knows features by the types of their schemas, and by nothing else. */
const isSchemaTold = (path: string, from: string): boolean =>
  path.startsWith('console/app/') && /(^|[/-])schema\.ts$/.test(from)

test('imports point downwards, and features do not know one another', () => {
  const wrong: string[] = []
  for (const path of files)
    for (const from of importsOf(path)) {
      if (!from.startsWith('.') || from.endsWith('package.json')) continue
      const room = roomOf(path)
      const to = roomOf(relative(SRC, join(SRC, dirname(path), from)))
      const isSideways = FEATURES.has(room) && FEATURES.has(to)
      if (isSchemaTold(path, from)) continue
      if (room !== to && (isSideways || levelOf(to) >= levelOf(room)))
        wrong.push(`${path} imports ${to}`)
    }
  expect(wrong).toStrictEqual([])
})

test('what runs in a browser takes nothing but types from the server', () => {
  const taken = files
    .filter((path) => path.startsWith('console/app/'))
    .flatMap((path) =>
      [...readFileSync(join(SRC, path), 'utf8').matchAll(/^import (?!type\b).*from '(.*)'/gm)]
        .map(([, from = '']) => from)
        .filter((from) => from.startsWith('.'))
        .map((from) => relative(join(SRC, 'console/app'), join(SRC, dirname(path), from))),
    )
  expect(taken.length).toBeGreaterThan(20)
  expect(taken.filter((path) => path.startsWith('..'))).toStrictEqual([])
})

test('each technology is named only in its rooms', () => {
  const namedIn = (what: RegExp) =>
    files.filter((path) => importsOf(path).some((from) => what.test(from)))
  const outside = (what: RegExp, allowed: RegExp) =>
    namedIn(what).filter((path) => !allowed.test(path))
  const elysia = /^http\/|[/-]routes\.ts$|^app\.ts$/
  expect(outside(/^(elysia|@elysiajs\/.*|elysia-rate-limit)$/, elysia)).toStrictEqual([])
  expect(outside(/^bun:sqlite$/, /^storage\//)).toStrictEqual([])
  expect(namedIn(/^elysia$/).length).toBeGreaterThan(3)
})

test('SQL stands in storage and stores, and process.exit and process.env in main', () => {
  const containing = (what: RegExp) =>
    files.filter((path) => what.test(readFileSync(join(SRC, path), 'utf8')))
  const sql = /`\s*(SELECT|INSERT|UPDATE|DELETE)\b|'(SELECT|INSERT|UPDATE|DELETE) /
  expect(containing(sql).filter((path) => !/^storage\/|[/-]store\.ts$/.test(path))).toStrictEqual(
    [],
  )
  expect(containing(/process\.(exit\(|env\b)/)).toStrictEqual(['main.ts'])
})
