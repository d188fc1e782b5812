import { expect, test } from 'bun:test'
import { DAY_MS } from '../../src/domain/duration.ts'
import type { Finding } from '../../src/ops/finding.ts'
import { type TestApp, bearer, startApp } from '../support/app.ts'
import { household } from '../support/household.ts'

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

test('an end date is reported in the seven days before, until it has passed or is moved', async () => {
  await using app = await startApp()
  const person = await household(app, { oli: 'owner', Eva: 'member', Max: 'member' })
  const owner = () => app.logIn('oli')
  const ends = async () => (await findings(app, await owner()))['end dates']
  const NOBODY = { state: 'ok', says: 'Nobody’s access ends in the next 7 days' }
  const setEnd = async (name: string, ends_at: string | null) =>
    app.patch(`/v1/people/${person(name).id}`, { ends_at }, bearer(await owner()))
  expect(await ends()).toMatchObject(NOBODY)
  const midnight = new Date(2027, 2, 32).getTime()
  await setEnd('Eva', new Date(midnight).toISOString())
  await setEnd('Max', new Date(midnight).toISOString())
  await app.patch(`/v1/people/${person('Max').id}`, { disabled: true }, bearer(await owner()))
  const at = (ms: number): void => {
    app.clock.passedMs += ms - app.clock.nowMs
    app.clock.nowMs = ms
  }
  at(midnight - 7 * DAY_MS - 1)
  expect(await ends()).toMatchObject(NOBODY)
  at(midnight - 7 * DAY_MS)
  const told = await ends()
  expect(told).toMatchObject({
    state: 'warning',
    says: 'Eva’s access ends on Wednesday, 31 March 2027',
    fix: 'If Eva stays longer, change the end date',
    page: `/console/people/${person('Eva').id}`,
  })
  const accepted = { until: new Date(midnight - DAY_MS).toISOString(), reason: 'she moves out' }
  const accepting = await fetch(`${app.url}/v1/doctor/acceptances/${told?.id}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json', ...bearer(await owner()) },
    body: JSON.stringify(accepted),
  })
  expect(accepting.status).toBe(200)
  expect(await ends()).toMatchObject({ accepted: { reason: 'she moves out' } })
  await setEnd('Eva', new Date(midnight - 1).toISOString())
  expect((await ends())?.accepted).toBeUndefined()
  at(midnight)
  expect(await ends()).toMatchObject(NOBODY)
})
