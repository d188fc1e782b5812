import { describe, expect, test } from 'bun:test'
import { cpSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { shownAddress } from '../../../src/config/postgres-address.ts'
import { openPostgres } from '../../../src/storage/postgres/open.ts'
import { dissent } from '../../../src/storage/replicas/presence-store.ts'
import { startReplicas as startServices } from '../../faults/replicas.ts'
import { addAccount, tokenFor } from '../../support/accounts.ts'
import { PASSWORD, bearer, clientOf } from '../../support/app.ts'
import { CAN_POSTGRES } from '../../support/postgres-server.ts'
import { startReplicas, useServer } from '../../support/replicas.ts'
import { until } from '../../support/until.ts'

type AuditEvent = {
  readonly action: string
  readonly subject: { readonly id: string } | null
  readonly detail: Readonly<Record<string, unknown>>
}

describe.if(CAN_POSTGRES)('replicas of a home', () => {
  const place = useServer()

  test('change a setting by restarting one after another: those with the new value wait for the last one with the old value', async () => {
    const { postgres } = place()
    const address = shownAddress(postgres)
    const named = (name: string) => ({
      INSTANCE_NAME: name,
      GUEST_KEEP_DAYS: '7',
      LOG_LEVEL: 'info',
    })
    await using home = await startServices([address, address], [named('one'), named('two')])
    const [one, two] = home.replicas
    if (!one || !two) throw new Error('they were not started')
    const changed = { GUEST_KEEP_DAYS: '8' }
    await addAccount('oli', {
      role: 'owner',
      folder: two.folder,
      env: { DATA_DIR: './data', DATABASE_URI: address },
    })
    const token = bearer(await tokenFor(two.url, 'oli'))
    const doctor = async (): Promise<string> =>
      (await clientOf(one.url).get('/v1/doctor', token)).text()
    expect(await doctor()).toContain(
      'Replicas have different metrics tokens, so some of them refuse Prometheus',
    )

    expect(await one.stop()).toBe(0)
    const starting = one.start(changed)
    let hasStarted = false
    void starting.then(() => (hasStarted = true))
    // Meanwhile, the other one serves.
    const { post, get } = clientOf(two.url)
    for (let count = 0; count < 3; count += 1) {
      expect((await post('/v1/unlocks', [{ method: 'pin' }], token)).status).toBe(200)
      await Bun.sleep(300)
    }
    expect(hasStarted).toBe(false)
    expect(await two.stop()).toBe(0)
    await starting
    expect(one.output().log).toContain(
      'Other replicas of this home (two) run with different values of GUEST_KEEP_DAYS: use the same values, or stop those replicas',
    )
    cpSync(join(one.folder, 'data/metrics-token'), join(two.folder, 'data/metrics-token'))
    await two.start(changed)
    await until(() => two.output().log.includes('"msg":"started"'))

    // Each records its name, and settings of its own do not count as changed.
    for (const [{ url }, name] of [[one, 'one'] as const, [two, 'two'] as const]) {
      const metrics = await (await clientOf(url).get('/metrics', token)).text()
      const series = metrics.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
      expect(series.filter((line) => !line.includes(`instance="${name}"`))).toBeEmpty()
    }
    const started = two
      .output()
      .log.split('\n')
      .filter((line) => line.includes('"msg":"started"'))
    expect(started.map((line) => JSON.parse(line) as object)).toMatchObject([{ instance: 'two' }])
    const eventsOf = async (action: string): Promise<readonly AuditEvent[]> => {
      const answer = await get(`/v1/audit?action=${action}`, token)
      return ((await answer.json()) as { events: readonly AuditEvent[] }).events
    }
    const changes = await eventsOf('setting.change')
    expect(changes.map(({ subject, detail }) => [subject?.id, detail])).toStrictEqual([
      ['GUEST_KEEP_DAYS', { from: '7', to: '8' }],
    ])
    const instances = async (action: string) =>
      (await eventsOf(action)).map(({ detail }) => detail['instance']).toReversed()
    expect(await instances('service.start')).toStrictEqual(['one', 'two', 'one', 'two'])
    expect(await instances('service.stop')).toStrictEqual(['one', 'two'])
    expect(await doctor()).toMatch(/2 replicas are running: one( \(leader\))?, two( \(leader\))?/)
    await two.stop('SIGKILL')
    // `doctor` says so for several seconds.
    const lastHeard =
      /2 replicas are running: one.*, two \((leader, )?last heard from \d+ seconds ago\)/
    await until(async () => {
      await Bun.sleep(200)
      return lastHeard.test(await doctor())
    })
  })

  test('start without a metrics token that can be used', async () => {
    await using home = await startServices([shownAddress(place().postgres)])
    const [one] = home.replicas
    if (!one) throw new Error('it was not started')
    expect(await one.stop()).toBe(0)
    const token = join(one.folder, 'data/metrics-token')
    rmSync(token)
    mkdirSync(token)
    await one.start({ LOG_LEVEL: 'warn' })
    expect(one.output().log).toContain('no metrics token: only admins may read /metrics')
  })

  test('count while they run, and are compared again after a freeze; one that died counts for a while', async () => {
    const { postgres } = place()
    const program = () => Promise.reject(new Error('this database has no program'))
    const one = await openPostgres(postgres, { program })
    const other = await openPostgres(postgres, { program })
    const self = (name: string, zone: string) => ({
      name,
      version: '1',
      settings: { HOME_ZONE: zone },
    })
    const told: string[] = []
    const tell = (others: Parameters<typeof dissent>[0]) => void told.push(dissent(others).message)
    expect(await one.replicas?.join(self('one', 'UTC'), tell)).toBeEmpty()
    const others = [{ name: 'one', settings: ['HOME_ZONE'] }]
    expect(await other.replicas?.join(self('other', 'Asia/Tokyo'), tell)).toStrictEqual(others)
    // A newer version may have a setting that this one does not know.
    const newer = { ...self('other', 'UTC'), settings: { HOME_ZONE: 'UTC', NEW: '1' } }
    expect(await other.replicas?.join(newer, tell)).toBeEmpty()
    // As if both had been frozen, and the other had come back first with another zone.
    const ROWS = `UPDATE replica SET seen_at = clock_timestamp() - interval '16 seconds'`
    await one.run(`${ROWS} WHERE name = 'one'`)
    await other.run(`DELETE FROM replica WHERE name = 'other'`)
    const third = await openPostgres(postgres, { program })
    expect(await third.replicas?.join(self('third', 'Asia/Tokyo'), tell)).toBeEmpty()
    await until(() => told.length === 2)
    expect(new Set(told)).toStrictEqual(
      new Set([dissent([{ name: 'third', settings: ['HOME_ZONE'] }]).message]),
    )
    for (const db of [one, other, third]) await db.close()
    const last = await openPostgres(postgres, { program })
    expect(await last.get('SELECT 1 FROM replica')).toBeUndefined()
    await last.close()
  })

  test('accept the newest setup code of any running replica for the first owner', async () => {
    await using home = await startReplicas(2, place())
    const [one, other] = home.replicas
    const replaced = await one?.accounts.firstOwner.newSetupCode()
    const setup = await one?.accounts.firstOwner.newSetupCode()
    const ofStopped = await other?.accounts.firstOwner.newSetupCode()
    await other?.accounts[Symbol.asyncDispose]()
    const person = { username: 'oli', password: PASSWORD, phone: '1', address: 'x' }
    const claim = (code: string | undefined) => other?.post('/v1/setup', { ...person, code })
    for (const code of ['AAAA-AAAA-AAAA-AAAA-AAAA-AAAA-AAAA', replaced?.code, ofStopped?.code])
      expect((await claim(code))?.status).toBe(403)
    expect((await claim(setup?.code))?.status).toBe(200)
    expect((await claim(setup?.code))?.status).toBe(409)
    expect(
      await one?.db.get(`SELECT name FROM setting WHERE name LIKE 'setup_code%'`),
    ).toBeUndefined()
  })
})
