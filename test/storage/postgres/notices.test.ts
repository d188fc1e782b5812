import { afterAll, beforeAll, describe, expect, spyOn, test } from 'bun:test'
import { postgresAddress } from '../../../src/config/postgres-address.ts'
import { postgresClient } from '../../../src/storage/postgres/client.ts'
import { commitNotices } from '../../../src/storage/postgres/notices.ts'
import { openPostgres } from '../../../src/storage/postgres/open.ts'
import { promotionWatch } from '../../../src/storage/postgres/replicas/promotion.ts'
import { cable } from '../../support/cable.ts'
import { CAN_POSTGRES, startPostgres } from '../../support/postgres-server.ts'
import { until } from '../../support/until.ts'

const program = () => Promise.reject(new Error('this database has no program'))

describe.if(CAN_POSTGRES)('commits of others', () => {
  let server: Awaited<ReturnType<typeof startPostgres>>
  beforeAll(async () => {
    server = await startPostgres()
  })
  afterAll(() => server[Symbol.asyncDispose]())

  /** A replica that reads the settings again whenever it hears of a commit. */
  const replica = async (schema: string, port = server.port) => {
    let known: readonly string[] = []
    let reads = 0
    let isFailing = false
    const hearing: boolean[] = []
    const db = await openPostgres(
      postgresAddress(server.home(schema).replace(String(server.port), String(port))),
      {
        program,
        onHearing: (isHeard) => hearing.push(isHeard),
        onForeignCommit: async () => {
          reads += 1
          if (isFailing) throw new Error('not now')
          const rows = await db.all<{ name: string }>('SELECT name FROM setting')
          known = rows.map(({ name }) => name)
        },
      },
    )
    return {
      add: (name: string) => db.run('INSERT INTO setting (name, value) VALUES (?, ?)', name, 'x'),
      knows: (name: string): boolean => known.includes(name),
      reads: (): number => reads,
      hearing,
      fail: (is: boolean) => (isFailing = is),
      [Symbol.asyncDispose]: () => db.close(),
    }
  }

  const listeners = async (): Promise<readonly number[]> =>
    (
      await server.query<{ pid: number }>(
        "SELECT pid FROM pg_stat_activity WHERE query LIKE 'LISTEN%'",
      )
    ).map(({ pid }) => pid)

  test('are heard by every replica of a home, and by none of another', async () => {
    await using first = await replica('one')
    await using second = await replica('one')
    await using stranger = await replica('two')
    await first.add('a')
    await until(() => second.knows('a'))
    await second.add('b')
    await until(() => first.knows('b'))
    await stranger.add('c')
    const before = stranger.reads()
    await first.add('d')
    await until(() => second.knows('d'))
    expect(stranger.reads()).toBe(before)
    expect(first.knows('c') || second.knows('c')).toBe(false)
  })

  test('arrive after a failover that lost a turn of this replica and gave its place to another', async () => {
    await using first = await replica('stepped_back')
    await using second = await replica('stepped_back')
    await second.add('a')
    await until(() => first.knows('a'))
    const [before] = await server.query<{ turn: bigint; turn_before: bigint }>(
      'SELECT turn, turn_before FROM stepped_back.home',
    )
    await first.add('b')
    await server.query(
      `DELETE FROM stepped_back.setting WHERE name = 'b';
       UPDATE stepped_back.home SET turn = ${before?.turn}, turn_before = ${before?.turn_before}`,
    )
    await second.add('c')
    await until(() => first.knows('c'))
  })

  test('of a command are heard, although it tells nobody', async () => {
    await using service = await replica('three')
    const command = await openPostgres(postgresAddress(server.home('three')), { program })
    await command.run("INSERT INTO setting (name, value) VALUES ('a', 'x')")
    await command.close()
    await until(() => service.knows('a'))
  })

  test('are heard after the server has restarted, and listened for again', async () => {
    const warned = spyOn(console, 'warn')
    await using first = await replica('four')
    await using second = await replica('four')
    await until(async () => (await listeners()).length === 2)
    await server.stop('SIGQUIT')
    await until(() => [first, second].every(({ hearing }) => hearing.at(-1) === false))
    // Several attempts fail.
    await Bun.sleep(2500)
    await server.start()
    await first.add('a')
    await until(() => second.knows('a'))
    await until(async () => (await listeners()).length === 2)
    await second.add('b')
    await until(() => first.knows('b'))
    for (const { hearing } of [first, second]) expect(hearing).toStrictEqual([false, true])
    // Bun's own messages about it are not printed.
    expect(warned).not.toHaveBeenCalled()
    warned.mockRestore()
  })

  test('arrive again after a connection died without showing it', async () => {
    using line = await cable(() => server.port)
    await using near = await replica('eight')
    await using far = await replica('eight', line.port)
    await until(async () => (await listeners()).length === 2)
    line.cut()
    await until(() => far.hearing.at(-1) === false)
    line.mend()
    await until(() => far.hearing.at(-1) === true)
    await near.add('a')
    await until(() => far.knows('a'))
    expect(far.hearing).toStrictEqual([false, true])
  })

  test('are passed on again if the first time failed', async () => {
    await using first = await replica('five')
    await using second = await replica('five')
    second.fail(true)
    await first.add('a')
    await until(() => second.reads() > 1)
    second.fail(false)
    await until(() => second.knows('a'))
  })

  test('that come together are passed on together', async () => {
    await using first = await replica('six')
    await using second = await replica('six')
    await until(async () => (await listeners()).length === 2)
    for (let at = 0; at < 200; at += 1) await first.add(`a${at}`)
    await until(() => second.knows('a199'))
    expect(second.reads()).toBeLessThan(150)
  })

  test('are seen by looking alone where nothing can be listened for', async () => {
    const db = await openPostgres(postgresAddress(server.home('seven')), { program })
    const client = postgresClient({ address: postgresAddress(server.home('seven')), max: 1 })
    let calls = 0
    const notices = commitNotices({
      client,
      schema: 'seven',
      promotion: await promotionWatch(client, { schema: 'seven', onWait: () => {} }),
      listenAt: undefined,
      onForeignCommit: async () => void (calls += 1),
    })
    await until(() => calls === 1)
    await db.run("INSERT INTO setting (name, value) VALUES ('a', 'x')")
    await until(() => calls === 2)
    await notices.close()
    await client.close()
    await db.close()
  })
})
