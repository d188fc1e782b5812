import { afterAll, describe, expect, test } from 'bun:test'
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { PostgresAddress } from '../../../src/config/postgres-address.ts'
import { loadDump } from '../../../src/storage/moving/dump-file.ts'
import { copyToFile } from '../../../src/storage/moving/home-file.ts'
import { sqliteHome } from '../../../src/storage/moving/sqlite-home.ts'
import { connect } from '../../../src/storage/postgres/client.ts'
import { openPostgres } from '../../../src/storage/postgres/open.ts'
import { dumpFault, pgDump } from '../../../src/storage/moving/pg-dump.ts'
import { temporaryFolder } from '../../support/binary.ts'
import { CAN_POSTGRES, program } from '../../support/postgres-server.ts'
import { useServer } from '../../support/replicas.ts'
import { until } from '../../support/until.ts'

/** Everything in a database file. */
const contentsOf = async (path: string) => {
  const home = sqliteHome(path)
  try {
    const tables: [string, unknown][] = []
    for (const table of home.tables)
      for await (const rows of home.read(table)) tables.push([table.name, rows])
    return { tables, numbers: await home.lastNumbers() }
  } finally {
    home.close()
  }
}

const opened = (postgres: PostgresAddress) =>
  openPostgres(postgres, {
    program: () => Promise.reject(new Error('this database has no program')),
  })

/** What a process of its own does. */
const ASKING = `
  const { pgDump } = await import(${JSON.stringify(Bun.resolveSync('../../../src/storage/moving/pg-dump.ts', import.meta.dir))})
  await pgDump(JSON.parse(process.env.ADDRESS), process.env.FILE, process.env.PATH)`

