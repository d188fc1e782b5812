import { Database } from 'bun:sqlite'
import { expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { nameWrites } from '../../../src/unlocks/log/names-store.ts'
import { sqliteQueries } from '../../support/unlocks.ts'
import { migrate } from '../../../src/storage/migrate.ts'

const METHODS = 200

/** Methods that share a bucket, if buckets come from the text alone. */
const colliding = (): readonly string[] => {
  const bucketOf = (text: string) =>
    createHash('sha256').update(text).digest().readUInt16BE(0) % 4096
  const [bucket, found] = [bucketOf('fingerprint'), [] as string[]]
  for (let at = 0; found.length < METHODS; at += 1)
    if (bucketOf(`m${at}`) === bucket) found.push(`m${at}`)
  return found
}

test('[G3] a member cannot choose methods that make the look-up of everyone’s slow', async () => {
  using sqlite = new Database(':memory:', { strict: true })
  migrate(sqlite)
  const names = nameWrites(sqliteQueries(sqlite))
  for (const method of colliding()) await names.numbersOf('eve', method)
  const largest = sqlite
    .query<{ n: number }, []>(
      'SELECT count(*) AS n FROM unlock_method GROUP BY bucket ORDER BY n DESC LIMIT 1',
    )
    .get()
  expect(largest?.n).toBeLessThan(10)
})
