import { Database as Sqlite } from 'bun:sqlite'
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { postgresAddress } from '../../../src/config/postgres-address.ts'
import { copyToFile } from '../../../src/storage/moving/home-file.ts'
import { openServerHome } from '../../../src/storage/moving/server-target.ts'
import { openDatabase } from '../../../src/storage/open.ts'
import { temporaryFolder } from '../../support/binary.ts'
import { CAN_POSTGRES, startPostgres } from '../../support/postgres-server.ts'

const ROWS = 20
const TRIES = 400

type Column = {
  readonly name: string
  readonly type: 'INTEGER' | 'TEXT' | 'BLOB'
  readonly notnull: bigint
  readonly pk: bigint
  readonly hidden: bigint
}

type Value = bigint | string | Uint8Array | null

const INTEGER = fc.oneof(
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.constantFrom(0n, 1n, 2n, -1n, 2n ** 53n + 1n, 2n ** 63n - 1n, -(2n ** 63n)),
)

const TEXT = fc.oneof(
  fc.string({ unit: 'binary' }).map((text) => text.replaceAll('\0', '')),
  fc.constantFrom('', 'NULL', 'null', '{}', '{"a,b"}', '\\', '"', "'", '\\x00', ' a ', '\n\t\r'),
  fc.constantFrom('\uFEFFa', '🔑', 'e\u0301', '\u{10FFFF}', '\uFFFF', '\u0001', "O'Neil\\", 'a,b'),
)

const BLOB = fc.uint8Array({ maxLength: 40 })

const VALUES = { INTEGER, TEXT, BLOB } as const

/** Fills every table with values of every kind that its columns can hold. */
const fill = (path: string, draw: fc.GeneratorValue): number => {
  using db = new Sqlite(path, { strict: true, safeIntegers: true })
  db.run('PRAGMA foreign_keys = OFF')
  const all = <Row>(sql: string) => db.query<Row, []>(sql).all()
  const tables = all<{ name: string; sql: string }>(
    "SELECT name, sql FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite!_%' ESCAPE '!'",
  )
  const parents = new Map(
    tables.map(({ name }) => [
      name,
      new Map(
        all<{ table: string; from: string; to: string }>(
          `SELECT "table", "from", "to" FROM pragma_foreign_key_list('${name}')`,
        ).map((key) => [key.from, key]),
      ),
    ]),
  )
  const filled = new Set<string>()
  let rows = 0
  const fillTable = ({ name, sql }: { name: string; sql: string }): void => {
    if (filled.has(name)) return
    filled.add(name)
    for (const { table } of parents.get(name)?.values() ?? [])
      for (const parent of tables.filter((one) => one.name === table)) fillTable(parent)
    const columns = all<Column>(`SELECT * FROM pragma_table_xinfo('${name}')`).filter(
      ({ hidden }) => hidden === 0n,
    )
    // Satisfies its CHECKs.
    const words = [...sql.matchAll(/'([^']*)'/g)].map(([, word = '']) => word)
    words.push('2026-12-25', '2027-01-06')
    const known = new Map(
      [...(parents.get(name)?.values() ?? [])].map(({ from, table, to }) => [
        from,
        all<{ value: Value }>(`SELECT "${to}" AS value FROM "${table}"`).map(({ value }) => value),
      ]),
    )
    const valueOf = ({ name: column, type, notnull, pk }: Column, at: number): Value => {
      if (name === 'audit_event' && column === 'seq') return BigInt(at)
      if (notnull === 0n && pk === 0n && draw(fc.boolean)) return null
      const others = known.get(column)
      if (others) return draw(() => fc.constantFrom(...others))
      if (type === 'TEXT' && draw(fc.boolean)) return draw(() => fc.constantFrom(...words))
      return draw(() => VALUES[type] as fc.Arbitrary<Value>)
    }
    db.run(`DELETE FROM "${name}"`)
    const insert = db.query(
      `INSERT INTO "${name}" (${columns.map((column) => `"${column.name}"`).join(', ')}) VALUES (${columns.map(() => '?').join(', ')})`,
    )
    let inserted = 0
    for (let tries = 0; tries < TRIES && inserted < ROWS; tries += 1)
      try {
        insert.run(...columns.map((column) => valueOf(column, inserted)))
        inserted += 1
      } catch {
        // A constraint forbids this row.
      }
    expect({ name, isEmpty: inserted === 0 }).toStrictEqual({ name, isEmpty: false })
    rows += inserted
  }
  for (const table of tables) fillTable(table)
  return rows
}

/** All rows of a database file as SQL literals, by table. */
const contents = (path: string): Record<string, readonly unknown[]> => {
  using db = new Sqlite(path, { readonly: true })
  const tables = db
    .query<{ name: string }, []>(
      "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite!_%' ESCAPE '!'",
    )
    .all()
  return Object.fromEntries(
    tables.map(({ name }) => {
      const columns = db
        .query<{ name: string }, [string]>('SELECT name FROM pragma_table_xinfo(?) ORDER BY name')
        .all(name)
        .map((column) => `quote("${column.name}")`)
      return [
        name,
        db
          .query(`SELECT ${columns.join(', ')} FROM "${name}"`)
          .values()
          .map(String),
      ]
    }),
  )
}

describe.if(CAN_POSTGRES)('values of a database file', () => {
  let server: Awaited<ReturnType<typeof startPostgres>>
  let folder: string
  let homes = 0
  beforeAll(async () => {
    server = await startPostgres()
    folder = temporaryFolder()
  })
  afterAll(async () => {
    await server[Symbol.asyncDispose]()
    rmSync(folder, { recursive: true })
  })

  /** Moves a database file to a server and on to another file. Returns that file, and how many texts were changed. */
  const thereAndBack = async (path: string) => {
    homes += 1
    const address = postgresAddress(server.home(`home_${homes}`))
    const home = await openServerHome(address)
    const changed = await home.replaceWith(path, () => {})
    await home.close()
    const back = join(folder, `back-${homes}.db`)
    await copyToFile(address, back, () => {})
    return { back, changed }
  }

  const newFile = async (name: string): Promise<string> => {
    const path = join(folder, name)
    await openDatabase(path).close()
    return path
  }

  test('of every table and kind are the same after a move to a server and back', async () => {
    await fc.assert(
      fc.asyncProperty(fc.gen(), async (draw) => {
        const path = await newFile(`values-${homes}.db`)
        expect(fill(path, draw)).toBeGreaterThan(ROWS * 40)
        const { back, changed } = await thereAndBack(path)
        expect(changed).toBe(0)
        const before = contents(path)
        expect(Object.keys(before).length).toBeGreaterThan(50)
        expect(contents(back)).toStrictEqual(before)
      }),
      { numRuns: 1, endOnFailure: true },
    )
  })

  test('that are not UTF-8 or contain a NUL move as the service reads them, with U+FFFD for each NUL', async () => {
    const path = await newFile('odd.db')
    {
      using db = new Sqlite(path)
      db.run(
        "INSERT INTO holiday (date, name) VALUES ('2026-12-25', 'Christ' || char(0) || 'mas'), ('2026-12-26', CAST(x'61ff62' AS TEXT))",
      )
    }
    const { back, changed } = await thereAndBack(path)
    expect(changed).toBe(1)
    using db = new Sqlite(back, { readonly: true })
    expect(db.query('SELECT name FROM holiday ORDER BY date').values()).toStrictEqual([
      ['Christ\uFFFDmas'],
      ['a\uFFFDb'],
    ])
  })
})
