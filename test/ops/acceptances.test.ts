import { describe, expect, test } from 'bun:test'
import type { Finding } from '../../src/ops/finding.ts'
import { addAccount, tokenFor } from '../support/accounts.ts'
import { type TestApp, bearer, clientOf, recordsOf, startApp } from '../support/app.ts'
import { UNLIMITED, runCommand, startService } from '../support/binary.ts'
import { IS_POSTGRES } from '../support/test-server.ts'

const DAY_MS = 86_400_000
const PATH = '/v1/doctor/acceptances/https-off'

const put = (url: string, path: string, body: object, headers: Record<string, string>) =>
  fetch(url + path, {
    method: 'PUT',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  })

const findingsFor = async (
  { get }: Pick<TestApp, 'get'>,
  headers: Record<string, string>,
): Promise<readonly Finding[]> =>
  ((await (await get('/v1/doctor', headers)).json()) as { findings: Finding[] }).findings

const checkOf = (findings: readonly Finding[], check: string) =>
  findings.find((finding) => finding.check === check)

describe('a warning that an owner accepts', () => {
  test('stays a warning, with the reason and the date, until that date, and each step is audited', async () => {
    await using app = await startApp({ HOST: '192.0.2.1' })
    const owner = bearer(await app.signIn('oli', 'owner'))
    const admin = bearer(await app.signIn('amy', 'admin'))
    const https = async (headers = owner) => checkOf(await findingsFor(app, headers), 'https')
    expect(await https()).toMatchObject({ id: 'https-off', page: '/manual/https#turn-it-on' })
    const until = new Date(app.clock.nowMs + 30 * DAY_MS).toISOString()
    const body = { reason: 'Only our own cable', until }
    expect((await put(app.url, PATH, body, admin)).status).toBe(403)
    expect((await put(app.url, PATH, body, owner)).status).toBe(200)
    const accepted = { until, reason: 'Only our own cable', by: 'oli' }
    expect(await https()).toMatchObject({ state: 'warning', id: 'https-off', accepted })
    // Admins see it, and no id, since they cannot accept anything.
    expect(await https(admin)).toMatchObject({ state: 'warning', accepted })
    expect(await https(admin)).not.toHaveProperty('id')

    const later = new Date(app.clock.nowMs + 10 * DAY_MS).toISOString()
    expect((await put(app.url, PATH, { reason: 'Sooner', until: later }, owner)).status).toBe(200)
    expect((await https())?.accepted).toMatchObject({ reason: 'Sooner', until: later })
    expect((await app.delete(PATH, {}, admin)).status).toBe(403)
    expect((await app.delete(PATH, {}, owner)).status).toBe(200)
    expect(await https()).not.toHaveProperty('accepted')
    expect((await app.delete(PATH, {}, owner)).status).toBe(404)

    const recorded = (action: string) =>
      recordsOf(app.logLines, action).map(({ result, subject }) => [result, subject])
    expect(recorded('finding.accept')).toStrictEqual([
      ['success', 'https-off'],
      ['success', 'https-off'],
    ])
    expect(recorded('finding.acceptance_withdraw')).toStrictEqual([['success', 'https-off']])
    expect(app.logLines.join('')).not.toContain('our own cable')

    expect((await put(app.url, PATH, { reason: 'Again', until: later }, owner)).status).toBe(200)
    app.clock.nowMs += 11 * DAY_MS
    app.clock.passedMs += 11 * DAY_MS
    const next = bearer(await app.logIn('oli'))
    expect(await https(next)).toMatchObject({ state: 'warning' })
    expect(await https(next)).not.toHaveProperty('accepted')
    expect((await app.delete(PATH, {}, next)).status).toBe(404)
  })

  test('is refused without a reason, for a time that is past or far away, and for what is no warning now', async () => {
    await using app = await startApp({ HOST: '192.0.2.1' })
    const owner = bearer(await app.signIn('oli', 'owner'))
    const at = (days: number) => new Date(app.clock.nowMs + days * DAY_MS).toISOString()
    const statusOf = async (body: object, path = PATH) =>
      (await put(app.url, path, body, owner)).status
    expect(await statusOf({ reason: ' ', until: at(1) })).toBe(400)
    expect(await statusOf({ reason: 'x'.repeat(201), until: at(1) })).toBe(400)
    expect(await statusOf({ reason: 'x', until: at(0) })).toBe(400)
    expect(await statusOf({ reason: 'x', until: at(367) })).toBe(400)
    expect(await statusOf({ reason: 'x', until: '2026-02-30T00:00:00Z' })).toBe(400)
    const answer = await put(
      app.url,
      '/v1/doctor/acceptances/owner-missing',
      {
        reason: 'x',
        until: at(1),
      },
      owner,
    )
    expect([answer.status, ((await answer.json()) as { detail: string }).detail]).toStrictEqual([
      404,
      'There is no such warning now; a fault cannot be accepted',
    ])
  })

  test('is back as soon as it is about something else, and after its owner is erased says no name', async () => {
    await using app = await startApp({ TRUSTED_PROXIES: '127.0.0.1' })
    const owner = bearer(await app.signIn('oli', 'owner'))
    await app.signIn('dora')
    const guess = async (address: string) => {
      for (let times = 0; times < 12; times += 1)
        await app.post(
          '/login',
          { username: 'dora', password: 'wrong' },
          { 'x-forwarded-for': address },
        )
    }
    const guesses = async (headers = owner) =>
      (await findingsFor(app, headers))
        .filter(({ check }) => check === 'logins')
        .map(({ says, accepted }) => [says, accepted?.by])
    expect(await guesses()).toStrictEqual([
      ['Nobody was locked out for guessing in the last 7 days', undefined],
    ])
    await guess('192.168.1.40')
    const { id } = checkOf(await findingsFor(app, owner), 'logins') ?? {}
    const until = new Date(app.clock.nowMs + 9 * DAY_MS).toISOString()
    const path = `/v1/doctor/acceptances/${id}`
    expect((await put(app.url, path, { reason: 'Her tablet', until }, owner)).status).toBe(200)
    await guess('192.168.1.41')
    expect(await guesses()).toStrictEqual([
      ['Somebody guessed at dora’s password (12 times, from 192.168.1.40)', 'oli'],
      ['Somebody guessed at dora’s password (12 times, from 192.168.1.41)', undefined],
    ])
    const second = bearer(await app.signIn('second', 'owner'))
    await app.db.run("DELETE FROM account WHERE username = 'oli'")
    expect((await guesses(second))[0]?.[1]).toBeNull()
    app.clock.nowMs += DAY_MS
    app.clock.passedMs += DAY_MS
    await guess('192.168.1.40')
    // A lockout on another day is news, whatever was accepted before it.
    const nextDay = await guesses(bearer(await app.logIn('second')))
    expect(nextDay.map(([, by]) => by)).toStrictEqual([undefined, undefined])
    app.clock.nowMs += 8 * DAY_MS
    app.clock.passedMs += 8 * DAY_MS
    expect(await guesses(bearer(await app.logIn('second')))).toHaveLength(1)
  })

  test('is shown by the command, which does not count it', async () => {
    await using service = await startService({ env: { ...UNLIMITED, REGISTRATION: 'open' } })
    const { folder, url } = service
    await addAccount('oli', { role: 'owner', folder })
    const owner = bearer(await tokenFor(url, 'oli'))
    const until = new Date(Date.now() + 30 * DAY_MS).toISOString()
    const found = await findingsFor(clientOf(url), owner)
    const warnings = found.filter(({ state }) => state === 'warning')
    for (const { id } of warnings) {
      const path = `/v1/doctor/acceptances/${id}`
      expect((await put(url, path, { reason: 'We know', until }, owner)).status).toBe(200)
    }
    const env = { REGISTRATION: 'open', PORT: new URL(url).port, HOST: '127.0.0.1' }
    const { out, status } = await runCommand(['doctor'], { folder, env })
    // The test server does not wait for its disk, and each such setting is a fault.
    expect(status).toBe(IS_POSTGRES ? 1 : 0)
    expect(out).toMatch(/^known {4}registration +Registration is open: .*$/m)
    expect(out).toContain(`→ Accepted until ${until} by oli, because: We know`)
    const problems = IS_POSTGRES ? String.raw`\d faults?` : 'No problems found'
    expect(out.trim()).toMatch(new RegExp(`\\n${problems}, ${warnings.length} accepted$`))
    const json = await runCommand(['doctor', '--json'], { folder, env })
    const { findings } = JSON.parse(json.out) as { findings: Finding[] }
    expect(checkOf(findings, 'registration')).toMatchObject({
      id: 'registration-open',
      accepted: { until, reason: 'We know', by: 'oli' },
    })
  })
})
