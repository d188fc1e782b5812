import { expect, test } from 'bun:test'
import { dialect } from '../../../src/storage/postgres/dialect.ts'

const translated = dialect('home_1', ['access_grant', 'attempt'])

const LIST = 'CAST(CAST($1 AS text) AS json)'

test('rows of a list are looked up by an index, not found by comparing all rows', () => {
  expect(translated('SELECT * FROM attempt WHERE id IN (SELECT value FROM json_each(?))')).toBe(
    `SELECT * FROM home_1.attempt WHERE id = ANY (ARRAY(SELECT value FROM json_array_elements_text(${LIST})))`,
  )
  expect(
    translated('DELETE FROM attempt WHERE id NOT IN (SELECT value FROM json_each(?))'),
  ).toContain('NOT IN (SELECT value')
})

test('so are the rows that a subquery finds for each row of a list', () => {
  const sql = translated(
    `FROM json_each(?) AS place
     CROSS JOIN access_grant ON access_grant.id IN (
       SELECT grant_id FROM attempt WHERE lock_id = place.value ->> 0 AND coalesce(seq, 0) > ? LIMIT 20
     )
     WHERE access_grant.terms IS NOT NULL`,
  )
  expect(sql.replaceAll(/\s+/g, ' ')).toBe(
    `FROM json_array_elements(${LIST}) AS place ` +
      'JOIN home_1.access_grant ON access_grant.id = ANY (ARRAY( ' +
      'SELECT grant_id FROM home_1.attempt WHERE lock_id = place.value ->> 0 AND coalesce(seq, 0) > $2 LIMIT 20 )) ' +
      'WHERE access_grant.terms IS NOT NULL',
  )
})

test('bytes of many rows are joined as text', () => {
  expect(translated("SELECT group_concat(hex(hash), '' ORDER BY seq) FROM attempt")).toBe(
    "SELECT string_agg(encode(hash, 'hex'), '' ORDER BY seq) FROM home_1.attempt",
  )
})
