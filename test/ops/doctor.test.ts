import { expect, test } from 'bun:test'
import type { Finding } from '../../src/ops/finding.ts'
import { type TestApp, bearer, startApp } from '../support/app.ts'

const findings = async (app: TestApp, token: string): Promise<Record<string, Finding>> => {
  const answer = await app.get('/v1/doctor', bearer(token))
  const body = (await answer.json()) as { findings: Finding[] }
  return Object.fromEntries(body.findings.map((finding) => [finding.check, finding]))
}

test('the running server reports findings about itself to admins', async () => {
  await using app = await startApp({ HOST: '192.0.2.1' })
  const token = await app.signIn('amy', 'admin')
  expect(await findings(app, token)).toMatchObject({
    disk: { state: expect.stringMatching(/ok|warning/) as string },
    clock: { state: expect.stringMatching(/ok|warning/) as string },
    'unlock log': { state: 'ok' },
    owner: { state: 'warning' },
    registration: { state: 'warning' },
    https: { state: 'warning' },
    proxy: { state: 'ok' },
  })
  await app.signIn('oli', 'owner')
  expect(await findings(app, token)).toMatchObject({ owner: { state: 'ok' } })
  app.clock.nowMs = 0
  const member = bearer(await app.signIn('mia'))
  expect((await app.get('/v1/doctor', member)).status).toBe(403)
})

test('a proxy that no setting names is reported with its address, a trusted one is not', async () => {
  const forwarded = { 'x-forwarded-for': '203.0.113.9' }
  {
    await using app = await startApp()
    const token = await app.signIn('oli', 'owner')
    for (let request = 0; request < 3; request += 1) await app.get('/livez', forwarded)
    const { proxy } = await findings(app, token)
    expect(proxy).toMatchObject({ state: 'warning' })
    expect(proxy?.says).toContain('127.0.0.1')
    const events = app.logLines.filter((line) => line.includes('proxy.untrusted'))
    expect(events).toHaveLength(1)
    expect(events.join()).not.toContain('203.0.113.9')
  }
  await using trusting = await startApp({ TRUSTED_PROXIES: '127.0.0.1' })
  const token = await trusting.signIn('oli', 'owner')
  await trusting.get('/livez', forwarded)
  expect(await findings(trusting, token)).toMatchObject({ proxy: { state: 'ok' } })
})
