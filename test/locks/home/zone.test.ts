import { expect, test } from 'bun:test'
import { rmSync } from 'node:fs'
import { UNLIMITED, runCommand, startService, temporaryFolder } from '../../support/binary.ts'
import { homeDatabase } from '../../support/home-database.ts'

test('another HOME_ZONE than at the previous start of the service is recorded, in the log too', async () => {
  const folder = temporaryFolder()
  const startIn = async (zone: string) => {
    await using service = await startService({ folder, env: { ...UNLIMITED, HOME_ZONE: zone } })
    expect(await service.stop()).toBe(0)
  }
  for (const zone of ['Europe/Berlin', 'Europe/Berlin', 'Asia/Tokyo', 'Asia/Tokyo'])
    await startIn(zone)
  // A command has the zone of its user, which is not a change.
  await runCommand(['user', 'list'], { folder, env: { HOME_ZONE: 'America/New_York' } })
  await startIn('Asia/Tokyo')
  {
    await using db = await homeDatabase(folder)
    expect(
      await db.all("SELECT subject, detail FROM audit_event WHERE action = 'zone.change'"),
    ).toStrictEqual([
      { subject: 'home', detail: JSON.stringify({ from: 'Europe/Berlin', to: 'Asia/Tokyo' }) },
    ])
    const records = await db.all<{ body: string }>(
      "SELECT body FROM log_record WHERE kind = 'zone.changed'",
    )
    expect(records.map(({ body }): unknown => JSON.parse(body))).toStrictEqual([
      { by: 'gateway', from: 'Europe/Berlin', to: 'Asia/Tokyo' },
    ])
  }
  expect((await runCommand(['log', 'verify'], { folder })).status).toBe(0)
  rmSync(folder, { recursive: true })
})

test('the zone of the machine counts without HOME_ZONE, and its older name is no other zone', async () => {
  const folder = temporaryFolder()
  for (const zone of ['Europe/Kiev', 'Europe/Kyiv', 'Europe/Kiev', 'Europe/Paris']) {
    await using service = await startService({ folder, env: { ...UNLIMITED, TZ: zone } })
    expect(await service.stop()).toBe(0)
  }
  {
    await using db = await homeDatabase(folder)
    expect(
      await db.all("SELECT detail FROM audit_event WHERE action = 'zone.change'"),
    ).toStrictEqual([{ detail: JSON.stringify({ from: 'Europe/Kyiv', to: 'Europe/Paris' }) }])
  }
  rmSync(folder, { recursive: true })
})
