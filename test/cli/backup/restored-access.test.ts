import { expect, test } from 'bun:test'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { addAccount } from '../../support/accounts.ts'
import { UNLIMITED, runCommand, startService, temporaryFolder } from '../../support/binary.ts'
import { homeDatabase } from '../../support/home-database.ts'
import { forgetHome } from '../../support/test-server.ts'

const env = { ...UNLIMITED, LOG_LEVEL: 'warn', HOME_ZONE: 'Europe/Berlin' }

test('restore FILE opens nothing again that was withdrawn since the backup', async () => {
  const folder = temporaryFolder()
  const run = async (...args: string[]) => {
    const { status, out, words } = await runCommand(args, { folder, env })
    expect(`${args.join(' ')}: ${status} ${words}`).toStartWith(`${args.join(' ')}: 0`)
    return { out, words }
  }
  const grant = async (who: string, ...terms: string[]) => {
    const { out } = await run('grant', 'add', '--who', who, ...terms)
    return /[0-9a-f-]{36}/.exec(out)?.[0] ?? ''
  }
  for (const name of ['ada', 'ben', 'eve', 'kay', 'lou']) await addAccount(name, { folder, env })
  // Makes the first locks.
  const service = await startService({ folder, env })
  await service.stop()
  for (const label of ['attic', 'cellar', 'garage', 'shed']) await run('lock', 'add', label, label)
  const revoked = await grant('ada', '--lock', 'garage')
  const narrowed = await grant('ben', '--lock', 'garage')
  const ended = await grant('eve', '--lock', 'garage')
  const used = await grant('kay', '--lock', 'garage', '--uses', '3')
  const kept = await grant('lou', '--lock', 'garage')
  {
    await using before = await homeDatabase(folder)
    for (const [label, name] of [
      ['garage', 'ada'],
      ['shed', 'ben'],
    ] as const)
      await before.run(
        `INSERT INTO lock_operator (lock_id, account_public_id)
         SELECT lock.id, account.public_id FROM lock, account WHERE label = ? AND username = ?`,
        label,
        name,
      )
    for (const id of ['kept', 'moved', 'off', 'gone'])
      await before.run(
        `INSERT INTO target (id, kind, name, settings, secrets, rules, state, version, created_at_ms)
         VALUES (?, 'webhook', 'hook', '{"url":"http://192.168.1.4/"}', '{}', '[]', 'enabled', 1, 0)`,
        id,
      )
  }
  await run('backup', 'then.tar')

  await run('grant', 'revoke', revoked, '--why', 'moved out')
  await run('lock', 'add', 'gate', 'Gate')
  await run('lock', 'disable', 'attic')
  await run('lock', 'retire', '--yes', 'cellar')
  await run('lock', 'lockdown', 'shed')
  const endedAtMs = Date.now() - 1000
  {
    await using live = await homeDatabase(folder)
    for (const [sql, ...params] of [
      [
        'UPDATE access_grant SET version = 2, starts_at_ms = ? WHERE id = ?',
        Date.parse('2990-01-01T00:00:00Z'),
        narrowed,
      ],
      ['UPDATE access_grant SET version = 2, ends_at_ms = ? WHERE id = ?', endedAtMs, ended],
      ['UPDATE access_grant SET uses = 3 WHERE id = ?', used],
      [`DELETE FROM lock_operator WHERE lock_id = (SELECT id FROM lock WHERE label = 'shed')`],
      [`UPDATE target SET settings = '{"url":"http://192.168.1.5/"}' WHERE id = 'moved'`],
      [`UPDATE target SET state = 'disabled', disabled_why = 'person' WHERE id = 'off'`],
      [`DELETE FROM target WHERE id = 'gone'`],
    ] as const)
      await live.run(sql, ...params)
  }

  const { words } = await run('restore', '--yes', 'then.tar')
  expect(words).toContain('Grants revoked or changed again: 3\n')
  expect(words).toContain('Locks disabled, retired or locked down again: 3\n')
  expect(words).toContain('Locks that the MQTT broker can no longer open: 1\n')
  expect(words).toContain('Targets that were removed or changed since, and are now disabled: 3\n')
  await run('log', 'verify')
  await using restored = await homeDatabase(folder)
  const rows = await restored.all<{ id: string }>(
    `SELECT access_grant.id, revoked_at_ms IS NOT NULL AS revoked, revoked_why AS why, starts_at_ms, uses, max(closed_at_ms) < 4e12 AS closed
     FROM access_grant JOIN access_grant_lock ON grant_id = access_grant.id GROUP BY access_grant.id`,
  )
  const found = Object.fromEntries(rows.map(({ id, ...row }) => [id, row]))
  expect(found[revoked]).toMatchObject({ revoked: 1, why: 'moved out', closed: 1 })
  expect(found[narrowed]).toMatchObject({
    revoked: 0,
    starts_at_ms: Date.parse('2990-01-01T00:00:00Z'),
  })
  expect(found[ended]).toMatchObject({ revoked: 1, closed: 1 })
  expect(found[used]).toMatchObject({ revoked: 0, uses: 3 })
  expect(found[kept]).toMatchObject({ revoked: 0, closed: 0 })
  expect(
    await restored.all('SELECT label FROM lock_operator JOIN lock ON lock.id = lock_id'),
  ).toStrictEqual([{ label: 'garage' }])
  expect(
    await restored.all("SELECT id FROM target WHERE state = 'enabled' AND kind = 'webhook'"),
  ).toStrictEqual([{ id: 'kept' }])
  const locks = (await run('lock', 'list')).out
  expect(locks).toMatch(/attic.*disabled/)
  expect(locks).toMatch(/cellar.*retired/)
  expect(locks).toMatch(/shed.*until ended/)
  expect((await run('audit', '--json')).out).toContain('"grants":3')
  rmSync(folder, { recursive: true })
})

