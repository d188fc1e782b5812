import { Database } from 'bun:sqlite'
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { SQL } from 'bun'
import { cpSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { addAccount, tokenFor } from '../support/accounts.ts'
import { bearer, clientOf } from '../support/app.ts'
import { BINARY, UNLIMITED, runCommand, startService, temporaryFolder } from '../support/binary.ts'
import { CAN_POSTGRES, startPostgres } from '../support/postgres-server.ts'
import { atTerminal } from '../support/terminal.ts'
import { until } from '../support/until.ts'

const env = { ...UNLIMITED, LOG_LEVEL: 'warn', DATA_DIR: './data' }
const FILE = 'data/secure-lock.db'

/** A stopped gateway with people, unlocks, a receipt and a token. */
const gateway = async () => {
  const folder = temporaryFolder()
  await addAccount('oli', { role: 'owner', folder, env })
  await addAccount('a"d\\a', { folder, env })
  await using service = await startService({ folder, env })
  const { get, post } = clientOf(service.url)
  const token = await tokenFor(service.url, 'a"d\\a')
  for (const method of ['pin', 'Schlüssel 🔑', 'NULL'])
    await post('/logUnlocking', { 'unlocking-method': method }, bearer(token))
  const sent = await post('/v1/unlocks', { method: 'app' }, bearer(token))
  const { id } = (await sent.json()) as { id: string }
  const receipt = await (await get(`/v1/unlocks/${id}/receipt`, bearer(token))).text()
  await service.stop()
  writeFileSync(join(folder, 'receipt'), receipt)
  return { folder, token }
}

/** The checkpoint in a database file. */
const checkpointIn = (file: string): unknown => {
  using db = new Database(file, { readonly: true })
  return db.query<{ checkpoint: string }, []>('SELECT checkpoint FROM log_head').get()?.checkpoint
}

describe.if(CAN_POSTGRES)('migrate, at the compiled file', () => {
  let server: Awaited<ReturnType<typeof startPostgres>>
  let home: Awaited<ReturnType<typeof gateway>>
  const folders: string[] = []
  let schemas = 0

  beforeAll(async () => {
    server = await startPostgres()
    home = await gateway()
  })
  afterAll(async () => {
    await server[Symbol.asyncDispose]()
    for (const folder of [home.folder, ...folders]) rmSync(folder, { recursive: true })
  })

  /** A copy of the gateway, and a place for it on the server. */
  const copied = () => {
    const folder = temporaryFolder()
    folders.push(folder)
    cpSync(home.folder, folder, { recursive: true })
    schemas += 1
    const schema = `home_${schemas}`
    const uri = server.home(schema).replace('postgres@', 'postgres:secret@')
    const onServer = { ...env, DATABASE_URI: uri }
    writeFileSync(join(folder, 'address'), `${uri}\n`)
    return {
      folder,
      schema,
      uri,
      onServer,
      shown: server.home(schema),
      file: join(folder, FILE),
      run: (...args: string[]) => runCommand(args, { folder, env }),
      runThere: (...args: string[]) => runCommand(args, { folder, env: onServer }),
    }
  }

  const checkpointThere = async (schema: string): Promise<unknown> =>
    (await server.query<{ checkpoint: string }>(`SELECT checkpoint FROM ${schema}.log_head`))[0]
      ?.checkpoint

  test('brings people, log and keys to a server, where old receipts and tokens are valid', async () => {
    const { folder, run, runThere, schema, shown, file, onServer } = copied()
    const moved = await run('migrate', '--to-file', 'address')
    expect(moved).toMatchObject({ status: 0, words: '' })
    expect(moved.out).toContain(`rows to ${shown} in`)
    expect(moved.out).toContain('The log is intact there: 5 entries, with the same checkpoint.')
    expect(moved.out).not.toContain('secret')
    expect(moved.out).toContain(
      `Set DATABASE_URI_FILE to ${join(folder, 'address')}, then start the service.`,
    )
    expect(await checkpointThere(schema)).toBe(checkpointIn(file))
    const verified = await runThere('log', 'verify', '--checkpoint', 'receipt')
    expect(verified).toMatchObject({ status: 0, words: '' })
    expect(verified.out).toBe('The log is intact: 5 events, and extends receipt\n')
    const [record] = await server.query<{ kind: string; body: string }>(
      `SELECT kind, body FROM ${schema}.log_record ORDER BY seq DESC LIMIT 1`,
    )
    expect(record?.kind).toBe('home.moved')
    expect(JSON.parse(record?.body ?? '')).toStrictEqual({ by: 'command line', to: shown })
    await using service = await startService({ folder, env: onServer })
    await until(() => service.output().words.includes(`data       ${shown}\n`))
    const { get } = clientOf(service.url)
    const me = await get('/v1/me', bearer(home.token))
    expect(await me.json()).toMatchObject({ username: 'a"d\\a' })
    const mine = (await (await get('/v1/unlocks', bearer(home.token))).json()) as {
      unlocks: { method: string }[]
    }
    expect(mine.unlocks.map(({ method }) => method)).toStrictEqual([
      'app',
      'NULL',
      'Schlüssel 🔑',
      'pin',
    ])
  })

  test('may take longer than transactions of its user may be idle', async () => {
    const { run, schema } = copied()
    await server.query('CREATE ROLE hurried SUPERUSER LOGIN')
    await server.query("ALTER ROLE hurried SET idle_in_transaction_session_timeout = '1ms'")
    const uri = server.home(schema).replace('postgres@', 'hurried@')
    expect(await run('migrate', '--to', uri)).toMatchObject({ status: 0, words: '' })
  })

  test('leaves a database that no longer starts, and says where the home is now', async () => {
    const { run, shown } = copied()
    expect(await run('migrate', '--to-file', 'address')).toMatchObject({ status: 0 })
    for (const args of [['serve'], ['user', 'list'], ['migrate', '--to-file', 'address']]) {
      const refused = await run(...args)
      expect(refused).toMatchObject({ status: 1, out: '' })
      expect(refused.words).toStartWith(`This home moved to ${shown} on 20`)
      expect(refused.words).toContain('run secure-lock-server migrate --undo')
    }
    const undone = await run('migrate', '--undo', '--yes')
    expect(undone.out).toBe(
      `The home is in this database again. Do not start the one at ${shown}.\n`,
    )
    expect(await run('log', 'verify')).toMatchObject({ out: 'The log is intact: 6 events\n' })
    expect((await run('migrate', '--undo')).words).toBe(
      'The home has not moved from this database\n',
    )
    const again = await run('migrate', '--to-file', 'address')
    expect(again.words).toBe(`There is a home at ${shown} already: choose another place\n`)
    expect(await run('log', 'verify')).toMatchObject({ status: 0 })
  })

  test('brings a home back to a file with what was recorded on the server', async () => {
    const { folder, run, runThere, schema, file, onServer, shown } = copied()
    await run('migrate', '--to-file', 'address')
    await using service = await startService({ folder, env: onServer })
    const { post } = clientOf(service.url)
    const sent = await post('/v1/unlocks', { method: 'there' }, bearer(home.token))
    expect(sent.status).toBe(200)
    await service.stop()
    const back = await runThere('migrate', '--to', `sqlite:///${FILE}`)
    expect(back).toMatchObject({ status: 0, words: '' })
    expect(back.out).toContain('The log is intact there: 7 entries, with the same checkpoint.')
    expect(back.out).toContain(
      'Remove DATABASE_URI and DATABASE_URI_FILE from the settings, then start the service.',
    )
    expect(checkpointIn(file)).toBe(await checkpointThere(schema))
    expect(readdirSync(join(folder, 'data')).some((name) => name.includes('.db.moved-20'))).toBe(
      true,
    )
    expect((await runThere('user', 'list')).words).toStartWith(
      `This home moved to ${join(folder, FILE)} on 20`,
    )
    const verified = await run('log', 'verify', '--checkpoint', 'receipt')
    expect(verified.out).toBe('The log is intact: 7 events, and extends receipt\n')
    // A gateway with a file may replace its keys.
    rmSync(join(folder, 'data/jwt-secret-key'))
    // What a home left on a server is set aside there, too.
    const again = await run('migrate', '--to-file', 'address')
    expect(again).toMatchObject({ status: 0 })
    expect(again.out).toContain(shown)
    const kept = await server.query<{ name: string }>(
      `SELECT nspname AS name FROM pg_namespace WHERE nspname LIKE '${schema}\\_moved\\_%'`,
    )
    expect(kept).toHaveLength(1)
    expect(await runThere('log', 'verify')).toMatchObject({ out: 'The log is intact: 8 events\n' })
  })

  test('refuses while a service runs, on either side', async () => {
    const { folder, run, runThere, file, onServer } = copied()
    const local = await startService({ folder, env })
    expect((await run('migrate', '--to-file', 'address')).words).toContain(
      'a service or another command uses it; stop that first',
    )
    await local.stop()
    expect(await run('migrate', '--to-file', 'address')).toMatchObject({ status: 0 })
    const there = await startService({ folder, env: onServer })
    // From another machine, which has no lock in this folder.
    const elsewhere = temporaryFolder()
    folders.push(elsewhere)
    cpSync(folder, elsewhere, { recursive: true })
    const refused = await runCommand(['migrate', '--to', `sqlite:///${FILE}.new`], {
      folder: elsewhere,
      env: onServer,
    })
    expect(refused.words).toContain('a service or another command uses it; stop that first')
    expect(await there.stop()).toBe(0)
    expect(await runThere('migrate', '--to', `sqlite:///${FILE}.new`)).toMatchObject({ status: 0 })
    expect(checkpointIn(`${file}.new`)).toBeString()
  })

  test('refuses a place with another home, a newer one, and its own', async () => {
    const { run, schema, uri, file } = copied()
    expect(await copied().run('migrate', '--to', uri)).toMatchObject({ status: 0 })
    const occupied = await run('migrate', '--to', uri)
    expect(occupied.status).toBe(1)
    expect(occupied.words).toContain('already: choose another place')
    await server.query(`UPDATE ${schema}.home SET schema_version = 99`)
    const newer = await run('migrate', '--to', uri)
    expect(newer.status).toBe(1)
    expect(newer.words).toContain('newer than')
    expect((await run('migrate', '--to', `sqlite:///${FILE}`)).words).toBe(
      `The home is already at ${file}\n`,
    )
    expect(await run('log', 'verify')).toMatchObject({ status: 0 })
  })

  test('continues after a kill: nothing is in either place twice, and neither starts before', async () => {
    const { folder, run, runThere, schema, uri, file, shown } = copied()
    // An empty home, one table of which another session holds, so that the copy waits for it.
    await copied().run('migrate', '--to', uri)
    const tables: readonly { name: string }[] = await server.query(
      `SELECT tablename AS name FROM pg_tables WHERE schemaname = '${schema}' AND tablename <> 'home'`,
    )
    await server.query(
      `TRUNCATE ${tables.map(({ name }) => `${schema}.${name}`).join(', ')};
       INSERT INTO ${schema}.account_number (id, newest) VALUES (1, 0)`,
    )
    const holder = new SQL(server.url(), { max: 1 })
    await holder.unsafe(`BEGIN; LOCK TABLE ${schema}.unlock_event IN SHARE MODE`).simple()
    const moving = Bun.spawn([BINARY, 'migrate', '--to', uri], {
      cwd: folder,
      env,
      stdio: ['ignore', 'ignore', 'ignore'],
    })
    await until(async () => {
      const waiting = await server.query('SELECT 1 FROM pg_locks WHERE NOT granted')
      return waiting.length > 0
    })
    moving.kill('SIGKILL')
    await moving.exited
    await holder.close({ timeout: 0 })
    const refused = await run('serve')
    expect(refused.status).toBe(1)
    expect(refused.words).toStartWith(
      `The move of this home to ${shown} was interrupted: run the same secure-lock-server migrate command again`,
    )
    expect(await run('migrate', '--to', uri)).toMatchObject({ status: 0 })
    expect(await checkpointThere(schema)).toBe(checkpointIn(file))
    expect(await runThere('log', 'verify')).toMatchObject({ out: 'The log is intact: 5 events\n' })
  })

  test('ends a move that was killed after all had arrived', async () => {
    const { run, file, shown } = copied()
    await run('migrate', '--to-file', 'address')
    using db = new Database(file)
    db.run(
      `UPDATE setting SET value = json_set(value, '$.isDone', json('false')) WHERE name = 'moved_to'`,
    )
    expect((await run('user', 'list')).words).toContain('was interrupted')
    expect(await run('migrate', '--to-file', 'address')).toMatchObject({ status: 0 })
    expect((await run('user', 'list')).words).toStartWith(`This home moved to ${shown}`)
  })

  test('stays where it is if something cannot be copied', async () => {
    const { folder, run, file, schema } = copied()
    using db = new Database(file)
    const setMethod = (method: string) =>
      db.run('UPDATE unlock_event SET method = ? WHERE seq = 1', [method])
    setMethod('Schlüssel\0')
    const failed = await run('migrate', '--to-file', 'address')
    expect(failed).toMatchObject({
      status: 1,
      words: `Cannot copy unlock_event: a text contains a NUL character, which PostgreSQL cannot store, and the log commits to this text: erase the account it is about with secure-lock-server user erase, or stay with the file\n`,
    })
    expect(await server.query(`SELECT 1 FROM ${schema}.account`)).toStrictEqual([])
    setMethod('Schlüssel 🔑')
    await using service = await startService({ folder, env })
    expect((await clientOf(service.url).get('/readyz')).status).toBe(200)
    const records = db.query('SELECT kind FROM log_record ORDER BY seq').values()
    expect(records).toStrictEqual([['home.moved'], ['home.move_undone']])
    await service.stop()
    db.run("INSERT INTO holiday (date, name) VALUES ('2026-12-25', 'Christ' || char(0) || 'mas')")
    const moved = await run('migrate', '--to-file', 'address')
    expect(moved).toMatchObject({ status: 0, words: '' })
    expect(moved.out).toContain(
      '1 text contains a NUL character, which PostgreSQL cannot store: U+FFFD replaces it there.\n',
    )
  })

  test('refuses a home whose log is broken, which still starts where it is', async () => {
    const { folder, run, file, schema } = copied()
    using db = new Database(file)
    const setMethod = (method: string) =>
      db.run('UPDATE unlock_event SET method = ? WHERE seq = 1', [method])
    setMethod('crowbar')
    const refused = await run('migrate', '--to-file', 'address')
    expect(refused).toMatchObject({
      status: 1,
      out: '',
      words: 'The copied log is broken. Event 1: its account, name or method was changed\n',
    })
    expect(await server.query(`SELECT 1 FROM ${schema}.account`)).toStrictEqual([])
    await using service = await startService({ folder, env })
    const sent = clientOf(service.url).post('/v1/unlocks', { method: 'pin' }, bearer(home.token))
    expect((await sent).status).toBe(200)
    await service.stop()
    // Once the log is as it was, the home moves with what was recorded meanwhile.
    setMethod('Schlüssel 🔑')
    const moved = await run('migrate', '--to-file', 'address')
    expect(moved).toMatchObject({ status: 0, words: '' })
    expect(moved.out).toContain('The log is intact there: 8 entries')
  })

  test('shows at a terminal what it does', async () => {
    const { folder, shown: place } = copied()
    const { status, shown } = await atTerminal('migrate --to-file address', [], folder, { env })
    expect(status).toBe(0)
    const steps = ['Copying: ', 'Comparing: ', 'Verifying the log: ', `to ${place} in`]
    const found = steps.map((step) => shown.indexOf(step))
    expect(found).not.toContain(-1)
    expect(found.toSorted((left, right) => left - right)).toStrictEqual(found)
  })

  test('needs to be told where', async () => {
    const { run } = copied()
    expect(await run('migrate')).toMatchObject({ status: 2 })
    const wrong = await run('migrate', '--to', 'postgres://nowhere')
    expect(wrong).toMatchObject({ status: 1 })
    expect(wrong.words).toContain('DATABASE_URI must look like postgres://')
  })
})
