import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { cpSync, existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { addAccount, tokenFor } from '../../support/accounts.ts'
import { bearer, clientOf } from '../../support/app.ts'
import { UNLIMITED, runCommand, startService, temporaryFolder } from '../../support/binary.ts'
import { CAN_POSTGRES, program, startPostgres } from '../../support/postgres-server.ts'
import { until } from '../../support/until.ts'

const local = { ...UNLIMITED, LOG_LEVEL: 'warn', DATA_DIR: './data' }

describe.if(CAN_POSTGRES)('a backup of a home on a server, at the compiled file', () => {
  let server: Awaited<ReturnType<typeof startPostgres>>
  let folder: string
  let token: string
  const folders: string[] = []

  /** A folder of another machine. */
  const elsewhere = (): string => {
    const other = temporaryFolder()
    folders.push(other)
    return other
  }
  const env = () => ({ ...local, DATABASE_URI: server.home('home') })
  const run = (...args: string[]) => runCommand(args, { folder, env: env() })
  const unlock = async (url: string, method: string): Promise<void> => {
    const sent = await clientOf(url).post('/v1/unlocks', { method }, bearer(token))
    expect(sent.status).toBe(200)
  }

  beforeAll(async () => {
    server = await startPostgres()
    folder = elsewhere()
    await addAccount('oli', { role: 'owner', folder, env: env() })
    await addAccount('ada', { folder, env: env() })
    await using service = await startService({ folder, env: env() })
    token = await tokenFor(service.url, 'ada')
    for (const method of ['pin', 'app', 'card']) await unlock(service.url, method)
    const backedUp = await run('backup', 'old.tar')
    expect(readdirSync(join(folder, 'data')).filter((name) => name.includes('copy'))).toEqual([])
    expect(backedUp).toMatchObject({ status: 0 })
    expect(backedUp.out).toStartWith('Backed up 3 events and all accounts to old.tar (')
    for (const method of ['later', 'latest']) await unlock(service.url, method)
    await run('user', 'erase', '--yes', 'ada')
    await service.stop()
  })
  afterAll(async () => {
    await server[Symbol.asyncDispose]()
    for (const one of folders) rmSync(one, { recursive: true })
  })

  test('is verified without the server', async () => {
    const other = elsewhere()
    cpSync(join(folder, 'old.tar'), join(other, 'old.tar'))
    const checked = await runCommand(['restore', '--check', 'old.tar'], {
      folder: other,
      env: local,
    })
    expect(checked).toMatchObject({ status: 0, words: '' })
    expect(checked.out).toStartWith('The backup is intact: 3 events and all accounts, as of 20')
  })

  test('is restored to a gateway without a server', async () => {
    const other = elsewhere()
    cpSync(join(folder, 'old.tar'), join(other, 'old.tar'))
    const restored = await runCommand(['restore', 'old.tar'], { folder: other, env: local })
    expect(restored.status).toBe(0)
    const verified = await runCommand(['log', 'verify'], { folder: other, env: local })
    expect(verified.out).toBe('The log is intact: 3 events\n')
  })

  test('is restored to another server', async () => {
    const other = elsewhere()
    cpSync(join(folder, 'old.tar'), join(other, 'old.tar'))
    const place = { ...local, DATABASE_URI: server.home('elsewhere') }
    const restored = await runCommand(['restore', 'old.tar'], { folder: other, env: place })
    expect(restored.status).toBe(0)
    const verified = await runCommand(['log', 'verify'], { folder: other, env: place })
    expect(verified.out).toBe('The log is intact: 3 events\n')
  })

  test('may be a dump by pg_dump, in one file with the keys and a manifest', async () => {
    const tools = { PATH: dirname(program('pg_dump')) }
    const address = server.home('home').replace('postgres@', 'postgres:hidden@')
    const dumped = await runCommand(['backup', '--pg-dump', 'dump.tar'], {
      folder,
      env: { ...env(), ...tools, DATABASE_URI: address },
    })
    expect(dumped).toMatchObject({ status: 0 })
    expect(dumped.out).toStartWith('Backed up 5 events and all accounts to dump.tar (')
    expect(dumped.out + dumped.words).not.toContain('hidden')
    expect(readdirSync(join(folder, 'data')).filter((name) => name.includes('.part'))).toEqual([])

    // Its checksums and its log are verified without the server.
    const other = elsewhere()
    cpSync(join(folder, 'dump.tar'), join(other, 'dump.tar'))
    const there = (...args: string[]) => runCommand(args, { folder: other, env: local })
    const checked = await there('restore', '--check', 'dump.tar')
    expect(checked).toMatchObject({ status: 0, words: '' })
    expect(checked.out).toStartWith('The backup is intact: 5 events and all accounts, as of 20')
    expect((await there('restore', 'dump.tar')).status).toBe(0)
    expect((await there('log', 'verify')).out).toBe('The log is intact: 5 events\n')

    // It can be restored to an empty schema too.
    const empty = elsewhere()
    const place = { ...local, DATABASE_URI: server.home('emptied') }
    const restored = await runCommand(['restore', join(other, 'dump.tar')], {
      folder: empty,
      env: place,
    })
    expect(restored.status).toBe(0)
    const verified = await runCommand(['log', 'verify'], { folder: empty, env: place })
    expect(verified.out).toBe('The log is intact: 5 events\n')

    // Any program that reads tar, and psql, can use it as well.
    expect(Bun.spawnSync(['tar', 'xf', 'dump.tar'], { cwd: other }).exitCode).toBe(0)
    await server.query('CREATE DATABASE from_tar')
    const loaded = Bun.spawnSync(
      [
        program('psql'),
        '--quiet',
        '--set',
        'ON_ERROR_STOP=1',
        '--file',
        'pg_dump.sql',
        server.url('from_tar'),
      ],
      { cwd: other },
    )
    expect(loaded.stderr.toString()).toBe('')
    const again = await runCommand(['log', 'verify'], {
      folder,
      env: { ...local, DATABASE_URI: server.home('home', 'from_tar') },
    })
    expect(again.out).toBe('The log is intact: 5 events\n')

    // A dump with one byte altered, and one without the keys.
    const altered = readFileSync(join(other, 'dump.tar'))
    altered.writeUInt8(altered.readUInt8(30_000) ^ 1, 30_000)
    writeFileSync(join(other, 'altered.tar'), altered)
    expect((await there('restore', '--check', 'altered.tar')).words).toContain(
      'pg_dump.sql is not what its manifest says',
    )
    expect((await there('restore', '--check', 'pg_dump.sql')).words).toContain(
      'it is a dump by pg_dump, without the keys',
    )
    const refused = await there('backup', '--pg-dump', 'none.tar')
    expect(refused).toMatchObject({ status: 2 })
    expect(refused.words).toContain('--pg-dump is for homes on a PostgreSQL server')
  })

  test('may be a pg_dump with the keys, which log verify verifies under any schema name', async () => {
    await server.query('CREATE DATABASE dumped')
    const dump = join(elsewhere(), 'home.sql')
    for (const [name, ...args] of [
      ['pg_dump', '--schema', 'home', '--file', dump, server.url()],
      ['psql', '--quiet', '--set', 'ON_ERROR_STOP=1', '--file', dump, server.url('dumped')],
    ] as const) {
      const ran = Bun.spawnSync([program(name), ...args])
      expect(ran.stderr.toString()).toBe('')
    }
    await server.query('ALTER SCHEMA home RENAME TO home_2', 'dumped')
    const other = elsewhere()
    const place = { ...local, DATABASE_URI: server.home('home_2', 'dumped') }
    const verify = () => runCommand(['log', 'verify'], { folder: other, env: place })
    expect((await verify()).status).toBe(1)
    cpSync(join(folder, 'data'), join(other, 'data'), { recursive: true })
    expect((await verify()).out).toBe((await run('log', 'verify')).out)
    await using service = await startService({ folder: other, env: place })
    expect((await clientOf(service.url).get('/readyz')).status).toBe(200)
    // Logging in writes to the audit trail, whose triggers then find their tables.
    expect(await tokenFor(service.url, 'oli')).toBeString()
    expect(await service.stop()).toBe(0)
  })

  test('replaces the home on the server, and records what is lost', async () => {
    const refused = await run('restore', 'old.tar')
    expect(refused.status).toBe(2)
    expect(refused.words).toContain('The current log has 5 events: the newest 2 will be lost.')
    expect((await run('log', 'verify')).out).toBe('The log is intact: 5 events\n')

    // As a home that has moved away, to which nobody can write otherwise.
    await server.query('UPDATE home.home SET has_left = true')
    const restored = await run('restore', '--yes', 'old.tar')
    expect(restored.status).toBe(0)
    expect(restored.out).toStartWith('Restored: 3 events and all accounts, as of 20')
    expect(restored.words).toContain('Erased again: 1 person')
    const [, kept = ''] = /The previous data is in (\S+);/.exec(restored.words) ?? []
    expect(readdirSync(kept)).toContain('server-home.db')
    expect(existsSync(join(folder, 'data/server-home.db'))).toBe(false)

    expect((await run('log', 'verify')).out).toBe('The log is intact: 4 events\n')
    expect((await run('user', 'list')).out).not.toContain('ada')
    await using service = await startService({ folder, env: env() })
    const { get } = clientOf(service.url)
    expect((await get('/readyz')).status).toBe(200)
    const loss = await server.query<{ reason: string; detail: string }>(
      `SELECT reason FROM home.unlock_event ORDER BY seq DESC LIMIT 1`,
    )
    expect(loss).toMatchObject([{ reason: 'unlocks_lost' }])
    expect((await run('restore', '--yes', 'old.tar')).words).toContain(
      'a service or another command uses it; stop that first',
    )
    // One that is killed keeps the lease of the leader, who creates backups, for a while.
    expect(await service.stop()).toBe(0)
  })

  test('is made by the service on a schedule, and encrypted', async () => {
    const backups = elsewhere()
    const scheduled = {
      ...env(),
      BACKUP_DIR: backups,
      BACKUP_PASSPHRASE: 'five words that nobody guesses',
    }
    await using service = await startService({ folder, env: scheduled })
    const find = () => readdirSync(backups).find((name) => name.endsWith('.tar.age'))
    await until(() => find() !== undefined)
    await service.stop()
    const other = elsewhere()
    const checked = await runCommand(['restore', '--check', join(backups, find() ?? '')], {
      folder: other,
      env: { ...local, BACKUP_PASSPHRASE: scheduled.BACKUP_PASSPHRASE },
    })
    expect(checked).toMatchObject({ status: 0, words: '' })
  })

  test('is intact while others record', async () => {
    await using service = await startService({ folder, env: env() })
    token = await tokenFor(service.url, 'oli')
    const load = { isOver: false }
    const recording = (async () => {
      while (!load.isOver) await unlock(service.url, 'meanwhile')
    })()
    expect(await run('backup', 'load.tar')).toMatchObject({ status: 0 })
    load.isOver = true
    await recording
    expect(await service.stop()).toBe(0)
    expect((await run('restore', '--check', 'load.tar')).out).toStartWith('The backup is intact: ')
  })
})
