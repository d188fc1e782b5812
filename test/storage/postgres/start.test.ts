import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { postgresAddress } from '../../../src/config/postgres-address.ts'
import { COMMAND_WAIT_MS } from '../../../src/open-home.ts'
import { AppError } from '../../../src/errors.ts'
import { postgresClient } from '../../../src/storage/postgres/client.ts'
import { openPostgres } from '../../../src/storage/postgres/open.ts'
import type { Queries } from '../../../src/storage/queries.ts'
import { START_MS_MAX, waitForServer } from '../../../src/storage/postgres/start.ts'
import { textOf } from '../../support/manual.ts'
import { CAN_POSTGRES, startPostgres } from '../../support/postgres-server.ts'

const program = () => Promise.reject(new Error('this database has no program'))

/** Returns the sentence with which opening a home fails. */
const faultOf = (address: string): Promise<string> =>
  openPostgres(postgresAddress(address), { program }).then(
    async (db) => {
      await db.close()
      return 'opened'
    },
    (error: unknown) => (error instanceof AppError ? error.message : String(error)),
  )

describe.if(CAN_POSTGRES)('a start', () => {
  let server: Awaited<ReturnType<typeof startPostgres>>
  beforeAll(async () => {
    server = await startPostgres({
      access: [
        'local all all trust',
        'host all late,poor,postgres all trust',
        'host all all all scram-sha-256',
      ],
    })
    await server.query(
      "CREATE ROLE poor LOGIN; CREATE ROLE guarded LOGIN PASSWORD 'right'; CREATE SCHEMA ready AUTHORIZATION poor",
    )
  })
  afterAll(() => server[Symbol.asyncDispose]())

  const as = (user: string, schema = 'home'): string =>
    server.home(schema).replace('postgres@', `${user}@`)

  test('waits for a server that is still starting, and says so once', async () => {
    await server.stop()
    const reasons: string[] = []
    let isOpen = false
    const opening = openPostgres(postgresAddress(server.home('waits')), {
      program,
      onWait: (reason) => reasons.push(reason),
    }).finally(() => (isOpen = true))
    await Bun.sleep(600)
    expect(isOpen).toBe(false)
    await server.start()
    const db = await opening
    expect(reasons).toEqual(['The database cannot be reached'])
    await db.close()
  })

  test('gives up on a server that does not come', async () => {
    const client = postgresClient({
      address: postgresAddress('postgres://postgres@127.0.0.1:1/postgres'),
      max: 1,
    })
    const waiting = waitForServer(client, { onWait: () => {}, startMs: 300 })
    expect(await waiting.catch((error: unknown) => String(error))).toBe(
      'AppError: The database cannot be reached',
    )
    await client.close()
    expect(textOf('src/manual/postgresql.md')).toContain(
      `the service waits for up to ${START_MS_MAX / 1000} seconds, and a command for up to ${COMMAND_WAIT_MS / 1000}.`,
    )
  })

  test('says what keeps it from the database, without the password', async () => {
    const place = `127.0.0.1:${server.port}/postgres?schema=home`
    expect(await faultOf(as('guarded:wrong'))).toBe(
      `Cannot open database postgres://guarded@${place}: The database refuses this login; check the user and the password in DATABASE_URI, and pg_hba.conf`,
    )
    expect(await faultOf(as('nobody'))).toContain('check the user and the password')
    expect(await faultOf(server.home('home', 'missing'))).toEndWith(
      ': The database of DATABASE_URI does not exist',
    )
    expect(await faultOf(as('poor'))).toBe(
      `Cannot open database postgres://poor@${place}: There is no schema home, and the user of DATABASE_URI may not create it; create it with CREATE SCHEMA home AUTHORIZATION poor, or grant CREATE on the database`,
    )
  })

  test('refuses a server that is too old', async () => {
    // For this user, it says that it is.
    await server.query(
      `CREATE SCHEMA older;
       CREATE FUNCTION older.current_setting(text) RETURNS text LANGUAGE sql AS
         $$ SELECT CASE $1 WHEN 'server_version_num' THEN '130022' ELSE pg_catalog.current_setting($1) END $$;
       CREATE ROLE late LOGIN;
       GRANT USAGE ON SCHEMA older TO late;
       ALTER ROLE late SET search_path = older, pg_catalog`,
    )
    expect(await faultOf(as('late'))).toEndWith(
      ': PostgreSQL 13 is too old; version 14 or newer is needed',
    )
  })

  test('refuses a schema that is a word of SQL', async () => {
    expect(await faultOf(server.home('user'))).toEndWith(
      ': user is a reserved word of SQL; choose another name for the schema, such as home_user',
    )
  })

  test('refuses a database that cannot store every character', async () => {
    await server.query(
      "CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'",
    )
    expect(await faultOf(server.home('home', 'latin'))).toEndWith(
      ': the database has the encoding LATIN1; create it with createdb --encoding UTF8 --template template0',
    )
  })

  test('is followed by turns that wait for each other, also where transactions are isolated by default', async () => {
    await server.query('CREATE DATABASE strict')
    await server.query(
      "ALTER DATABASE strict SET default_transaction_isolation = 'repeatable read'",
    )
    const open = () => openPostgres(postgresAddress(server.home('home', 'strict')), { program })
    const replicas = [await open(), await open()]
    const raise = (tx: Pick<Queries, 'get' | 'run'>) =>
      tx.run(
        `INSERT INTO setting (name, value) VALUES ('count', '1')
         ON CONFLICT (name) DO UPDATE SET value = CAST(CAST(setting.value AS bigint) + 1 AS text)`,
      )
    const rounds = Array.from({ length: 10 }, () =>
      replicas.map((replica) => replica.transaction(raise)),
    )
    await Promise.all(rounds.flat())
    expect(await replicas[0]?.get("SELECT value FROM setting WHERE name = 'count'")).toEqual({
      value: '20',
    })
    for (const replica of replicas) await replica.close()
  })

  test('needs no more than a schema of its own', async () => {
    expect(await faultOf(as('poor', 'ready'))).toBe('opened')
    expect(await faultOf(as('guarded:right', 'ready'))).toBe(
      `Cannot open database postgres://guarded@127.0.0.1:${server.port}/postgres?schema=ready: The user of DATABASE_URI may not use the schema ready; grant it all privileges on the schema and its tables`,
    )
  })
})