test('restore FILE lets an owner confirm what it cannot compare', async () => {
  const folder = temporaryFolder()
  const run = (...args: string[]) => runCommand(args, { folder, env })
  await addAccount('ada', { folder, env, role: 'owner' })
  await addAccount('kay', { folder, env })
  await (await startService({ folder, env })).stop()
  const add = async (...terms: string[]) =>
    /[0-9a-f-]{36}/.exec(
      (await run('grant', 'add', '--who', 'kay', '--lock', 'front-door', ...terms)).out,
    )?.[0] ?? ''
  const counted = await add('--uses', '3')
  const lasting = await add('--days', 'mon')
  await run('backup', 'then.tar')
  const stateOf = async (id: string) =>
    (await run('grant', 'list')).out.split('\n').find((line) => line.startsWith(id)) ?? ''
  const same = await run('restore', '--yes', 'then.tar')
  expect(same.words).not.toContain('until an owner confirms them')
  expect(await stateOf(counted)).toContain('\tnow\t')

  rmSync(join(folder, 'data'), { recursive: true })
  forgetHome(join(folder, 'data'))
  const fresh = await run('restore', '--yes', 'then.tar')
  expect(fresh.words).toContain('until an owner confirms them, since they may have been revoked')
  expect(fresh.words).toContain('or used up: 1. See grant list\n')
  expect(await stateOf(counted)).toContain('\tsuspended\t')
  expect(await stateOf(lasting)).toContain('\tnow\t')
  expect((await run('doctor')).out).toMatch(/warning +grants +A grant opens nothing until an owner/)
  expect((await run('audit', '--json')).out).toContain('"suspended":1')

  // What waits for an owner still waits after another restore, whatever the backup says.
  const again = await run('restore', '--yes', 'then.tar')
  expect(again.words).toContain('or used up: 1. See grant list\n')
  expect((await run('grant', 'confirm')).status).toBe(2)
  expect((await run('grant', 'confirm', counted)).out).toBe('Confirmed 1\n')
  expect((await run('grant', 'confirm', '--all')).out).toBe('Confirmed 0\n')
  expect(await stateOf(counted)).toContain('\tnow\t')
  expect((await run('grant', 'confirm', crypto.randomUUID())).status).toBe(1)
  expect((await run('log', 'verify')).status).toBe(0)
  rmSync(folder, { recursive: true })
})
