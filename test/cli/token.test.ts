import { expect, test } from 'bun:test'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { addAccount } from '../support/accounts.ts'
import { bearer, clientOf } from '../support/app.ts'
import { UNLIMITED, runCommand, startService, temporaryFolder } from '../support/binary.ts'
import { homeDatabase } from '../support/home-database.ts'
import { forgetHome } from '../support/test-server.ts'

const TOKEN = /^sls_[0-9A-Za-z]{49}$/m

test('token make prints a token once, which works until token revoke, also while the service runs', async () => {
  await using service = await startService({ env: UNLIMITED })
  const { folder } = service
  const run = (...args: string[]) => runCommand(['token', ...args], { folder })
  await addAccount('oli', { role: 'owner', folder })
  const made = await run('make', 'oli', '--name', 'Backup', '--scope', 'unlocks:read')
  expect(made.status).toBe(0)
  const [token = ''] = TOKEN.exec(made.out) ?? []
  const read = async (path = '/getLogs') =>
    (await clientOf(service.url).get(path, bearer(token))).status
  expect(await read()).toBe(200)
  expect(await read('/getUsers')).toBe(403)

  const listed = (await run('list', '--json')).out
  expect(listed).not.toContain(token)
  const { id, account, expires_at: until } = JSON.parse(listed) as Record<string, unknown>
  expect(account).toMatchObject({ username: 'oli' })
  expect(Math.round((Date.parse(String(until)) - Date.now()) / 86_400_000)).toBe(90)
  expect((await run('list')).out).toContain('unlocks:read\tBackup')

  expect(await run('revoke', String(id))).toMatchObject({ status: 0, out: 'Revoked\n' })
  expect(await read()).toBe(401)
  expect((await run('list')).out).not.toContain('Backup')
  const again = await run('revoke', String(id))
  expect(again.status).not.toBe(0)
  expect(again.words).toContain('No such token')
})

test('token make says what it does not accept, and makes nothing', async () => {
  const folder = temporaryFolder()
  await addAccount('ada', { folder })
  const faultOf = async (...args: string[]) => {
    const { status, words } = await runCommand(['token', 'make', ...args], { folder })
    expect(status).not.toBe(0)
    return words
  }
  const good = ['--name', 'x', '--scope', 'unlocks:read']
  expect(await faultOf('ada', '--name', 'x', '--scope', 'doors')).toContain(
    '--scope must be unlocks:read, people:read, metrics:read, or unlocks:write:LOCK or locks:operate:LOCK',
  )
  expect(await faultOf('ada', ...good, '--days', 'soon')).toContain(
    '--days must be a whole number from 1 to 3650 or never',
  )
  expect(await faultOf('ada', '--scope', 'unlocks:read')).toContain('--name must be text')
  expect(await faultOf(...good)).toContain('token make needs one USERNAME')
  expect(await faultOf('eve', ...good)).toContain('There is no such account')
  expect((await runCommand(['token', 'list'], { folder })).out.split('\n')).toHaveLength(2)
  rmSync(folder, { recursive: true })
})

test('doctor warns of tokens that never expire, and restore revives none that was revoked', async () => {
  const folder = temporaryFolder()
  const run = async (...args: string[]) => {
    const { status, out, words } = await runCommand(args, { folder })
    expect(`${args.join(' ')}: ${status} ${words}`).toStartWith(`${args.join(' ')}: 0`)
    return { out, words }
  }
  // A test server has faults of its own.
  const doctor = async () => (await runCommand(['doctor'], { folder })).out
  await addAccount('ada', { folder })
  const make = async (name: string, days: string) =>
    run('token', 'make', 'ada', '--name', name, '--scope', 'unlocks:read', '--days', days)
  expect(await doctor()).toContain('Every access token expires')
  await make('Kept', 'never')
  await make('Revoked since', '90')
  expect(await doctor()).toContain('ada’s access token Kept never expires')
  const idOf = async (name: string) =>
    (await run('token', 'list')).out
      .split('\n')
      .find((line) => line.endsWith(name))
      ?.split('\t')[0] ?? ''
  const revoked = await idOf('Revoked since')
  await run('backup', 'then.tar')
  await run('token', 'revoke', revoked)
  await make('Made since', '90')
  const { words } = await run('restore', '--yes', 'then.tar')
  expect(words).toContain(
    'Access tokens revoked, since nothing shows that they are still valid: 1\n',
  )
  const names = async () =>
    (await run('token', 'list')).out
      .trim()
      .split('\n')
      .slice(1)
      .map((line) => line.split('\t').at(-1))
  expect(await names()).toStrictEqual(['Kept'])
  // Without the data that is replaced, nothing shows that a token is still valid.
  rmSync(join(folder, 'data'), { recursive: true })
  forgetHome(join(folder, 'data'))
  await run('restore', '--yes', 'then.tar')
  expect(await names()).toStrictEqual([])
  await using restored = await homeDatabase(folder)
  expect(await restored.get('SELECT count(*) AS n FROM access_token')).toStrictEqual({ n: 2 })
  rmSync(folder, { recursive: true })
})
