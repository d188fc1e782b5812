import { afterAll, describe, expect, test } from 'bun:test'
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { loadDump } from '../../../src/storage/moving/dump-file.ts'
import { copyToFile } from '../../../src/storage/moving/home-file.ts'
import { sqliteHome } from '../../../src/storage/moving/sqlite-home.ts'
import { openPostgres } from '../../../src/storage/postgres/open.ts'
import { dumpFault, pgDump } from '../../../src/storage/moving/pg-dump.ts'
import { temporaryFolder } from '../../support/binary.ts'
import { CAN_POSTGRES, program } from '../../support/postgres-server.ts'
import { useServer } from '../../support/replicas.ts'

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

describe.if(CAN_POSTGRES)('a dump of a home by pg_dump', () => {
  const place = useServer()
  const folder = temporaryFolder()
  const file = (name: string): string => join(folder, name)
  const path = dirname(program('pg_dump'))
  afterAll(() => rmSync(folder, { recursive: true }))

  test('contains what a copy of the home does, whatever is in it', async () => {
    const { postgres } = place()
    const db = await openPostgres(postgres, {
      program: () => Promise.reject(new Error('this database has no program')),
    })
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
