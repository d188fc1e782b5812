import { expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'

const SRC = join(import.meta.dir, '../src')

/** Rooms, lowest first; a file imports its own room and lower ones. Features stand side by side. */
const LEVELS = [
  ['errors'],
  ['domain'],
  ['config'],
  ['storage'],
  ['http'],
  [
    'accounts',
    'unlocks',
    'audit',
    'locks',
    'outbox',
    'notify',
    'mqtt',
    'drivers',
    'controllers',
    'guests',
  ],
  ['legacy-tables', 'ops', 'console', 'manual'],
  ['writer'],
  ['open-home'],
  ['app'],
  ['cli'],
  ['main'],
]

const FEATURES = new Set(LEVELS.slice(5, 7).flat())

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

/** Where the console computes proofs: with the log's own code, as the page of a bundle does. */
const PROOF = 'console/app/proof.ts'

/** The console in the browser knows features by the types of their schemas, and by nothing else;
 * but for the proofs, which only the log's own code shall verify. */
const isConsoles = (path: string, from: string): boolean =>
  (path.startsWith('console/app/') && /(^|[/-])schema\.ts$/.test(from)) ||
  (path === PROOF && from.startsWith('../../unlocks/'))

test('imports point downwards, and features do not know one another', () => {
  const wrong: string[] = []
  for (const path of files)
    for (const from of importsOf(path)) {
      if (!from.startsWith('.') || from.endsWith('package.json')) continue
      const room = roomOf(path)
      const to = roomOf(relative(SRC, join(SRC, dirname(path), from)))
      const isSideways = FEATURES.has(room) && FEATURES.has(to)
      if (isConsoles(path, from)) continue
      if (room !== to && (isSideways || levelOf(to) >= levelOf(room)))
        wrong.push(`${path} imports ${to}`)
    }
  expect(wrong).toStrictEqual([])
})

/** The sub-room of a file: the folder it stands in, or the room itself. */
const subRoomOf = (path: string): string => {
  const [room = '', ...rest] = path.split('/')
  const [subRoom] = rest.slice(0, -1)
  return subRoom === undefined ? room : `${room}/${subRoom}`
}

const targetOf = (path: string, from: string): string =>
  relative(SRC, join(SRC, dirname(path), from))

/** Each sub-room with those it imports from, types included. */
const subRooms = (room: string): ReadonlyMap<string, ReadonlySet<string>> => {
  const imports = new Map<string, Set<string>>()
  for (const path of files.filter((file) => roomOf(file) === room)) {
    const own = imports.get(subRoomOf(path)) ?? new Set()
    imports.set(subRoomOf(path), own)
    for (const from of importsOf(path).filter((name) => name.startsWith('.'))) {
      const to = subRoomOf(targetOf(path, from))
      if (roomOf(to) === room && to !== subRoomOf(path)) own.add(to)
    }
  }
  return imports
}

/** A way from a sub-room back to itself, if there is one. */
const circleIn = (imports: ReadonlyMap<string, ReadonlySet<string>>): string | undefined => {
  const done = new Set<string>()
  const walk = (name: string, path: readonly string[]): string | undefined => {
    if (path.includes(name)) return [...path.slice(path.indexOf(name)), name].join(' -> ')
    if (done.has(name)) return undefined
    for (const next of imports.get(name) ?? []) {
      const circle = walk(next, [...path, name])
      if (circle) return circle
    }
    done.add(name)
    return undefined
  }
  for (const name of imports.keys()) {
    const circle = walk(name, [])
    if (circle) return circle
  }
  return undefined
}

test('the sub-rooms of a room form no circle, types included', () => {
  for (const room of ['accounts', 'unlocks'])
    expect([room, circleIn(subRooms(room))]).toStrictEqual([room, undefined])
})

test('no folder holds more than 16 files of its own, pages and migrations aside', () => {
  const counts = new Map<string, number>()
  for (const path of new Bun.Glob('**/*').scanSync(SRC))
    if (!path.endsWith('.md') && !path.startsWith('storage/migrations/'))
      counts.set(dirname(path), (counts.get(dirname(path)) ?? 0) + 1)
  const crowded = [...counts].filter(([, count]) => count > 16)
  expect(crowded).toStrictEqual([])
})

/** What is taken of other files when a file runs: everything but types. */
const takenBy = (path: string): string[] =>
  [...readFileSync(join(SRC, path), 'utf8').matchAll(/^import (?!type\b)[^;]*?from '(.*?)'/gms)]
    .filter(([whole]) => !/^import \{(\s*type [^,}]+,?)+\s*\} from/.test(whole))
    .map(([, from = '']) => (from.startsWith('.') ? join(dirname(path), from) : from))

