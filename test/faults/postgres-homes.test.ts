import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { postgresAddress } from '../../src/config/postgres-address.ts'
import { KEY_FILES } from '../../src/storage/files/data-dir.ts'
import { TABLES_OF_SCHEMA } from '../../src/storage/postgres/schema-check.ts'
import { postgresClient } from '../../src/storage/postgres/client.ts'
import { STEPS, migrate, versionOf } from '../../src/storage/postgres/migrate.ts'
import { MIGRATIONS } from '../../src/storage/migrations.ts'
import { clientOf } from '../support/app.ts'
import {
  type Service,
  UNLIMITED,
  freePort,
  startService,
  temporaryFolder,
} from '../support/binary.ts'
import { CAN_POSTGRES, startPostgres } from '../support/postgres-server.ts'
import { until } from '../support/until.ts'
import { IS_LONG, tell } from './evidence.ts'
import { memoryMiB } from './processes.ts'

const HOMES = IS_LONG ? 1000 : 10
const PROCESSES = IS_LONG ? 20 : 4
const IDLE_MS = 60_000
const RESTARTS_MAX = 5

const mean = (values: readonly number[]): string =>
  (values.reduce((sum, value) => sum + value, 0) / values.length).toFixed(0)

/** Returns the means of the first and the last tenth of durations, in words. */
const firstAndLast = (tookMs: readonly number[]): string => {
  const tenth = Math.ceil(tookMs.length / 10)
  return `${mean(tookMs.slice(0, tenth))} ms each at first, ${mean(tookMs.slice(-tenth))} ms at last`
}

describe.if(CAN_POSTGRES)('many homes on one server', () => {
  let server: Awaited<ReturnType<typeof startPostgres>>
  beforeAll(async () => {
    // Each service has up to seven, and a few more while it starts.
    server = await startPostgres({ settings: { max_connections: '400' } })
    await server.query('CREATE DATABASE many')
  })
  const started: Service[] = []
  afterAll(async () => {
    for (const service of started) await service[Symbol.asyncDispose]()
    await server[Symbol.asyncDispose]()
  })

  const schemas = Array.from({ length: HOMES }, (_, at) => `home_${at}`)

  test(`${HOMES} schemas are created in turn and then upgraded; no look-up reads the tables of all`, async () => {
    const client = postgresClient({
      address: postgresAddress(server.home('home_0', 'many')),
      max: 1,
      answerMs: 600_000,
    })
    const inTurn = async (steps: readonly string[]): Promise<string> => {
      const tookMs: number[] = []
      for (const schema of schemas) {
        const begunMs = performance.now()
        await migrate(client, schema, steps)
        tookMs.push(performance.now() - begunMs)
        expect(await versionOf(client, schema)).toBe(
          MIGRATIONS.length - STEPS.length + steps.length,
        )
      }
      return firstAndLast(tookMs)
    }
    tell(`${HOMES} schemas created: ${await inTurn(STEPS)}`)
    tell(`found up to date: ${await inTurn(STEPS)}`)
    const newer = 'CREATE TABLE newer (\n  id bigint PRIMARY KEY\n);\nINSERT INTO newer VALUES (1);'
    tell(`upgraded: ${await inTurn([...STEPS, newer])}`)
    const [last] = await client.query(`SELECT count(*) AS n FROM ${schemas.at(-1)}.newer`, [])
    expect(Number(last?.['n'])).toBe(1)
    const [size] = await client.query(
      `SELECT pg_database_size('many') AS bytes,
         sum(pg_total_relation_size(oid)) FILTER (WHERE relnamespace = 11) AS catalog FROM pg_class`,
      [],
    )
    const perHome = (bytes: unknown) => `${(Number(bytes) / HOMES / 1024).toFixed(0)} KiB`
    tell(
      `${perHome(size?.['bytes'])} for each empty home, of which catalog: ${perHome(size?.['catalog'])}`,
    )
    const plan = await client.query(
      `EXPLAIN SELECT c.relname FROM ${TABLES_OF_SCHEMA} WHERE n.nspname = 'home_5'`,
      [],
    )
    expect(JSON.stringify(plan)).not.toContain('Seq Scan on pg_class')
    await client.close()
  })

  /** Starts services at the same time, each with a folder of its own and the same keys. */
  const startAtOnce = async (homes: readonly string[], keys?: string) => {
    const root = temporaryFolder()
    const free = new Set<number>()
    while (free.size < homes.length) free.add(await freePort())
    const ports = [...free]
    for (const at of homes.keys()) {
      const data = join(root, String(at), 'data')
      mkdirSync(data, { recursive: true })
      for (const name of keys === undefined ? [] : Object.values(KEY_FILES))
        if (existsSync(join(keys ?? '', name))) cpSync(join(keys ?? '', name), join(data, name))
    }
    const start = async (home: string, at: number): Promise<Service> => {
      const env = {
        ...UNLIMITED,
        LOG_LEVEL: 'warn',
        DATA_DIR: './data',
        DATABASE_URI: home,
        PORT: String(ports[at]),
      }
      for (let restarts = 0; ; restarts += 1)
        try {
          return await startService({ folder: join(root, String(at)), env })
        } catch (error) {
          // As systemd does: on a busy machine, a statement may take longer than allowed.
          if (restarts === RESTARTS_MAX) throw error
          tell(`${home} is started again`)
        }
    }
    const services = await Promise.all(homes.map((home, at) => start(home, at)))
    started.push(...services)
    return {
      services,
      root,
      end: async (): Promise<void> => {
        const ends = await Promise.all(services.map(({ stop }) => stop()))
        expect(ends).toStrictEqual(homes.map(() => 0))
        rmSync(root, { recursive: true })
      },
    }
  }

  const cpuTicks = (pid: number): number => {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? []
    return Number(fields[11]) + Number(fields[12])
  }

  test(`${PROCESSES} services start at the same time on as many new homes, and then on one: one creates it, and none fails`, async () => {
    const homes = Array.from({ length: PROCESSES }, (_, at) => server.home(`street_${at}`))
    const street = await startAtOnce(homes)
    if (IS_LONG) {
      const pids = street.services.map(({ pid }) => pid)
      const used = () => pids.reduce((sum, pid) => sum + cpuTicks(pid), 0)
      const commits = async () =>
        Number(
          (
            await server.query<{ n: string }>(
              "SELECT xact_commit AS n FROM pg_stat_database WHERE datname = 'postgres'",
            )
          )[0]?.n,
        )
      const before = { cpu: used(), commits: await commits() }
      await Bun.sleep(IDLE_MS)
      const [open] = await server.query<{ n: string }>(
        `SELECT count(*) AS n FROM pg_stat_activity WHERE datname = 'postgres' AND pid <> pg_backend_pid()`,
      )
      const seconds = (PROCESSES * IDLE_MS) / 1000
      tell(
        `an idle home: ${mean(pids.map(memoryMiB))} MiB, ${Number(open?.n) / PROCESSES} connections, ` +
          `${((await commits()) / seconds - before.commits / seconds).toFixed(1)} transactions a second, ` +
          `${((used() - before.cpu) / seconds).toFixed(2)} % of a core`,
      )
    }
    await street.end()

    const first = await startAtOnce([server.home('seed')])
    const house = await startAtOnce(
      homes.map(() => server.home('house')),
      join(first.root, '0/data'),
    )
    expect(await server.query('SELECT 1 FROM house.schema_change')).toHaveLength(1)
    for (const { url } of house.services)
      await until(async () => (await clientOf(url).get('/readyz')).status === 200)
    await house.end()
    await first.end()
  })
})
