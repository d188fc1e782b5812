import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { postgresAddress } from '../../src/config/postgres-address.ts'
import { postgresClient } from '../../src/storage/postgres/client.ts'
import { dialect } from '../../src/storage/postgres/dialect.ts'
import { tablesIn } from '../../src/storage/postgres/migrate.ts'
import { queriesOn } from '../../src/storage/postgres/queries.ts'
import type { Params, Queries } from '../../src/storage/queries.ts'
import { databaseFile } from './database-file.ts'
import { program } from './postgres-server.ts'
import { homeUri } from './test-server.ts'

/** The database of a home, opened while the executable may be running. Takes SQL as the stores write it. */
export type HomeDatabase = Queries & {
  /** Keeps everyone else from writing until the returned function is called. */
  readonly holdWrites: () => Promise<() => Promise<unknown>>
  /** Returns true if a text, in upper or lower case, or bytes are anywhere in the file or its WAL or, on the server, in
   * a row; files and WAL of the server keep more than that. */
  readonly contains: (value: string | Uint8Array) => Promise<boolean>
  readonly close: () => Promise<void>
  [Symbol.asyncDispose]: () => Promise<void>
}

/** Opens the database of the executable in a folder, which may be running: its file, or its schema on the test
 * server. */
export const homeDatabase = async (folder: string, dataDir = 'data'): Promise<HomeDatabase> => {
  const uri = await homeUri(join(folder, dataDir))
  return uri === undefined ? inFile(join(folder, dataDir, 'secure-lock.db')) : onServer(uri)
}

const inFile = (path: string): HomeDatabase => {
  const file = databaseFile(path)
  file.run('PRAGMA foreign_keys = ON')
  const close = async () => file.close()
  return {
    all: async <Row>(sql: string, ...params: Params) => file.query(sql).all(...params) as Row[],
    get: async <Row>(sql: string, ...params: Params) =>
      (file.query(sql).get(...params) ?? undefined) as Row | undefined,
    run: async (sql, ...params) => file.run(sql, [...params]).changes,
    holdWrites: async () => {
      file.run('BEGIN IMMEDIATE')
      return async () => file.run('ROLLBACK')
    },
    contains: async (value) => {
      const parts = [path, `${path}-wal`]
        .filter((part) => existsSync(part))
        .map((part) => readFileSync(part))
      const lower = (text: Buffer): string => text.toString('latin1').toLowerCase()
      return typeof value === 'string'
        ? parts.some((part) => lower(part).includes(lower(Buffer.from(value))))
        : parts.some((part) => part.includes(value))
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}

const onServer = async (uri: string): Promise<HomeDatabase> => {
  const address = postgresAddress(uri)
  const { schema } = address
  const client = postgresClient({ address, max: 1 })
  await using opened = new AsyncDisposableStack()
  opened.defer(() => client.close())
  const tables = await tablesIn(client, schema)
  const session = await client.session()
  await session.script(`SET search_path = ${schema}`)
  const kept = opened.move()
  return {
    ...queriesOn(session, dialect(schema, tables)),
    holdWrites: async () => {
      await session.script('BEGIN; UPDATE home SET turn = turn WHERE id = 1')
      return () => session.script('ROLLBACK')
    },
    contains: async (value) => {
      const text = typeof value === 'string' ? value : value.toHex()
      for (const table of tables) {
        const rows = await session.query(
          `SELECT to_json(${table}.*)::text AS row FROM ${table}`,
          [],
        )
        if (rows.some(({ row }) => String(row).toLowerCase().includes(text.toLowerCase())))
          return true
      }
      return false
    },
    close: () => kept.disposeAsync(),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}

/** Copies the home of a data folder on the test server to that of another; does nothing without a server. */
export const copyHome = async (from: string, to: string): Promise<void> => {
  const uris = [await homeUri(from), await homeUri(to)]
  const [source, target] = uris.map((uri) => (uri === undefined ? '' : postgresAddress(uri).schema))
  const [server] = (uris[0] ?? '').split('?')
  if (!server || !source || !target) return
  const dump = Bun.spawn([program('pg_dump'), '--schema', source, server], { stdout: 'pipe' })
  const text = (await new Response(dump.stdout).text()).replaceAll(source, target)
  const load = Bun.spawn(
    [program('psql'), '--quiet', '--no-psqlrc', '--set', 'ON_ERROR_STOP=1', server],
    {
      stdin: Buffer.from(
        `SET client_min_messages = error; DROP SCHEMA IF EXISTS ${target} CASCADE;\n${text}`,
      ),
      stdout: 'ignore',
    },
  )
  if ((await dump.exited) !== 0 || (await load.exited) !== 0)
    throw new Error('the home was not copied')
}