/** Words and pure functions that need nothing of a server, which both sides must know alike. */
const SHARED = new Set([
  'domain/access.ts',
  'domain/account.ts',
  'domain/duration.ts',
  'domain/statement/claims.ts',
  'domain/statement/p256.ts',
  'domain/statement/statement.ts',
  'domain/text/door-words.ts',
  'domain/text/folded-text.ts',
  'domain/text/grant-words.ts',
  'domain/text/rule-words.ts',
])

test('what runs in a browser takes nothing but types and pure functions from the server', () => {
  const taken = files
    .filter((path) => path.startsWith('console/app/') && path !== PROOF)
    .flatMap((path) => takenBy(path))
    .filter((from) => /\.tsx?$/.test(from) && !SHARED.has(from))
  expect(taken.length).toBeGreaterThan(20)
  expect(taken.filter((from) => !from.startsWith('console/app/'))).toStrictEqual([])
})

test('proofs are computed in a browser by code of the log that needs nothing of a server', () => {
  for (const entry of [PROOF, 'unlocks/bundle/page/main.ts']) {
    const reached = new Set([entry])
    for (const path of reached)
      if (path.startsWith('unlocks/') || path === entry)
        for (const from of takenBy(path)) if (from !== '#crypto') reached.add(from)
    reached.delete(entry)
    expect(reached).toContain('unlocks/tlog/merkle-proof.ts')
    const others = [...reached].filter((path) => !path.startsWith('unlocks/'))
    expect(others.filter((path) => !SHARED.has(path))).toStrictEqual([])
  }
})

test('each technology is named only in its rooms', () => {
  const namedIn = (what: RegExp) =>
    files.filter((path) => importsOf(path).some((from) => what.test(from)))
  const outside = (what: RegExp, allowed: RegExp) =>
    namedIn(what).filter((path) => !allowed.test(path))
  const elysia = /^http\/|[/-]routes\.ts$|^app\.ts$/
  expect(outside(/^(elysia|@elysiajs\/(?!jwt$).*|elysia-rate-limit)$/, elysia)).toStrictEqual([])
  expect(namedIn(/^@elysiajs\/jwt$/)).toStrictEqual(['accounts/sessions/access-tokens.ts'])
  expect(outside(/^bun:sqlite$/, /^storage\//)).toStrictEqual([])
  expect(namedIn(/^elysia$/).length).toBeGreaterThan(3)
})

test('SQL stands in storage, stores and transactions, and process.exit and process.env in main, but for TZ', () => {
  const containing = (what: RegExp) =>
    files.filter((path) => what.test(readFileSync(join(SRC, path), 'utf8')))
  const sql = /`\s*(SELECT|INSERT|UPDATE|DELETE)\b|'(SELECT|INSERT|UPDATE|DELETE) /
  expect(
    containing(sql).filter((path) => !/^storage\/|[/-](store|transaction)\.ts$/.test(path)),
  ).toStrictEqual([])
  expect(containing(/process\.(exit\(|env\b)/)).toStrictEqual(['main.ts', 'config/home-zone.ts'])
})
