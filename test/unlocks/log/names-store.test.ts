import { expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { nameWrites } from '../../../src/unlocks/log/names-store.ts'
import { openTestDatabase } from '../../support/postgres.ts'

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
  const db = await openTestDatabase()
  const methods = colliding()
  await db.transaction(async (tx) => {
    const names = nameWrites(tx)
    for (const method of methods) await names.numbersOf('eve', method)
  })
  const largest = await db.get<{ n: number }>(
    'SELECT count(*) AS n FROM unlock_method GROUP BY bucket ORDER BY n DESC LIMIT 1',
  )
  expect(largest?.n).toBeLessThan(10)
  await db.close()
})
