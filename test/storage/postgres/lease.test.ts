import { describe, expect, test } from 'bun:test'
import { openPostgres } from '../../../src/storage/postgres/open.ts'
import type { Database } from '../../../src/storage/database.ts'
import { AppError } from '../../../src/errors.ts'
import { CAN_POSTGRES } from '../../support/postgres-server.ts'
import { useServer } from '../../support/replicas.ts'
import { until } from '../../support/until.ts'

describe.if(CAN_POSTGRES)('the lease of a home', () => {
  const place = useServer()
  const program = async () => ({ outcomes: [] })

  /** Opens a home as several replicas do. */
  const replicasOf = async (count: number) => {
    const { postgres } = place()
    const opened: Database[] = []
    for (let at = 0; at < count; at += 1) opened.push(await openPostgres(postgres, { program }))
    return opened
  }

  const leadersOf = (replicas: readonly Database[]) =>
    replicas.filter(({ leading }) => leading.isLeader())

  const faultOf = async (work: Promise<unknown>): Promise<string> => {
    try {
      await work
      return 'none'
    } catch (error) {
      return error instanceof AppError ? error.code : String(error)
    }
  }

  const termOf = async (db: Database): Promise<number | undefined> =>
    (await db.get<{ term: number }>('SELECT term FROM lease'))?.term

  test('of several replicas that start together, one leads; when it stops, the next does', async () => {
    const replicas = await replicasOf(3)
    const told: string[] = []
    for (const [at, { leading }] of replicas.entries())
      leading.onChange((isLeader) => void told.push(`${at} ${isLeader}`))
    await until(() => leadersOf(replicas).length === 1)
    const [first] = leadersOf(replicas)
    expect(first && (await termOf(first))).toBe(1)
    const others = replicas.filter((one) => one !== first)
    await first?.close()
    await until(() => leadersOf(others).length > 0)
    expect(leadersOf(others)).toHaveLength(1)
    const [second] = leadersOf(others)
    expect(second && (await termOf(second))).toBe(2)
    expect(told).toStrictEqual(
      [first, second].map((one) => `${replicas.findIndex((replica) => replica === one)} true`),
    )
    for (const one of others) await one.close()
  })

  test('a replica that never wants to lead, as a command, never does', async () => {
    const [command, service] = await replicasOf(2)
    service?.leading.onChange(() => {})
    await until(() => service?.leading.isLeader() ?? false)
    expect(command?.leading.isLeader()).toBe(false)
    expect(
      await faultOf(command?.transaction((tx) => command.leading.requireIn(tx)) ?? fail()),
    ).toBe('unavailable')
    await command?.close()
    await service?.close()
  })

  const fail = () => Promise.reject(new Error('it was not opened'))

  test('a leader whose lease passed to another writes nothing more, and learns of it', async () => {
    const [one, other] = await replicasOf(2)
    if (!one || !other) throw new Error('they were not opened')
    const told: boolean[] = []
    one.leading.onChange((isLeader) => void told.push(isLeader))
    await until(() => one.leading.isLeader())
    const write = (db: Database) =>
      db.transaction(async (tx) => {
        await db.leading.requireIn(tx)
        await tx.run(`INSERT INTO setting (name, value) VALUES ('word', 'said')`)
      })
    // As if it had been frozen for longer than its lease lasted.
    await other.run('UPDATE lease SET ends_at = clock_timestamp()')
    other.leading.onChange(() => {})
    await until(() => other.leading.isLeader())
    expect(await faultOf(write(one))).toBe('unavailable')
    expect(await other.get("SELECT value FROM setting WHERE name = 'word'")).toBeUndefined()
    expect(await faultOf(write(other))).toBe('none')
    await until(() => !one.leading.isLeader())
    await until(() => told.length === 2)
    expect(told).toStrictEqual([true, false])
    await one.close()
    await other.close()
  })

  test('a leader whose term another replica has after a failover leads no longer', async () => {
    const [one, other] = await replicasOf(2)
    if (!one || !other) throw new Error('they were not opened')
    one.leading.onChange(() => {})
    await until(() => one.leading.isLeader())
    // As on a standby that lacked the term of the leader, until another took its lease.
    await other.run('UPDATE lease SET ends_at = clock_timestamp(), term = term - 1')
    other.leading.onChange(() => {})
    await until(() => other.leading.isLeader())
    expect(await termOf(other)).toBe(1)
    const held = (db: Database) => db.transaction((tx) => db.leading.requireIn(tx))
    expect(await faultOf(held(one))).toBe('unavailable')
    expect(await faultOf(held(other))).toBe('none')
    await until(() => !one.leading.isLeader())
    await one.close()
    expect(other.leading.isLeader()).toBe(true)
    expect(await faultOf(held(other))).toBe('none')
    await other.close()
  })
})
