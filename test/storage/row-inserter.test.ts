import { Database } from 'bun:sqlite'
import { expect, test } from 'bun:test'
import { damageWatch } from '../../src/storage/sqlite/faults.ts'
import { queriesOn } from '../../src/storage/sqlite/queries.ts'
import { rowInserter } from '../../src/storage/row-inserter.ts'

const insertPeople = rowInserter({
  insert: 'INSERT INTO person (number, name)',
  columns: 2,
  ending: 'ON CONFLICT DO NOTHING',
})

const people = (count: number) => Array.from({ length: count }, (_, at) => [at, `name ${at}`])

const opened = () => {
  const connection = new Database(':memory:')
  connection.run('CREATE TABLE person (number INTEGER PRIMARY KEY, name TEXT)')
  return { connection, tx: queriesOn(connection, damageWatch().attempt) }
}

test.each([0, 1, 15, 16, 17, 32, 47, 512, 1041])(
  '%i rows are inserted and counted',
  async (count) => {
    const { connection, tx } = opened()
    expect(await insertPeople(tx, people(count))).toBe(count)
    const rows = connection.query('SELECT number, name FROM person ORDER BY number').values()
    expect(rows).toStrictEqual(people(count))
  },
)

test('rows that conflict are not counted', async () => {
  const { connection, tx } = opened()
  connection.run(`INSERT INTO person VALUES (3, 'ada'), (20, 'bea')`)
  expect(await insertPeople(tx, people(24))).toBe(22)
  const kept = connection.query('SELECT name FROM person WHERE number IN (3, 20)').values()
  expect(kept).toStrictEqual([['ada'], ['bea']])
})
