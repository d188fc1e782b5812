import { SQL } from 'bun'
import { describe, expect, test } from 'bun:test'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  UNLIMITED,
  freePort,
  runCommand,
  startService,
  temporaryFolder,
} from '../../support/binary.ts'
import { PASSWORD, clientOf } from '../../support/app.ts'
import { CAN_POSTGRES, startPostgres } from '../../support/postgres-server.ts'
import { atTerminal } from '../../support/terminal.ts'
import { until } from '../../support/until.ts'

test('a missing BACKUP_DIR is a line of the start, and no stack trace in the log', async () => {
  const folder = temporaryFolder()
  const missing = join(folder, 'not mounted')
  const warning = `  warning    there is no folder ${missing} (BACKUP_DIR), so nothing is backed up: create it, or mount its disk\n`
  await using service = await startService({ folder, env: { BACKUP_DIR: missing } })
  await until(() => service.output().log.includes('"backup.create"'))
  await until(() => service.output().words.includes(warning))
  const { log } = service.output()
  expect(log).toContain(
    `"fault":"Cannot write the backup: there is no folder ${missing}","msg":"backup failed"`,
  )
  expect(log).not.toContain('"stack"')
  await service.stop()
  mkdirSync(missing)
  await using again = await startService({ folder, env: { BACKUP_DIR: missing } })
  await until(() => again.output().log.includes('"backup.create"'))
  expect(again.output().words).not.toContain('(BACKUP_DIR)')
  await again.stop()
  rmSync(folder, { recursive: true })
})

test('the log at a terminal is text unless LOG_FORMAT says otherwise, and otherwise JSON', async () => {
  const folder = temporaryFolder()
  const env = { HOST: '127.0.0.1', PORT: String(await freePort()), NO_COLOR: '1' }
  const asks = /started[^\n]*\n$/
  const shown = (more: Readonly<Record<string, string>>) =>
    atTerminal('serve', ['\u0003'], folder, { env: { ...env, ...more }, asks })
  expect((await shown({})).shown).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d info {3}started {2}/m)
  expect((await shown({ LOG_FORMAT: 'json' })).shown).toMatch(/^\{.*"msg":"started"\}\r$/m)
  await using service = await startService({ folder, env })
  await until(() => service.output().log.includes('"msg":"started"}'))
  await service.stop()
  rmSync(folder, { recursive: true })
})

test('an unknown TZ is logged at the start, HOME_ZONE avoids that, and an invalid HOME_ZONE ends the start', async () => {
  const folder = temporaryFolder()
  const started = async (env: Readonly<Record<string, string>>) => {
    await using service = await startService({ folder, env })
    await service.stop()
    return service.output().words
  }
  const warning = 'TZ is not a time zone that this program knows'
  expect(await started({ TZ: 'Middle/Earth' })).toContain(warning)
  expect(await started({ TZ: 'Middle/Earth', HOME_ZONE: 'Europe/Kiev' })).not.toContain(warning)
  expect(await started({ TZ: 'Europe/Berlin' })).not.toContain(warning)
  const refused = await runCommand(['serve'], { folder, env: { HOME_ZONE: 'EST' } })
  expect(refused.status).toBe(1)
  expect(refused.words).toContain('HOME_ZONE must be UTC or the name of a place')
  rmSync(folder, { recursive: true })
})

