import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { postgresAddress } from '../../../src/config/postgres-address.ts'
import { AppError } from '../../../src/errors.ts'
import type { Database } from '../../../src/storage/database.ts'
import { postgresClient } from '../../../src/storage/postgres/client.ts'
import { forgetMove, storeMove } from '../../../src/storage/moving/moved.ts'
import { openPostgres } from '../../../src/storage/postgres/open.ts'
import type { Program } from '../../../src/storage/writing/writer.ts'
import { startApp } from '../../support/app.ts'
import { CAN_POSTGRES, startPostgres } from '../../support/postgres-server.ts'
import { until } from '../../support/until.ts'

const noProgram: Program = () => Promise.reject(new Error('this database has no program'))

describe.if(CAN_POSTGRES)('a home on a server', () => {
  let server: Awaited<ReturnType<typeof startPostgres>>
  beforeAll(async () => {
    server = await startPostgres()
    await server.query(`CREATE ROLE ${OTHER} LOGIN`)
  })
  afterAll(() => server[Symbol.asyncDispose]())

  /** A user without rights. */
  const OTHER = 'other'

  let homes = 0
  const openHome = async (schema = `home_${(homes += 1)}`) => {
    const db = await openPostgres(postgresAddress(server.home(schema)), { program: noProgram })
    return { db, schema, [Symbol.asyncDispose]: () => db.close() }
  }

  const set = (db: Pick<Database, 'run'>, name: string) =>
    db.run('INSERT INTO setting (name, value) VALUES (?, ?)', name, 'x')

  const names = async (db: Database): Promise<readonly string[]> =>
    (
      await db.all<{ name: string }>("SELECT name FROM setting WHERE value = 'x' ORDER BY name")
    ).map(({ name }) => name)

  /** Returns how an AppError failed, or what the promise became. */
  const faultOf = (promise: Promise<unknown>): Promise<string> =>
    promise.then(
      (value) => `resolved: ${JSON.stringify(value)}`,
      (error: unknown) =>
        error instanceof AppError ? `${error.code}: ${error.message}` : String(error),
    )

  const LATE = 'unavailable: The database takes too long to answer'

  const connections = async (): Promise<number> => {
    const [row] = await server.query<{ count: unknown }>(
      "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()",
    )
    return Number(row?.count)
  }

  test('that moves away while a replica has lost its connections takes nothing more from it', async () => {
    await using home = await openHome()
    const { db, schema } = home
    await set(db, 'before')
    await server.query(
      `SELECT pg_terminate_backend(pid) FROM pg_locks
       WHERE locktype = 'advisory' AND mode = 'ShareLock'`,
    )
    const alone = await openPostgres(postgresAddress(server.home(schema)), {
      program: noProgram,
      use: 'alone',
    })
    const move = { id: 'x', to: '/elsewhere', atMs: 0, isDone: false }
    await alone.transaction((tx) => storeMove(tx, move, alone))
    await set(alone, 'last record')
    expect(await faultOf(set(db, 'lost'))).toStartWith('unavailable: This home has moved away')
    await alone.transaction((tx) => forgetMove(tx, alone))
    await alone.close()
    await set(db, 'after')
    expect(await names(db)).toEqual(['after', 'before', 'last record'])
  })

  test('a server that hangs is unavailable, and everything works again once it goes on', async () => {
    await using app = await startApp(
      { DATABASE_URI: server.home('hangs') },
      { monotonicMs: () => performance.now() },
    )
    const token = await app.signIn('alice', 'owner')
    const record = async () => {
      const invitation = { role: 'member', label: 'x' }
      const answer = await app.post('/v1/invitations', invitation, {
        authorization: `Bearer ${token}`,
      })
      return answer.status
    }
    const status = async (path: string) => (await app.get(path)).status
    expect(await record()).toBe(200)

    server.freeze()
    try {
      expect(await Promise.all([record(), record(), record()])).toEqual([503, 503, 503])
      expect(await status('/livez')).toBe(200)
      expect(await status('/readyz')).toBe(503)
      expect(await record()).toBe(503)
    } finally {
      server.thaw()
    }

    await until(async () => (await record()) === 200)
    await until(async () => (await status('/readyz')) === 200)
  })

  test('a server that is stopped is unavailable at once, and is used again after its restart', async () => {
    await using home = await openHome()
    await set(home.db, 'a')
    await server.stop('SIGQUIT')
    try {
      expect(await faultOf(set(home.db, 'b'))).toBe('unavailable: The database cannot be reached')
      expect(await faultOf(names(home.db))).toBe('unavailable: The database cannot be reached')
    } finally {
      await server.start()
    }
    await set(home.db, 'c')
    expect(await names(home.db)).toEqual(['a', 'c'])
  })

  test('a home whose schema is being restored is unavailable until it is there', async () => {
    await using home = await openHome()
    const { db, schema } = home
    await set(db, 'before')
    await server.query(`ALTER SCHEMA ${schema} RENAME TO away`)
    const missing = 'unavailable: The database does not have the tables of this home, or not yet'
    expect(await faultOf(set(db, 'meanwhile'))).toBe(missing)
    expect(await faultOf(names(db))).toBe(missing)
    await server.query(`ALTER SCHEMA away RENAME TO ${schema}`)
    await set(db, 'since')
    expect(await names(db)).toStrictEqual(['before', 'since'])
  })

  test('after a restart nobody noticed, the next write and the next read succeed', async () => {
    await using home = await openHome()
    await set(home.db, 'a')
    await server.stop('SIGQUIT')
    await server.start()
    await set(home.db, 'b')
    expect(await names(home.db)).toEqual(['a', 'b'])
  })

  test('a unit of work whose connection is lost writes nothing, neither before nor after', async () => {
    await using home = await openHome()
    const unit = home.db.transaction(async (tx) => {
      await set(tx, 'before')
      await server.query(
        'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()',
      )
      await set(tx, 'after').catch(() => {})
      await set(tx, 'later')
    })
    expect(await faultOf(unit)).toStartWith('unavailable: ')
    await set(home.db, 'next')
    expect(await names(home.db)).toEqual(['next'])
  })

  test('a unit of work that ignores the failure of a statement fails, as do those that share its commit', async () => {
    await using home = await openHome()
    const careless = home.db.transaction(async (tx) => {
      await set(tx, 'careless')
      await tx.run('INSERT INTO setting (name, value) VALUES (NULL, NULL)').catch(() => {})
    })
    const beside = home.db.transaction((tx) => set(tx, 'beside'))
    const faults = await Promise.all([faultOf(careless), faultOf(beside)])
    expect(faults.filter((fault) => fault.startsWith('resolved'))).toEqual([])
    expect(await names(home.db)).toEqual([])
  })

  test('the failure of one unit of work leaves those that share its commit alone', async () => {
    await using home = await openHome()
    const faults = await Promise.all([
      faultOf(set(home.db, 'a')),
      faultOf(
        home.db.transaction(async (tx) => {
          await set(tx, 'b')
          await set(tx, 'a')
        }),
      ),
      faultOf(set(home.db, 'c')),
      faultOf(home.db.transaction(async () => Promise.reject(new AppError('conflict', 'no')))),
      faultOf(set(home.db, 'd')),
    ])
    expect(faults.map((fault) => fault.split(':')[0])).toEqual([
      'resolved',
      'PostgresError',
      'resolved',
      'conflict',
      'resolved',
    ])
    expect(await names(home.db)).toEqual(['a', 'c', 'd'])
  })

  test('a connection that is lost during COMMIT leaves the outcome open, and the answer says so', async () => {
    await using home = await openHome()
    await server.query(`
    CREATE FUNCTION ${home.schema}.linger() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN IF NEW.name = 'slow' THEN PERFORM pg_sleep(1000); END IF; RETURN NULL; END $$;
    CREATE CONSTRAINT TRIGGER linger AFTER INSERT ON ${home.schema}.setting
      DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ${home.schema}.linger()`)
    const UNKNOWN =
      'unavailable: The database failed while it wrote this; it may or may not have been recorded, try again'
    const lost = faultOf(set(home.db, 'slow'))
    await until(async () => {
      const rows = await server.query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'",
      )
      return rows.length > 0
    })
    expect(await lost).toBe(UNKNOWN)
    // The server itself ends no COMMIT that takes long, since it would then succeed without its standby.
    expect(await faultOf(set(home.db, 'slow'))).toBe(UNKNOWN)
    await server.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'",
    )
    await set(home.db, 'quick')
    expect(await names(home.db)).toEqual(['quick'])
  })

  test('a replica that hangs in a transaction does not keep the others waiting', async () => {
    await using home = await openHome()
    await using other = await openHome(home.schema)
    const { promise: isOver, resolve: end } = Promise.withResolvers<void>()
    // As if the process were stopped: no statement, and no end of the transaction either.
    const holding = Promise.withResolvers<void>()
    const held = holdTurn(home.schema, holding.resolve, isOver)
    await holding.promise
    expect(await faultOf(set(other.db, 'a'))).toMatch(
      /^resolved: 1$|^unavailable: (?:Server busy, try again|The database takes too long to answer)$/,
    )
    await until(async () => (await faultOf(set(other.db, `b${Math.random()}`))) === 'resolved: 1')
    end()
    expect(await held).toBe('gone')
  })

  /** Takes the turn of a home in a process that then stands still, until the end is told. */
  const holdTurn = async (
    schema: string,
    onHeld: () => void,
    isOver: Promise<void>,
  ): Promise<'gone' | 'there'> => {
    const replica = Bun.spawn(
      [process.execPath, new URL('../../support/stopped-replica.ts', import.meta.url).pathname],
      {
        env: { ...process.env, HOME_ADDRESS: server.home(schema) },
        stdout: 'pipe',
        stderr: 'inherit',
      },
    )
    const reader = replica.stdout.getReader()
    await reader.read()
    replica.kill('SIGSTOP')
    onHeld()
    await isOver
    const [row] = await server.query<{ count: unknown }>(
      "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'",
    )
    replica.kill('SIGKILL')
    await replica.exited
    return Number(row?.count) === 0 ? 'gone' : 'there'
  }

  test('what a write depends on is read once its turn has come, and writes that arrive meanwhile share the turn', async () => {
    await using home = await openHome()
    await using other = await openHome(home.schema)
    const turn = { isHeld: false, isOver: false }
    const holding = other.db.transaction(async (tx) => {
      while (!turn.isOver) {
        await tx.run("UPDATE setting SET value = 'y' WHERE name = 'none'")
        turn.isHeld = true
        await Bun.sleep(20)
      }
    })
    await until(() => turn.isHeld)
    let read = 0
    const input = () => (read += 1)
    const first = faultOf(home.db.append({ input, size: 1, account: '' }))
    await until(async () => (await waitingForTurn()) === 1)
    const second = faultOf(home.db.append({ input, size: 1, account: '' }))
    expect(read).toBe(0)
    turn.isOver = true
    await holding
    expect(await Promise.all([first, second])).toEqual([NO_PROGRAM, NO_PROGRAM])
    expect(read).toBe(2)
  })

  /** Returns the number of replicas that wait for their turn. */
  const waitingForTurn = async (): Promise<number> => {
    const [row] = await server.query<{ count: unknown }>(
      "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'",
    )
    return Number(row?.count)
  }

  const NO_PROGRAM = 'Error: this database has no program'

  test('a server without a free connection is unavailable until it has one', async () => {
    await using home = await openHome()
    await server.query(`ALTER ROLE ${OTHER} CONNECTION LIMIT 0`)
    const other = new URL(server.home(home.schema))
    other.username = OTHER
    const refused = postgresClient({ address: postgresAddress(other.href), max: 1 })
    expect(await faultOf(refused.query('SELECT 1', []))).toBe(
      'unavailable: The database has no free connection; raise max_connections',
    )
    await server.query(`ALTER ROLE ${OTHER} CONNECTION LIMIT -1`)
    expect(await refused.query('SELECT 1 AS one', [])).toHaveLength(1)
    await refused.close()
  })

  test('opening and closing leaves no connection behind, even on a server that hangs', async () => {
    const before = await connections()
    const home = await openHome()
    await set(home.db, 'a')
    server.freeze()
    try {
      expect(await faultOf(set(home.db, 'b'))).toBe(LATE)
      expect(await faultOf(home.db.get('SELECT 1'))).toBe(LATE)
      await home.db.close()
    } finally {
      server.thaw()
    }
    await until(async () => (await connections()) === before)
  })
})
