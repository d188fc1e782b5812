import { Database } from 'bun:sqlite'
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import { postgresAddress } from '../../../src/config/postgres-address.ts'
import { copyFromServer } from '../../../src/cli/backup/server-home.ts'
import { openServerHome } from '../../../src/storage/moving/server-target.ts'
import { openPostgres } from '../../../src/storage/postgres/open.ts'
import { openServerReadOnly } from '../../../src/storage/postgres/read-only.ts'
import { temporaryFolder } from '../../support/binary.ts'
import { CAN_PGBOUNCER, startPgBouncer } from '../../support/pgbouncer.ts'
import { CAN_POSTGRES, startPostgres } from '../../support/postgres-server.ts'
import { until } from '../../support/until.ts'

const program = () => Promise.reject(new Error('this database has no program'))

/** Uses a home while `work` runs. */
const withLockOf = async <Result>(
  address: string,
  work: () => Promise<Result>,
): Promise<Result> => {
  const db = await openPostgres(postgresAddress(address), { program })
  try {
    return await work()
  } finally {
    await db.close()
  }
}

describe.if(CAN_POSTGRES && CAN_PGBOUNCER)('behind PgBouncer', () => {
  let server: Awaited<ReturnType<typeof startPostgres>>
  beforeAll(async () => {
    server = await startPostgres()
  })
  afterAll(() => server[Symbol.asyncDispose]())

  const openAt = async (address: string) => {
    let wasTold = false
    let calls = 0
    const db = await openPostgres(postgresAddress(address), {
      program,
      onPooler: () => (wasTold = true),
      onForeignCommit: async () => void (calls += 1),
    })
    return {
      db,
      wasTold: () => wasTold,
      calls: () => calls,
      [Symbol.asyncDispose]: () => db.close(),
    }
  }

  test('homes in two schemas of one database never see one another', async () => {
    await using pooler = await startPgBouncer(server.port, 'transaction')
    await using red = await openAt(pooler.home('red'))
    await using blue = await openAt(pooler.home('blue'))
    expect([red.wasTold(), blue.wasTold()]).toEqual([true, true])
    const work = async ({ db }: typeof red, colour: string) => {
      for (let at = 0; at < 100; at += 1) {
        const value = `${colour}${at}`
        await db.transaction(async (tx) => {
          await tx.run(
            `INSERT INTO setting (name, value) VALUES ('last', ?)
             ON CONFLICT (name) DO UPDATE SET value = excluded.value`,
            value,
          )
          const row = await tx.get<{ value: string }>(
            "SELECT value FROM setting WHERE name = 'last'",
          )
          expect(row?.value).toBe(value)
        })
        const rows = await Promise.all(
          Array.from({ length: 4 }, () =>
            db.get<{ value: string }>("SELECT value FROM setting WHERE name = 'last'"),
          ),
        )
        expect(rows.map((row) => row?.value)).toEqual([value, value, value, value])
      }
    }
    await Promise.all([work(red, 'red'), work(blue, 'blue')])
    const colours = await Promise.all(
      [red, blue].map(({ db }) =>
        db.all<{ value: string }>("SELECT value FROM setting WHERE name = 'last'"),
      ),
    )
    expect(colours).toEqual([[{ value: 'red99' }], [{ value: 'blue99' }]])
  })

  test('commits of others are seen by looking, and heard with the address of the server', async () => {
    await using pooler = await startPgBouncer(server.port, 'transaction')
    await using looking = await openAt(pooler.home('green'))
    await using listening = await openAt(`${pooler.home('green')}&direct=127.0.0.1:${server.port}`)
    expect([looking.wasTold(), listening.wasTold()]).toEqual([true, false])
    const listens = async () =>
      (await server.query("SELECT 1 FROM pg_stat_activity WHERE query LIKE 'LISTEN%'")).length
    await until(async () => (await listens()) === 1)
    const [before, beforeToo] = [looking.calls(), listening.calls()]
    const other = await openAt(server.home('green'))
    await other.db.run("INSERT INTO setting (name, value) VALUES ('a', 'x')")
    await until(() => looking.calls() > before && listening.calls() > beforeToo)
    await other.db.close()
  })

  test('statements are JIT-compiled there, unless that is turned off for the user', async () => {
    const jitAt = async () => {
      await using pooler = await startPgBouncer(server.port, 'transaction')
      await using home = await openAt(pooler.home('compiled'))
      return (await home.db.get<{ jit: string }>("SELECT current_setting('jit') AS jit"))?.jit
    }
    expect(await jitAt()).toBe('on')
    await server.query('ALTER ROLE postgres SET jit = off')
    expect(await jitAt()).toBe('off')
    await server.query('ALTER ROLE postgres RESET jit')
  })

  test('a home cannot be taken alone without the address of the server', async () => {
    await using pooler = await startPgBouncer(server.port, 'transaction')
    const opening = openPostgres(postgresAddress(pooler.home('alone')), { program, use: 'alone' })
    expect(await opening.catch((error: unknown) => String(error))).toEndWith(
      'this needs a connection to the server itself, not to a pooler; add direct=host:port to DATABASE_URI',
    )
  })

  test('a home is restored only with the address of the server, and backed up without it', async () => {
    await using pooler = await startPgBouncer(server.port, 'transaction')
    await using home = await openAt(pooler.home('copied'))
    await home.db.run("INSERT INTO setting (name, value) VALUES ('a', 'x')")
    const fault = await openServerHome(postgresAddress(pooler.home('copied'))).catch(String)
    expect(fault).toEndWith('add direct=host:port to DATABASE_URI')
    const path = join(temporaryFolder(), 'copy.db')
    await copyFromServer(postgresAddress(pooler.home('copied')), path, () => {})
    using copy = new Database(path)
    const named = (name: string) =>
      copy.query('SELECT value FROM setting WHERE name = ?').values(name)
    expect(named('a')).toStrictEqual([['x']])
    copy.run("UPDATE setting SET value = 'y' WHERE name = 'a'")
    copy.close()
    const direct = postgresAddress(`${pooler.home('copied')}&direct=127.0.0.1:${server.port}`)
    const inUse = await withLockOf(server.home('copied'), () =>
      openServerHome(direct).catch(String),
    )
    expect(inUse).toEndWith('a service or another command uses it; stop that first')
    const alone = await openServerHome(direct)
    await alone.replaceWith(path, () => {})
    await alone.close()
    expect(await home.db.all("SELECT value FROM setting WHERE name = 'a'")).toEqual([
      { value: 'y' },
    ])
  })

  test('commands that only read do so through it', async () => {
    await using pooler = await startPgBouncer(server.port, 'transaction')
    await using home = await openAt(pooler.home('read'))
    await home.db.run("INSERT INTO setting (name, value) VALUES ('a', 'x')")
    const db = await openServerReadOnly(postgresAddress(pooler.home('read')))
    for (let at = 0; at < 5; at += 1)
      expect(await db.get('SELECT name FROM setting WHERE value = ?', 'x')).toEqual({ name: 'a' })
    db.close()
  })

  test('a pooler that gives each session a connection of its own is one, too', async () => {
    await using pooler = await startPgBouncer(server.port, 'session')
    await using home = await openAt(pooler.home('of_session'))
    expect(home.wasTold()).toBe(true)
    await home.db.run("INSERT INTO setting (name, value) VALUES ('a', 'x')")
    expect(await home.db.all("SELECT name FROM setting WHERE value = 'x'")).toEqual([{ name: 'a' }])
  })

  test('a pooler that lets parameters pass, and gives each session a connection, is like the server', async () => {
    await using pooler = await startPgBouncer(
      server.port,
      'session',
      'ignore_startup_parameters = jit, default_transaction_isolation',
    )
    await using home = await openAt(pooler.home('like_server'))
    expect(home.wasTold()).toBe(false)
  })
})