describe.if(CAN_POSTGRES)('a dump of a home by pg_dump', () => {
  const place = useServer()
  const folder = temporaryFolder()
  const file = (name: string): string => join(folder, name)
  const path = dirname(program('pg_dump'))
  afterAll(() => rmSync(folder, { recursive: true }))

  test('contains what a copy of the home does, whatever is in it', async () => {
    const { postgres } = place()
    const db = await opened(postgres)
    const texts = ['a\tb\nc\r\\d\b\f\v', '\\N', '', '\\x00', 'ä🔑\u2028', "'; --", '\\.', ' ']
    for (const [at, text] of texts.entries())
      await db.run('INSERT INTO setting (name, value) VALUES (?, ?)', `odd ${at}`, text)
    const bytes = new Uint8Array(256).map((_, at) => at)
    await db.run('INSERT INTO tree_node (number, hash) VALUES (?, ?)', 2 ** 53 - 1, bytes)
    // The number of a delivery is never used again.
    await db.run(
      "INSERT INTO target (id, kind, name, settings, secrets, rules, state, version, created_at_ms) VALUES ('t', 'webhook', 't', '{}', '', '', 'enabled', 1, 1)",
    )
    await db.run(
      "INSERT INTO delivery (target_id, event, created_at_ms, due_at_ms, state) VALUES ('t', 'unlock', 1, 1, 'waiting')",
    )
    await db.run('DELETE FROM delivery')
    await db.close()
    await pgDump(postgres, file('dump'), path)
    expect(statSync(file('dump')).mode & 0o777).toBe(0o600)
    await loadDump(file('dump'), file('dumped.db'), () => {})
    await copyToFile(postgres, file('copied.db'), () => {})
    const dumped = await contentsOf(file('dumped.db'))
    expect(dumped).toStrictEqual(await contentsOf(file('copied.db')))
    expect(dumped.numbers.get('delivery')).toBe(1n)
    const settings = dumped.tables.find(([name]) => name === 'setting')
    expect(JSON.stringify(settings)).toContain(JSON.stringify(texts[0]))

    const whole = readFileSync(file('dump'), 'utf8')
    const altered = async (text: string): Promise<string> => {
      writeFileSync(file('altered'), text)
      try {
        await loadDump(file('altered'), file('altered.db'), () => {})
        return 'loaded'
      } catch (error) {
        return error instanceof Error ? error.message : ''
      }
    }
    expect(await altered(whole.slice(0, whole.indexOf(' dump complete')))).toBe(
      'The dump is cut short',
    )
    expect(await altered(whole.replace(/^COPY \S+\.account .*$/m, ''))).toBe(
      'The dump has no table account',
    )
    expect(await altered(whole.replace(/^(COPY \S+\.setting \()name, /m, '$1'))).toBe(
      'The columns of the table setting differ in the dump',
    )
    const withRow = (table: string, row: string): Promise<string> =>
      altered(whole.replace(new RegExp(`^COPY \\S+\\.${table} .*$`, 'm'), `$&\n${row}`))
    const isDamaged = (what: string): string => `${what} is damaged in the dump`
    expect(await withRow('setting', 'a')).toBe(isDamaged('A row of setting'))
    for (const number of ['0x1', '9'.repeat(19)])
      expect(await withRow('tree_node', `${number}\t\\\\x00`)).toBe(isDamaged('A number'))
    for (const value of ['00', '\\\\xzz'])
      expect(await withRow('tree_node', `5\t${value}`)).toBe(isDamaged('A value'))
    expect(await withRow('recovery_code', '7\t\\\\x00')).toBe(
      'Cannot use the dump: the copy has a row that refers to one that is not there',
    )
    expect(await altered(`${'-'.repeat(17 * 1024 ** 2)}\n${whole}`)).toBe(isDamaged('A line'))
    // Only psql would run it.
    expect(await altered(whole.replace('\nSET ', `\n\\! touch ${file('touched')}\n$&`))).toBe(
      'loaded',
    )
    expect(existsSync(file('touched'))).toBe(false)
  })

  test('ends with the process that asked for it, and leaves nothing behind that goes on', async () => {
    const { postgres } = place()
    const db = await opened(postgres)
    await using busy = connect(postgres, { max: 1 })
    await busy.unsafe(`BEGIN; LOCK TABLE ${postgres.schema}.setting`).simple()
    const asking = Bun.spawn([process.execPath, '-e', ASKING], {
      env: { ADDRESS: JSON.stringify(postgres), FILE: file('killed'), PATH: path },
    })
    let pid: number | undefined
    await until(async () => {
      const found = await db.get<{ pid: number }>(
        "SELECT pid FROM pg_stat_activity WHERE application_name = 'pg_dump' AND query LIKE ?",
        `LOCK TABLE %${postgres.schema}%`,
      )
      pid = found?.pid
      return pid !== undefined
    })
    asking.kill('SIGKILL')
    await asking.exited
    await busy.unsafe('ROLLBACK').simple()
    await until(
      async () =>
        (await db.get('SELECT 1 FROM pg_stat_activity WHERE pid = ?', pid ?? 0)) === undefined,
    )
    await db.close()
    expect(statSync(file('killed')).size).toBe(0)
    // The next one replaces what was left.
    await pgDump(postgres, file('killed'), path)
    await loadDump(file('killed'), file('killed.db'), () => {})
  })

  test('says what is wrong: nothing to dump, no program, or one that is too old', async () => {
    const { postgres } = place()
    const fault = (where: string) =>
      pgDump(postgres, file('none'), where).catch((error: Error) => error.message)
    expect(await fault(path)).toBe('pg_dump failed: no matching schemas were found')
    expect(await fault(folder)).toStartWith('pg_dump is not on PATH: install the PostgreSQL client')
    expect(
      dumpFault(
        'pg_dump: error: aborting because of server version mismatch\npg_dump: detail: server version: 15.5 (Debian 15.5-1); pg_dump version: 13.4\n',
      ),
    ).toStartWith('pg_dump has version 13.4, and the server 15.5: install')
  })
})
