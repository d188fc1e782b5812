import { SQL } from 'bun'
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { addAccount, tokenFor } from '../../support/accounts.ts'
import { bearer, clientOf } from '../../support/app.ts'
import { CAN_FAKE, fakeTime } from '../../support/faketime.ts'
import { UNLIMITED, runCommand, startService, temporaryFolder } from '../../support/binary.ts'
import { CAN_POSTGRES, startPostgres } from '../../support/postgres-server.ts'
import { until } from '../../support/until.ts'

type Finding = { readonly check: string; readonly state: string; readonly says: string }

describe.if(CAN_POSTGRES)('doctor on a home on a server, at the compiled file', () => {
  let server: Awaited<ReturnType<typeof startPostgres>>
  let folder: string

  const env = () => ({
    ...UNLIMITED,
    LOG_LEVEL: 'warn',
    DATA_DIR: './data',
    DATABASE_URI: server.home('home').replace('postgres@', 'postgres:secret@'),
  })
  const doctor = async () => {
    const { out, words } = await runCommand(['doctor', '--json'], { folder, env: env() })
    expect(out + words).not.toContain('secret')
    return (JSON.parse(out) as { findings: readonly Finding[] }).findings
  }
  const found = (findings: readonly Finding[], name: string) =>
    findings.filter(({ check }) => check === name).map(({ state, says }) => `${state} ${says}`)

  beforeAll(async () => {
    server = await startPostgres({ hasFsync: true, settings: { synchronous_commit: 'on' } })
    folder = temporaryFolder()
    await addAccount('oli', { role: 'owner', folder, env: env() })
  })
  afterAll(async () => {
    await server[Symbol.asyncDispose]()
    rmSync(folder, { recursive: true })
  })

  test('checks the server and the log, and no file of a database', async () => {
    const findings = await doctor()
    expect(found(findings, 'database')).toHaveLength(1)
    expect(found(findings, 'database')[0]).toMatch(/^ok PostgreSQL \d+\.\d+, \d+ MiB, without TLS/)
    expect(found(findings, 'schema')).toStrictEqual(['ok 18'])
    expect(found(findings, 'durability')).toStrictEqual([
      'ok A COMMIT is on the database’s disk before it is acknowledged (synchronous_commit on)',
    ])
    expect(found(findings, 'replication')).toStrictEqual(['ok The database has no standby'])
    expect(found(findings, 'unlock log')).toStrictEqual(['ok The unlock log is intact: 0 entries'])
    for (const check of ['pragmas', 'write-ahead log'])
      expect(found(findings, check)).toStrictEqual([])
    expect(found(findings, 'files')).toHaveLength(1)
    expect(found(findings, 'files')[0]).toStartWith('ok ')
  })

  test('a replica whose keys are missing is told to copy them, not that the log is broken', async () => {
    const other = temporaryFolder()
    mkdirSync(join(other, 'data'), { mode: 0o700 })
    const { out } = await runCommand(['doctor', '--json'], { folder: other, env: env() })
    const { findings } = JSON.parse(out) as { findings: readonly Finding[] }
    const names = ['log-signing-key', 'second-factor-key', 'guess-key', 'jwt-secret-key']
    expect(found(findings, 'files')).toStrictEqual(
      names.map(
        (name) =>
          `fault ${join(other, 'data', name)} is missing; without the keys of its home, this replica does not start`,
      ),
    )
    expect(found(findings, 'unlock log')).toStrictEqual([])
    rmSync(other, { recursive: true })
  })

  test('the running service says so too, and hears of a standby that it does not wait for', async () => {
    await using service = await startService({ folder, env: env() })
    const token = await tokenFor(service.url, 'oli')
    const asked = async () => {
      const answer = await clientOf(service.url).get('/v1/doctor', bearer(token))
      return ((await answer.json()) as { findings: readonly Finding[] }).findings
    }
    expect(found(await asked(), 'replication')).toStrictEqual(['ok The database has no standby'])
    await using standby = await server.standby()
    await standby.query('SELECT pg_wal_replay_pause()')
    await server.query('CREATE TABLE public.unreplayed ()')
    // Not asked again: later, the standby may report how long it has been behind.
    const stuck =
      /^warning The standby \w+ does not keep up: it lacks [\d,]+ KiB that the database has written, and does not report for how long$/
    await until(async () => stuck.test(found(await asked(), 'replication')[0] ?? ''))
    await standby.query('SELECT pg_wal_replay_resume()')
    expect(await standby.query('SELECT pg_is_in_recovery() AS follows')).toMatchObject([
      { follows: true },
    ])
    await until(
      async () => found(await asked(), 'replication')[0]?.includes('does not wait') === true,
    )
    expect(found(await asked(), 'replication')).toStrictEqual([
      'warning The database does not wait for its 1 standby: a failover may lose unlocks that were acknowledged, and then the log stops',
    ])
  })

  test('a command that does not know where the service has its data says so', async () => {
    await using service = await startService({ folder, env: env() })
    const { DATABASE_URI: _, ...rest } = env()
    const words = `The service that runs here has its data at ${server.home('home')}`
    await until(async () => {
      const listed = await runCommand(['user', 'list'], { folder, env: rest })
      return listed.words.startsWith(`${words}: set DATABASE_URI, or name the file`)
    })
    const { out } = await runCommand(['doctor', '--json'], { folder, env: rest })
    const { findings } = JSON.parse(out) as { findings: readonly Finding[] }
    expect(found(findings, 'settings')).toStrictEqual([`fault ${words}`])
    expect(findings).toHaveLength(1)
    expect(await service.stop()).toBe(0)
  })

  test('a server that loses what it acknowledged is a fault', async () => {
    await server.query('ALTER DATABASE postgres SET synchronous_commit = off')
    expect(found(await doctor(), 'durability')).toStrictEqual([
      'fault The database acknowledges a COMMIT before it is on its disk (synchronous_commit is off): a crash loses unlocks that were acknowledged',
    ])
    await server.query('ALTER DATABASE postgres RESET synchronous_commit')
  })

  test('a server that does not keep what it acknowledged, or is about to refuse connections', async () => {
    await using careless = await startPostgres({
      settings: { full_page_writes: 'off', autovacuum: 'off', max_connections: '20' },
    })
    const homeThere = { ...env(), DATABASE_URI: careless.home('home') }
    const its = temporaryFolder()
    await addAccount('oli', { role: 'owner', folder: its, env: homeThere })
    const users = Array.from({ length: 15 }, () => new SQL(careless.url(), { max: 1 }))
    await Promise.all(users.map((user) => user.connect()))
    // Doctor reads it without waiting for the missing standby.
    await careless.query("ALTER SYSTEM SET synchronous_standby_names = 'b'")
    await careless.query('SELECT pg_reload_conf()')
    const { out } = await runCommand(['doctor', '--json'], { folder: its, env: homeThere })
    const { findings } = JSON.parse(out) as { findings: readonly Finding[] }
    expect(
      found(findings, 'durability').map((says) => /^fault .*\((\w+ is \w+)\)/.exec(says)?.[1]),
    ).toStrictEqual(['fsync is off', 'full_page_writes is off'])
    expect(found(findings, 'replication')).toStrictEqual([
      'fault No synchronous standby is connected, so the database waits for one before it acknowledges anything',
    ])
    expect(found(findings, 'connections')[0]).toMatch(
      /^warning 1[6-9] of 20 connections of the database are in use$/,
    )
    expect(found(findings, 'vacuum')[0]).toStartWith('warning The database never frees')
    await Promise.all(users.map((user) => user.close({ timeout: 0 })))
    rmSync(its, { recursive: true })
  })

  test('a schema that somebody has changed is a finding that says what to do', async () => {
    const schema = async () => {
      const { out, status } = await runCommand(['doctor', '--json'], { folder, env: env() })
      const { findings } = JSON.parse(out) as { findings: readonly (Finding & { fix?: string })[] }
      expect(findings.at(-1)?.check).toBe('schema')
      return { status, says: found(findings, 'schema')[0], fix: findings.at(-1)?.fix }
    }
    const undo = 'undo the change with psql, or drop the schema and restore a backup'
    await server.query('ALTER TABLE home.setting RENAME TO gone')
    expect(await schema()).toStrictEqual({
      status: 1,
      says: 'fault not what this server created: missing column setting.name, missing column setting.value',
      fix: undo,
    })
    await server.query('ALTER TABLE home.gone RENAME TO setting')
    await server.query(`
      CREATE FUNCTION home.spy() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
      CREATE TRIGGER spy AFTER INSERT ON home.setting EXECUTE FUNCTION home.spy()`)
    expect(await schema()).toStrictEqual({
      status: 1,
      says: 'fault not what this server created: foreign trigger spy on setting',
      fix: undo,
    })
    await server.query('DROP FUNCTION home.spy CASCADE')
    await server.query('UPDATE home.home SET schema_version = schema_version + 1')
    expect(await schema()).toStrictEqual({
      status: 1,
      says: 'fault 19 is newer than 18, the newest this version knows',
      fix: 'use the version that wrote it, or a later one',
    })
    await server.query('UPDATE home.home SET schema_version = schema_version - 1')
  })

  test.if(CAN_FAKE)('a clock that differs from that of this machine is a warning', async () => {
    const { out } = await runCommand(['doctor', '--json'], {
      folder,
      env: { ...env(), ...fakeTime('+5m') },
    })
    const { findings } = JSON.parse(out) as { findings: readonly Finding[] }
    expect(found(findings, 'clock of the database')[0]).toMatch(
      /^warning The clock of the database is (?:29\d|30\d) seconds behind that of this machine$/,
    )
  })

  test('says that a home is not there, or that its server does not answer', async () => {
    const elsewhere = await runCommand(['doctor', '--json'], {
      folder,
      env: { ...env(), DATABASE_URI: server.home('nothing') },
    })
    expect(elsewhere.status).toBe(1)
    const { findings } = JSON.parse(elsewhere.out) as { findings: readonly Finding[] }
    expect(found(findings, 'database')).toStrictEqual([
      `fault There is no home yet at ${server.home('nothing')}`,
    ])
    await server.stop()
    expect(found(await doctor(), 'database')).toStrictEqual([
      `fault Cannot open database ${server.home('home')}: The database cannot be reached`,
    ])
    await server.start()
  })
})
