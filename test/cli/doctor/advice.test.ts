import { expect, test } from 'bun:test'
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Finding } from '../../../src/ops/finding.ts'
import { addAccount } from '../../support/accounts.ts'
import { bearer, clientOf } from '../../support/app.ts'
import { UNLIMITED, runCommand, startService, temporaryFolder } from '../../support/binary.ts'
import { until } from '../../support/until.ts'

type Env = Readonly<Record<string, string>>

/** Starts and stops a gateway in a new folder, which has no owner then. */
const stopped = async (): Promise<string> => {
  const folder = temporaryFolder()
  await (await startService({ folder, env: UNLIMITED })).stop()
  return folder
}

const finding = async (folder: string, check: string, env: Env = {}) => {
  const { out } = await runCommand(['doctor', '--json'], { folder, env })
  const { findings } = JSON.parse(out) as { findings: readonly Finding[] }
  return findings.find((found) => found.check === check)
}

test('after backup FILE, the next doctor knows of it, also if the automatic ones fail', async () => {
  const folder = await stopped()
  expect(await finding(folder, 'backup')).toMatchObject({
    state: 'warning',
    fix: expect.stringContaining('secure-lock-server backup FILE') as string,
  })
  expect((await runCommand(['backup', 'one.tar'], { folder })).status).toBe(0)
  const byHand = expect.stringMatching(
    /^The newest backup is from .*, made with the backup command$/,
  ) as string
  expect(await finding(folder, 'backup')).toMatchObject({ state: 'ok', says: byHand })

  const missing = join(folder, 'not mounted')
  await using service = await startService({ folder, env: { BACKUP_DIR: missing } })
  await until(() => service.output().log.includes('"backup.create"'))
  expect(await finding(folder, 'backup')).toMatchObject({
    state: 'fault',
    says: `The last automatic backup failed: Cannot write the backup: there is no folder ${missing}`,
  })
  await runCommand(['backup', 'two.tar'], { folder })
  expect(await finding(folder, 'backup')).toMatchObject({
    state: 'warning',
    says: expect.stringContaining(', made with the backup command. The last automatic') as string,
  })
  await service.stop()
  mkdirSync(missing)
  await using again = await startService({ folder, env: { BACKUP_DIR: missing } })
  await until(() => again.output().log.includes('"backup.create","result":"success"'))
  expect(await finding(folder, 'backup')).toMatchObject({ state: 'ok' })
  await again.stop()
  rmSync(folder, { recursive: true })
})

test('after tls init, doctor names the files to set, and what is to be restarted or reloaded', async () => {
  const folder = await stopped()
  const anywhere = { HOST: '0.0.0.0' }
  const init = () => runCommand(['tls', 'init'], { folder, env: anywhere })
  expect((await finding(folder, 'https', anywhere))?.fix).toStartWith('Run secure-lock-server tls')
  expect((await init()).status).toBe(0)
  const cert = join(folder, 'data/tls/server.pem')
  const key = join(folder, 'data/tls/server-key.pem')
  expect(await finding(folder, 'https', anywhere)).toMatchObject({
    state: 'warning',
    fix: `Set TLS_CERT_FILE=${cert} and TLS_KEY_FILE=${key}, then restart the service`,
  })
  const set = { TLS_CERT_FILE: cert, TLS_KEY_FILE: key }
  const plain = await startService({ folder, env: anywhere })
  expect(await finding(folder, 'service settings', { ...anywhere, ...set })).toMatchObject({
    says: expect.stringMatching(/: TLS_CERT_FILE, TLS_KEY_FILE$/) as string,
    fix: expect.stringContaining('restart it') as string,
  })
  await plain.stop()
  await using service = await startService({ folder, env: { ...anywhere, ...set } })
  expect(await finding(folder, 'service settings')).toBeUndefined()
  expect(await finding(folder, 'https')).toMatchObject({ state: 'ok' })
  expect(await finding(folder, 'certificate')).toBeUndefined()
  expect((await init()).status).toBe(0)
  expect(await finding(folder, 'certificate')).toMatchObject({
    state: 'warning',
    fix: 'reload it: systemctl reload secure-lock, or send it SIGHUP',
  })
  process.kill(service.pid, 'SIGHUP')
  await until(async () => (await finding(folder, 'certificate')) === undefined)
  await service.stop()
  rmSync(folder, { recursive: true })
})

test('after an owner is added and REGISTRATION is set, neither is warned of', async () => {
  const folder = await stopped()
  expect(await finding(folder, 'owner')).toMatchObject({ state: 'warning' })
  expect(await finding(folder, 'registration')).toMatchObject({ state: 'warning' })
  await addAccount('oli', { role: 'owner', folder })
  expect(await finding(folder, 'owner')).toMatchObject({ state: 'ok' })
  await using service = await startService({ folder, env: { REGISTRATION: 'invite' } })
  expect(await finding(folder, 'registration')).toMatchObject({ state: 'ok' })
  await service.stop()
  rmSync(folder, { recursive: true })
})

test('after TRUSTED_PROXIES names a proxy and Prometheus has the token, neither is warned of', async () => {
  const folder = await stopped()
  const forwarded = { 'x-forwarded-for': '203.0.113.9' }
  // Doctor looks at what happened since the start.
  const start = async (env: Env) => {
    const service = await startService({ folder, env })
    await until(() => service.output().log.includes('"started"'))
    return service
  }
  const before = await start(UNLIMITED)
  await clientOf(before.url).get('/livez', forwarded)
  expect((await clientOf(before.url).get('/metrics')).status).toBe(401)
  expect(await finding(folder, 'proxy')).toMatchObject({ state: 'warning' })
  expect(await finding(folder, 'metrics')).toMatchObject({ state: 'warning' })
  const token = (await runCommand(['metrics-token'], { folder })).out.trim()
  const scraped = await clientOf(before.url).get('/metrics', bearer(token))
  expect(scraped.status).toBe(200)
  expect(await finding(folder, 'metrics')).toMatchObject({ state: 'ok' })
  await before.stop()
  const env = { ...UNLIMITED, TRUSTED_PROXIES: '127.0.0.1' }
  await using after = await start(env)
  await clientOf(after.url).get('/livez', forwarded)
  expect(await finding(folder, 'proxy')).toMatchObject({ state: 'ok' })
  await after.stop()
  rmSync(folder, { recursive: true })
})
