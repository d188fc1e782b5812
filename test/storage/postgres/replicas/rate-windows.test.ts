import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { postgresAddress } from '../../../../src/config/postgres-address.ts'
import { postgresClient } from '../../../../src/storage/postgres/client.ts'
import { migrate } from '../../../../src/storage/postgres/migrate.ts'
import { rateWindowExchange } from '../../../../src/storage/postgres/replicas/rate-windows.ts'
import { CAN_POSTGRES, startPostgres } from '../../../support/postgres-server.ts'

const MINUTE = 60_000

const counted = (key: string, by = 1) => ({ key, by, durationMs: MINUTE })

describe.if(CAN_POSTGRES)('the shared count of replicas', () => {
  let server: Awaited<ReturnType<typeof startPostgres>>
  const clients: ReturnType<typeof postgresClient>[] = []
  beforeAll(async () => {
    server = await startPostgres()
    await migrate(clientOf(), 'home')
  })
  afterAll(async () => {
    for (const { close } of clients) await close()
    await server[Symbol.asyncDispose]()
  })

  /** Returns a connection like one behind a pooler. */
  const clientOf = () => {
    const client = postgresClient({
      address: postgresAddress(server.home('home')),
      max: 1,
      prepares: false,
      answerMs: 2 * MINUTE,
    })
    clients.push(client)
    return client
  }
  const replica = (bounds: { readonly rowsMax?: number; readonly sweepMs?: number } = {}) =>
    rateWindowExchange({ client: clientOf(), schema: 'home', ...bounds })
  const keys = async () =>
    (await server.query<{ key: string }>('SELECT key FROM home.rate_window ORDER BY key')).map(
      ({ key }) => key,
    )

  test('adds up, and lasts as long as the first count of the window said', async () => {
    const [one, other] = [replica(), replica()]
    const [first] = await one([counted('sum', 2)])
    expect(first).toMatchObject({ key: 'sum', count: 2 })
    expect(first?.leftMs).toBeWithin(1, MINUTE + 1)
    const [second] = await other([counted('sum', 0.5)])
    expect(second).toMatchObject({ count: 2.5, windowId: first?.windowId ?? 0 })
    expect((await one([counted('sum', -1)]))[0]).toMatchObject({ count: 1.5 })
  })

  test('starts again once a window has ended, or the clock was set back', async () => {
    const exchange = replica()
    for (const ends of ["- interval '1 second'", "+ interval '1 hour'"]) {
      const [before] = await exchange([counted('anew', 5)])
      await server.query(
        `UPDATE home.rate_window SET ends_at = clock_timestamp() ${ends} WHERE key = 'anew'`,
      )
      const [after] = await exchange([counted('anew')])
      expect(after).toMatchObject({ count: 1 })
      expect(after?.windowId).not.toBe(before?.windowId)
      expect(after?.leftMs).toBeWithin(1, MINUTE + 1)
    }
  })

  test('loses nothing and never deadlocks if many count the same keys at once', async () => {
    const all = Array.from({ length: 100 }, (_, at) => `many ${at}`)
    const shuffled = () => all.toSorted(() => Math.random() - 0.5)
    await Promise.all(
      Array.from({ length: 4 }, async () => {
        const exchange = replica({ sweepMs: 0 })
        for (let round = 0; round < 10; round += 1)
          await exchange(shuffled().map((key) => counted(key)))
      }),
    )
    const rows = await server.query<{ count: number }>(
      "SELECT DISTINCT count FROM home.rate_window WHERE key LIKE 'many %'",
    )
    expect(rows).toStrictEqual([{ count: 40 }])
  })

  test('keeps a bounded number of windows, and none that has ended', async () => {
    await server.query('DELETE FROM home.rate_window')
    const exchange = replica({ rowsMax: 3, sweepMs: 0 })
    await exchange(['a', 'b', 'c'].map((key) => counted(key)))
    await server.query(
      "UPDATE home.rate_window SET ends_at = clock_timestamp() - interval '1 second' WHERE key = 'b'",
    )
    await exchange([counted('a')])
    expect(await keys()).toStrictEqual(['a', 'c'])
    await exchange([{ key: 'day', by: 1, durationMs: 24 * 60 * MINUTE }])
    await exchange([counted('d')])
    // The one that ends first makes room.
    expect(await keys()).toStrictEqual(['c', 'd', 'day'])
  })

  test('is gone after a crash of the server', async () => {
    const exchange = replica()
    await exchange([counted('crash', 7)])
    await server.kill()
    const fault = await exchange([counted('crash')]).catch((error: unknown) => error)
    expect(fault).toMatchObject({ code: 'unavailable' })
    await server.start()
    expect((await replica()([counted('crash')]))[0]).toMatchObject({ count: 1 })
  })
})
