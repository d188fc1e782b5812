import { describe, expect, test } from 'bun:test'
import { rmSync } from 'node:fs'
import { startService, temporaryFolder } from '../support/binary.ts'
import { CAN_POSTGRES, startPostgres } from '../support/postgres-server.ts'

describe.if(CAN_POSTGRES)('a PostgreSQL server that', () => {
  test('is killed: the service is alive meanwhile, and the home is there again', async () => {
    await using postgres = await startPostgres({ hasFsync: true })
    const folder = temporaryFolder()
    const env = { DATABASE_URI: postgres.home('home') }
    const isAlive = async (url: string) => (await fetch(`${url}/livez`)).ok
    {
      await using service = await startService({ folder, env })
      await postgres.kill()
      expect(await isAlive(service.url)).toBe(true)
    }
    await postgres.start()
    await using service = await startService({ folder, env })
    expect(await isAlive(service.url)).toBe(true)
    expect(await service.stop()).toBe(0)
    rmSync(folder, { recursive: true })
  })
})
