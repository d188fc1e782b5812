/** Runs the feature tests on a PostgreSQL server of its own: `bun run test:postgres [ARGUMENT…]`. */
import { migrate } from '../src/storage/postgres/migrate.ts'
import { postgresClient } from '../src/storage/postgres/client.ts'
import { postgresAddress } from '../src/config/postgres-address.ts'
import { startPostgres } from './support/postgres-server.ts'

/** What is the same with any database is left out, and what is about files. */
const FOLDERS = [
  'accounts',
  'audit',
  'controllers',
  'drivers',
  'guests',
  'http',
  'legacy-tables',
  'locks',
  'mqtt',
  'notify',
  'ops',
  'outbox',
  'unlocks',
]

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
await server.query(await Bun.file(`${import.meta.dir}/support/home-pool.sql`).text())
const given = process.argv.slice(2)
const paths = given.some((argument) => argument.startsWith('test/'))
  ? []
  : FOLDERS.map((name) => `test/${name}/`)
const run = Bun.spawn(
  [process.execPath, 'test', '--parallel', '--timeout', '240000', ...given, ...paths],
  {
    env: { ...process.env, TEST_POSTGRES: server.url(), TEST_POSTGRES_POOL: '1' },
    stdin: 'ignore',
    stdout: 'inherit',
    stderr: 'inherit',
  },
)
process.exitCode = await run.exited