describe.if(CAN_POSTGRES)('what a start on a server prints for pasting', () => {
  /** Starts a service with its address in a setting, and runs the command that it prints. */
  const paste = async (
    setting: string,
    address: string,
    more: Readonly<Record<string, string>>,
  ) => {
    const folder = temporaryFolder()
    await using service = await startService({ folder, env: { ...UNLIMITED, [setting]: address } })
    await until(() => service.output().words.includes(' NAME\n'))
    const { words } = service.output()
    const [pasted = ''] = /env .* user add --role owner NAME$/m.exec(words) ?? []
    const shell = Bun.spawn(['sh', '-c', pasted.replace('NAME', 'oli')], {
      cwd: '/',
      env: { PATH: process.env['PATH'], ...more },
      stdin: Buffer.from(`${PASSWORD}\n`),
    })
    expect(await shell.exited).toBe(0)
    const login = { username: 'oli', password: PASSWORD }
    expect((await clientOf(service.url).post('/login', login)).status).toBe(200)
    await service.stop()
    rmSync(folder, { recursive: true })
    return words
  }

  test('reaches its home, and shows no password', async () => {
    await using server = await startPostgres()
    const plain = server.home('plain')
    expect(await paste('DATABASE_URI', plain, {})).toContain(`'DATABASE_URI=${plain}'`)

    const folder = temporaryFolder()
    const file = join(folder, 'address')
    writeFileSync(file, server.home('file').replace('@', ':hidden@'), { mode: 0o600 })
    const words = await paste('DATABASE_URI_FILE', file, {})
    expect(words).toContain(` DATABASE_URI_FILE=${file} `)
    expect(words).not.toContain('hidden')
    rmSync(folder, { recursive: true })

    const secret = server.home('secret').replace('@', ':hidden@')
    const told = await paste('DATABASE_URI', secret, { DATABASE_URI: secret })
    expect(told).toContain('or run with the same DATABASE_URI\n')
    expect(told).not.toContain('hidden')
  })
})

test.if(CAN_POSTGRES)(
  'a server that hangs once the service listens does not end the start, and what would be printed from it is left out',
  async () => {
    await using server = await startPostgres()
    const folder = temporaryFolder()
    const env = { ...UNLIMITED, DATABASE_URI: server.home('home') }
    const start = () => startService({ folder, env })
    await using first = await start()
    await until(() => first.output().words.includes('  code '))
    expect(await first.stop()).toBe(0)
    // Until then, the setup code cannot be stored.
    await using busy = new SQL(server.url(), { max: 1 })
    await busy.unsafe('BEGIN; LOCK TABLE home.setting IN SHARE MODE').simple()
    await using second = await start()
    await until(() => second.output().log.includes('"msg":"started"'))
    expect(second.output().words).toMatch(
      /^ {2}warning {4}The database takes too long to answer\. Further warnings and the setup code for a first owner are not shown/m,
    )
    expect(second.output().words).not.toContain('  code ')
    await busy.unsafe('ROLLBACK').simple()
    await until(async () => (await clientOf(second.url).get('/readyz')).status === 200)
    expect(await second.stop()).toBe(0)
    rmSync(folder, { recursive: true })
  },
)

test.if(CAN_POSTGRES)(
  'a start before PostgreSQL is ready waits for it and logs that once; a command gives up and says why',
  async () => {
    await using server = await startPostgres()
    // Then it answers as while it starts (SQLSTATE 57P03), for as long as it is a standby.
    await server.query('ALTER SYSTEM SET hot_standby = off')
    await server.stop()
    const isStandby = join(server.folder, 'data/standby.signal')
    writeFileSync(isStandby, '')
    await server.start({ waits: false })
    const folder = temporaryFolder()
    const env = { ...UNLIMITED, DATABASE_URI: server.home('home') }
    const refused = await runCommand(['user', 'list'], { folder, env })
    expect(refused).toMatchObject({
      status: 1,
      words: `Cannot open database ${server.home('home')}: The database is stopping or starting\n`,
    })
    const refusals = () => server.log().split('FATAL:  the database system is ').length
    const before = refusals()
    const starting = startService({ folder, env })
    await until(() => refusals() > before)
    await server.stop('SIGQUIT')
    rmSync(isStandby)
    await server.start()
    await using service = await starting
    await until(() => service.output().log.includes('"msg":"started"'))
    const said = [...service.output().log.matchAll(/"msg":"(waiting for the database|started)"/g)]
    expect(said.map(([, words]) => words)).toStrictEqual(['waiting for the database', 'started'])
    expect(service.output().log).toContain(
      '"reason":"The database is stopping or starting","msg":"waiting for the database"',
    )
    expect(await service.stop()).toBe(0)
    rmSync(folder, { recursive: true })
  },
)
