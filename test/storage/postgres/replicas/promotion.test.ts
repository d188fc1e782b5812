import { describe, expect, test } from 'bun:test'
import { postgresAddress } from '../../../../src/config/postgres-address.ts'
import { openPostgres } from '../../../../src/storage/postgres/open.ts'
import type { Program } from '../../../../src/storage/writing/writer.ts'
import { CAN_POSTGRES, startPostgres } from '../../../support/postgres-server.ts'
import { until } from '../../../support/until.ts'

/** Answers whether nothing may be signed. */
const program: Program = async (_, inputs, given) => ({
  outcomes: inputs.map(() => given?.isPaused),
})

const isPaused = (db: Awaited<ReturnType<typeof openPostgres>>) =>
  db.append({ input: () => 0, size: 1, account: 'a' })

describe.if(CAN_POSTGRES)('a home whose newest commit was made before a promotion', () => {
  test('[D1] signs nothing for eight seconds in any replica, but may be written to, and starts meanwhile wait as long', async () => {
    await using server = await startPostgres()
    const address = postgresAddress(server.home('home'))
    const open = (waits: string[] = []) =>
      openPostgres(address, { program, onWait: (reason) => void waits.push(reason) })
    const replicas = [await open(), await open()] as const
    for (const db of replicas) expect(await isPaused(db)).toBe(false)
    await server.query("UPDATE home.home SET timeline = 'FFFFFFFF'")
    const begunMs = performance.now()
    const waits: string[] = []
    const starting = open(waits)
    for (const db of replicas) {
      expect(await isPaused(db)).toBe(true)
      await db.run("INSERT INTO setting (name, value) VALUES (gen_random_uuid(), '')")
      expect(await isPaused(db)).toBe(true)
    }
    await until(async () => (await isPaused(replicas[0])) === false)
    expect(performance.now() - begunMs).toBeGreaterThan(8000 - 1)
    expect(await isPaused(replicas[1])).toBe(false)
    const late = await starting
    expect(waits).toHaveLength(1)
    expect(await isPaused(late)).toBe(false)
    for (const db of [...replicas, late]) await db.close()
  }, 30_000)

  test('[D1] is used as ever where the server does not tell its timeline', async () => {
    await using server = await startPostgres()
    await server.query('REVOKE EXECUTE ON FUNCTION pg_current_wal_lsn() FROM PUBLIC')
    await server.query('CREATE ROLE poor LOGIN; CREATE SCHEMA home AUTHORIZATION poor')
    const address = postgresAddress(server.home('home').replace(/\/\/[^@]*@/, '//poor@'))
    for (let times = 0; times < 2; times += 1) {
      const db = await openPostgres(address, { program })
      expect(await isPaused(db)).toBe(false)
      await db.close()
    }
  })
})
