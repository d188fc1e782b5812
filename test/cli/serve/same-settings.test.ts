import { describe, expect, test } from 'bun:test'
import { requireSameSettings } from '../../../src/cli/serve/same-settings.ts'
import { PASSWORD } from '../../support/app.ts'
import { CAN_POSTGRES } from '../../support/postgres-server.ts'
import { startReplicas, useServer } from '../../support/replicas.ts'
import { until } from '../../support/until.ts'

describe.if(CAN_POSTGRES)('replicas of a home', () => {
  const place = useServer()

  test('have the same settings, or the later one names those that differ and does not start', async () => {
    await using home = await startReplicas(1, place(), { env: { GUEST_KEEP_DAYS: '7' } })
    const leader = await home.leader()
    await until(async () => (await leader.db.get(STORED)) !== undefined)
    const faultOf = async (config: typeof leader.config): Promise<string> => {
      try {
        await requireSameSettings(leader, config)
        return 'none'
      } catch (error) {
        return String(error)
      }
    }
    expect(await faultOf({ ...leader.config, port: 9999, logLevel: 'debug' })).toBe('none')
    expect(await faultOf({ ...leader.config, guestKeepMs: 1, homeZone: 'Asia/Tokyo' })).toContain(
      'different values of HOME_ZONE, GUEST_KEEP_DAYS:',
    )
  })

  test('do not take up another time zone from one that is refused', async () => {
    await using home = await startReplicas(1, place(), { env: { HOME_ZONE: 'Europe/Berlin' } })
    const { dataDir } = await home.leader()
    const zone = "SELECT value FROM setting WHERE name = 'home_zone'"
    const leader = home.replicas[0]
    await until(async () => (await leader?.db.get(zone)) !== undefined)
    await using refused = await startReplicas(1, home.place, {
      env: { HOME_ZONE: 'Asia/Tokyo' },
      keysOf: dataDir,
    })
    expect(refused.replicas[0]?.db.leading.isLeader()).toBe(false)
    expect(await leader?.db.get(zone)).toEqual({ value: 'Europe/Berlin' })
    expect(
      await leader?.db.get("SELECT 1 FROM audit_event WHERE action = 'zone.change'"),
    ).toBeUndefined()
  })

  test('take the setup code of any of them for the first owner', async () => {
    await using home = await startReplicas(2, place())
    const [one, other] = home.replicas
    const setup = await one?.accounts.firstOwner.newSetupCode()
    await other?.accounts.firstOwner.newSetupCode()
    const person = { username: 'oli', password: PASSWORD, phone: '1', address: 'x' }
    const claim = (code: string | undefined) => other?.post('/v1/setup', { ...person, code })
    expect((await claim('AAAA-AAAA-AAAA-AAAA-AAAA-AAAA-AAAA'))?.status).toBe(403)
    expect((await claim(setup?.code))?.status).toBe(200)
    expect((await claim(setup?.code))?.status).toBe(409)
    expect(
      await one?.db.get(`SELECT name FROM setting WHERE name LIKE 'setup_code%'`),
    ).toBeUndefined()
  })
})

const STORED = `SELECT value FROM setting WHERE name = 'replica_settings'`
