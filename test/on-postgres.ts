/** Runs the feature tests on a PostgreSQL server of its own: `bun run test:postgres [all] [ARGUMENT…]`. */
import { readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { postgresAddress } from '../src/config/postgres-address.ts'
import { postgresClient } from '../src/storage/postgres/client.ts'
import { migrate } from '../src/storage/postgres/migrate.ts'
import { startPostgres } from './support/postgres-server.ts'

/** Folders whose tests run on both engines. */
const ROOMS =
  'accounts audit binary cli contract controllers drivers guests http legacy-tables locks mqtt notify ops outbox unlocks'.split(
    ' ',
  )

/** Test files there that are about files, or start servers of their own, with the reason. Other test files skip single
 * tests of that kind themselves. */
const ABOUT_FILES: readonly (readonly [RegExp, string])[] = [
  [/^cli\/backup\/(?:backup|server-home)/, 'a backup of a file, and one of a server of its own'],
  [
    /^cli\/command\/empty-folder/,
    'a folder without a database: homes of tests may be there already',
  ],
  [/^cli\/doctor\/(?:doctor|on-a-server)/, 'findings about a file, or about a server of its own'],
  [/^cli\/(?:help|serve|tls)\/|^cli\/migrate/, 'no database, or servers of their own'],
  [/^binary\/(?:image|musl|release|supply-chain)/, 'what was built'],
  [/^unlocks\/(?:bundle|guard\/log|verify\/tampering)/, 'files that somebody changes by hand'],
  [/^unlocks\/summary\/written/, 'the pages of a file'],
]

/** The tests whose statements differ most between the engines: lists as JSON, sums, pages, counters, the order of
 * NULLs, searches and triggers; and the wire contract, at the executable. Without `all`, only these run: the others
 * send few statements of their own. */
const MOST_DIFFERENT = [
  'contract',
  'audit/{guesses,reading,service,service-lifecycle,store}',
  ...'accounts/lockout legacy-tables locks/decisions locks/registry outbox/core'.split(' '),
  ...'labels log search summary/statistics units'.split(' ').map((name) => `unlocks/${name}`),
]

/** What opens a database that can be on a server, and where that is defined. */
const OPENS =
  /\b(?:startApp|openTestDatabase|testPlace|openLog|recordedLog|runCommand|startService)\(/
const DEFINED_IN = new Set(
  ['app.ts', 'binary.ts', 'postgres.ts', 'unlock-log.ts'].map((name) =>
    join(import.meta.dir, 'support', name),
  ),
)

/** Returns true for a file that opens such a database, itself or by what it imports: other tests are the same with any
 * engine, and `bun run test` has them. */
const opensDatabase = (path: string, seen = new Set<string>()): boolean => {
  if (seen.has(path) || DEFINED_IN.has(path) || path.includes('/src/')) return false
  seen.add(path)
  const text = readFileSync(path, 'utf8')
  if (OPENS.test(text)) return true
  return [...text.matchAll(/ from '(\.[^']+\.ts)'/g)].some(([, to = '']) =>
    opensDatabase(join(path, '..', to), seen),
  )
}

const isAboutFiles = (path: string): boolean =>
  ABOUT_FILES.some(([what]) => what.test(relative(import.meta.dir, path)))

const filesIn = (names: readonly string[]): readonly string[] =>
  names
    .flatMap((name) => [`${name}.test.ts`, `${name}/**/*.test.ts`])
    .flatMap((pattern) => [
      ...new Bun.Glob(pattern).scanSync({ cwd: import.meta.dir, absolute: true }),
    ])
    .filter((path) => !isAboutFiles(path) && opensDatabase(path))
    .toSorted()

/** Nothing here has to outlive a crash. */
const FAST = {
  autovacuum: 'off',
  checkpoint_timeout: '1h',
  full_page_writes: 'off',
  max_wal_senders: '0',
  max_wal_size: '8GB',
  synchronous_commit: 'off',
  wal_level: 'minimal',
}

await using server = await startPostgres({ settings: FAST })
const client = postgresClient({ address: postgresAddress(server.home('seed')), max: 1 })
await migrate(client, 'seed')
await client.close()
await server.query(readFileSync(join(import.meta.dir, 'support/home-pool.sql'), 'utf8'))
const isAll = process.argv[2] === 'all'
const given = process.argv.slice(isAll ? 3 : 2)
const paths = given.some((argument) => argument.startsWith('test/'))
  ? []
  : filesIn(isAll ? ROOMS : MOST_DIFFERENT)
const run = Bun.spawn(
  [
    process.execPath,
    'test',
    '--parallel',
    '--no-isolate',
    '--timeout',
    '240000',
    ...given,
    ...paths,
  ],
  {
    env: { ...process.env, TEST_POSTGRES: server.url(), TEST_POSTGRES_POOL: '1' },
    stdin: 'ignore',
    stdout: 'inherit',
    stderr: 'inherit',
  },
)
// The server stops once the tests have.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => run.kill(signal))
process.exitCode = await run.exited
