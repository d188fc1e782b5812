import { describe, expect, test } from 'bun:test'
import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { homeDatabase } from '../../support/home-database.ts'
import type { Role } from '../../../src/domain/account.ts'
import { addAccount, tokenFor } from '../../support/accounts.ts'
import { PASSWORD, type TestApp, bearer, clientOf, startApp } from '../../support/app.ts'
import { UNLIMITED, runCommand, startService, temporaryFolder } from '../../support/binary.ts'

const PERSON = { username: 'ada', password: PASSWORD, phone: '1', address: 'x' }
const HOUR_MS = 3_600_000
const REGISTERED = { status: 200, body: { msg: 'User registered successfully' } }
const NOT_VALID = {
  status: 403,
  body: { msg: 'This invitation is not valid', code: 'invitation_invalid' },
}

type Client = Pick<TestApp, 'url' | 'get' | 'post'>
type Made = { id: string; code: string; link: string; qr_svg: string; expires_at: string }
type Person = { public_id: string; username: string | null }
type Listed = {
  id: string
  state: string
  made_by: Person | null
  uses: number
  accounts: Person[]
}

const register = async ({ post }: Pick<Client, 'post'>, body: object) => {
  const answer = await post('/register', body)
  return { status: answer.status, body: await answer.json() }
}

const invite = async ({ post }: Pick<Client, 'post'>, token: string, body: object) => {
  const answer = await post('/v1/invitations', body, bearer(token))
  return { status: answer.status, ...((await answer.json()) as Made) }
}

const listed = async ({ get }: Pick<Client, 'get'>, token: string, query = '') => {
  const answer = await get(`/v1/invitations${query}`, bearer(token))
  return (await answer.json()) as { invitations: Listed[]; next: string | null }
}

const revoke = async ({ url }: Pick<Client, 'url'>, token: string, id: string) =>
  (await fetch(`${url}/v1/invitations/${id}`, { method: 'DELETE', headers: bearer(token) })).status

const rolesOf = async ({ accounts }: TestApp) =>
  Object.fromEntries(
    (await accounts.store.page(0, 99)).map(({ username, role }) => [username, role]),
  )

describe('who may register', () => {
  test('if an invitation is needed, fields are checked first, and names only with an invitation', async () => {
    await using app = await startApp({ REGISTRATION: 'invite' })
    await app.signIn('taken')
    const needed = {
      status: 403,
      body: { msg: 'Registering needs an invitation', code: 'invitation_needed' },
    }
    expect(await register(app, {})).toMatchObject({
      body: { msg: 'Missing username, password, phone, address' },
    })
    expect(await register(app, { ...PERSON, phone: 1, invitation: 2 })).toMatchObject({
      body: { msg: 'Invalid phone, invitation' },
    })
    for (const username of ['taken', 'free']) {
      expect(await register(app, { ...PERSON, username })).toStrictEqual(needed)
      expect(await register(app, { ...PERSON, username, invitation: '' })).toStrictEqual(needed)
      for (const invitation of ['nonsense', '7QJK-3MPN-0V8T-XW2H-5RBD-9CFA-ESYG'])
        for (const password of ['weak', PASSWORD])
          expect(await register(app, { ...PERSON, username, password, invitation })).toStrictEqual(
            NOT_VALID,
          )
    }
    expect(await rolesOf(app)).toStrictEqual({ taken: 'member' })
  })

  test('an invitation gives its role even while registration is open, and nothing while it is closed', async () => {
    for (const [mode, expected] of [
      ['open', REGISTERED],
      ['invite', REGISTERED],
      [
        'closed',
        { status: 403, body: { msg: 'Registration is closed', code: 'registration_closed' } },
      ],
    ] as const) {
      await using app = await startApp({ REGISTRATION: mode })
      const owner = await app.signIn('oli', 'owner')
      const { code } = await invite(app, owner, { role: 'admin' })
      expect(await register(app, { ...PERSON, invitation: code })).toStrictEqual(expected)
      expect((await rolesOf(app))['ada']).toBe(mode === 'closed' ? undefined : 'admin')
    }
  })

  test('an invalid invitation registers no one, even while registration is open', async () => {
    await using app = await startApp()
    expect(await register(app, { ...PERSON, invitation: 'nonsense' })).toStrictEqual(NOT_VALID)
    expect(await register(app, PERSON)).toStrictEqual(REGISTERED)
  })
})

describe('an invitation', () => {
  test('is shown once as a code, a link and a QR code, and stored as a hash', async () => {
    const folder = temporaryFolder()
    const env = { ...UNLIMITED, REGISTRATION: 'invite', PUBLIC_URL: 'https://lock.home:8443/' }
    const service = await startService({ env, folder })
    const client = clientOf(service.url)
    await addAccount('oli', { role: 'owner', folder })
    const token = await tokenFor(service.url, 'oli')
    const made = await invite(client, token, { role: 'member', label: 'Grace' })
    expect(made).toMatchObject({
      status: 200,
      role: 'member',
      label: 'Grace',
      uses_max: 1,
      link: `https://lock.home:8443/join#invitation=${made.code}`,
    })
    expect(made.qr_svg).toStartWith('<svg')
    expect(Date.parse(made.expires_at) - Date.now()).toBeWithin(71 * HOUR_MS, 72 * HOUR_MS + 1)
    expect(JSON.stringify(await listed(client, token))).not.toContain(made.code)
    const typed = `\n${made.code.replaceAll('-', '').toLowerCase()}\r\n`
    expect(await register(client, { ...PERSON, invitation: typed })).toStrictEqual(REGISTERED)
    await service.stop()
    expect(service.output().log).not.toContain(made.code)
    expect(service.output().log).not.toContain('Grace')
    for (const name of readdirSync(join(folder, 'data'))) {
      const bytes = Buffer.from(await Bun.file(join(folder, 'data', name)).bytes())
      expect(bytes.includes(made.code) || bytes.includes(made.code.replaceAll('-', ''))).toBe(false)
    }
    rmSync(folder, { recursive: true })
  })

  test('[I3] for one use registers one account for 50 simultaneous requests', async () => {
    await using service = await startService({ env: { ...UNLIMITED, REGISTRATION: 'invite' } })
    const { folder } = service
    const { out } = await runCommand(['invite'], { folder })
    const [, invitation = ''] = /^Code +(\S+)$/m.exec(out) ?? []
    const client = clientOf(service.url)
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, one) =>
        register(client, { ...PERSON, username: `ada-${one}`, invitation }),
      ),
    )
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
    for (const answer of answers) expect(answer.status).toBeOneOf([200, 403, 503])
    expect(await register(client, { ...PERSON, invitation })).toStrictEqual(NOT_VALID)
    await using db = await homeDatabase(folder)
    expect(await db.all('SELECT uses FROM invitation')).toStrictEqual([{ uses: 1 }])
    expect(await db.get('SELECT count(*) AS n FROM account')).toStrictEqual({ n: 1 })
  })

  test('that is used up, expired or revoked is answered like an unknown one', async () => {
    await using app = await startApp({ REGISTRATION: 'invite' })
    const owner = await app.signIn('oli', 'owner')
    const usedUp = await invite(app, owner, { role: 'member', uses: 2 })
    const expired = await invite(app, owner, { role: 'member', expires_in_hours: 1 })
    const revoked = await invite(app, owner, { role: 'member', expires_in_hours: 2 })
    for (const username of ['ada', 'grace'])
      expect(await register(app, { ...PERSON, username, invitation: usedUp.code })).toStrictEqual(
        REGISTERED,
      )
    app.clock.nowMs += HOUR_MS + 1000
    const later = await app.logIn('oli')
    expect(await revoke(app, later, revoked.id)).toBe(200)
    expect(await revoke(app, later, revoked.id)).toBe(200)
    for (const { code } of [usedUp, expired, revoked])
      for (const username of ['ada', 'hedy'])
        expect(await register(app, { ...PERSON, username, invitation: code })).toStrictEqual(
          NOT_VALID,
        )
    const { invitations } = await listed(app, later)
    expect(invitations.map(({ state, uses }) => `${state} ${uses}`)).toStrictEqual([
      'revoked 0',
      'expired 0',
      'used_up 2',
    ])
  })

  test('is not used up by a registration that is refused', async () => {
    await using app = await startApp({ REGISTRATION: 'invite' })
    const owner = await app.signIn('oli', 'owner')
    const { code } = await invite(app, owner, { role: 'member' })
    const faults = [{ username: 'oli' }, { password: 'weak' }, { username: '\u200b' }]
    for (const fault of faults)
      expect(await register(app, { ...PERSON, ...fault, invitation: code })).toMatchObject({
        status: 400,
      })
    expect(await register(app, { ...PERSON, invitation: code })).toStrictEqual(REGISTERED)
  })

  test('is listed with the accounts registered with it', async () => {
    await using app = await startApp()
    const owner = await app.signIn('oli', 'owner')
    const [one, other] = [
      await invite(app, owner, { role: 'member', uses: 3 }),
      await invite(app, owner, { role: 'member', uses: 3 }),
    ]
    for (const username of ['ada', 'grace'])
      await register(app, { ...PERSON, username, invitation: one.code })
    await register(app, { ...PERSON, username: 'hedy', invitation: other.code })
    await register(app, { ...PERSON, username: 'uninvited' })
    const [oli, ...people] = await app.accounts.store.page(0, 9)
    const named = (username: string) => ({
      public_id: people.find((person) => person.username === username)?.publicId,
      username,
    })
    const made_by = { public_id: oli?.publicId, username: 'oli' }
    expect((await listed(app, owner)).invitations).toMatchObject([
      { id: other.id, made_by, uses: 1, accounts: [named('hedy')] },
      { id: one.id, made_by, uses: 2, accounts: [named('ada'), named('grace')] },
    ])
  })

  test('[A4] is listed with these fields and no others', async () => {
    await using app = await startApp()
    const owner = await app.signIn('oli', 'owner')
    const { code } = await invite(app, owner, { role: 'member' })
    await register(app, { ...PERSON, invitation: code })
    const { invitations, ...rest } = await listed(app, owner)
    expect(rest).toStrictEqual({ next: null })
    expect(Object.keys(invitations[0] ?? {})).toStrictEqual([
      'id',
      'role',
      'label',
      'unit',
      'state',
      'made_by',
      'made_at',
      'expires_at',
      'uses',
      'uses_max',
      'accounts',
    ])
    for (const person of [invitations[0]?.made_by ?? {}, ...(invitations[0]?.accounts ?? [])])
      expect(Object.keys(person)).toStrictEqual(['public_id', 'username'])
  })

  test('is listed in pages, newest first, even if the clock is set back', async () => {
    await using app = await startApp()
    const owner = await app.signIn('oli', 'owner')
    const ids: string[] = []
    for (let count = 0; count < 7; count += 1) {
      app.clock.nowMs -= HOUR_MS
      ids.unshift((await invite(app, owner, { role: 'member' })).id)
    }
    const seen: string[] = []
    let query = '?limit=3'
    for (let page = 0; page < 3; page += 1) {
      const { invitations, next } = await listed(app, owner, query)
      seen.push(...invitations.map(({ id }) => id))
      query = `?limit=3&cursor=${next}`
      expect(next === null).toBe(page === 2)
    }
    expect(seen).toStrictEqual(ids)
    for (const bad of ['?limit=0', '?limit=101', '?cursor=x', '?page=1'])
      expect((await app.get(`/v1/invitations${bad}`, bearer(owner))).status).toBe(400)
  })
})

describe('who may invite', () => {
  test('[A1] an admin can invite members, an owner anyone, a member no one', async () => {
    await using app = await startApp()
    const may = async (token: string, role: Role) => (await invite(app, token, { role })).status
    const statuses: Record<string, number[]> = {}
    for (const inviter of ['member', 'admin', 'owner'] as const) {
      const token = await app.signIn(`an ${inviter}`, inviter)
      statuses[inviter] = [
        await may(token, 'member'),
        await may(token, 'admin'),
        await may(token, 'owner'),
      ]
    }
    expect(statuses).toStrictEqual({
      member: [403, 403, 403],
      admin: [200, 403, 403],
      owner: [200, 200, 200],
    })
  })

  test('[A1] an admin can revoke the invitations that an admin may create, and no others', async () => {
    await using app = await startApp()
    const [owner, admin] = [await app.signIn('oli', 'owner'), await app.signIn('amy', 'admin')]
    const member = await app.signIn('mia')
    const forMember = await invite(app, owner, { role: 'member' })
    const forOwner = await invite(app, owner, { role: 'owner' })
    expect(await revoke(app, member, forMember.id)).toBe(403)
    expect(await revoke(app, admin, forOwner.id)).toBe(403)
    expect(await revoke(app, admin, forMember.id)).toBe(200)
    expect(await revoke(app, owner, crypto.randomUUID())).toBe(404)
    expect((await listed(app, admin)).invitations.map(({ state }) => state)).toStrictEqual([
      'open',
      'revoked',
    ])
  })

  test('[A6] an account that may no longer invite leaves no working invitation', async () => {
    const folder = temporaryFolder()
    await using service = await startService({ folder, env: UNLIMITED })
    const client = clientOf(service.url)
    const signIn = async (username: string, role: Role) => {
      await addAccount(username, { role, folder })
      const answer = await client.post('/login', { username, password: PASSWORD })
      return ((await answer.json()) as { access_token: string }).access_token
    }
    const oli = await signIn('oli', 'owner')
    await using db = await homeDatabase(folder)
    const ends: Record<string, string> = {
      disabled: 'UPDATE account SET disabled_at_ms = 1',
      lowered: "UPDATE account SET role = 'admin'",
      deleted: 'DELETE FROM account',
    }
    for (const [end, sql] of Object.entries(ends)) {
      const { code } = await invite(client, await signIn(end, 'owner'), { role: 'owner' })
      await db.run(`${sql} WHERE username = ?`, end)
      expect(await register(client, { ...PERSON, invitation: code })).toStrictEqual(NOT_VALID)
      const [newest] = (await listed(client, oli)).invitations
      expect(newest).toMatchObject({
        state: 'suspended',
        made_by: { username: end === 'deleted' ? null : end },
      })
      await db.run(
        "UPDATE account SET disabled_at_ms = NULL, role = 'owner' WHERE username = ?",
        end,
      )
      expect((await listed(client, oli)).invitations[0]?.state).toBe(
        end === 'deleted' ? 'suspended' : 'open',
      )
    }
    await service.stop()
    rmSync(folder, { recursive: true })
  })

  test('[A3, I2] invalid terms are refused, and unknown fields change nothing', async () => {
    await using app = await startApp()
    const owner = await app.signIn('oli', 'owner')
    const odd = [
      { role: 'king' },
      { role: 'member', uses: 0 },
      { role: 'member', uses: 101 },
      { role: 'member', uses: 1.5 },
      { role: 'member', uses: '5' },
      { role: 'member', expires_in_hours: 0 },
      { role: 'member', expires_in_hours: 721 },
      { role: 'member', label: 'x'.repeat(81) },
      { role: 'member', label: 'a\nb' },
    ]
    for (const terms of odd) {
      const problem = await invite(app, owner, terms)
      const [field] = Object.keys(terms).slice(-1)
      expect(problem).toMatchObject({
        code: 'invalid',
        detail: expect.stringContaining(`Invalid ${field}: `),
        fields: { [field ?? '']: expect.any(String) },
      })
    }
    const more = { uses_max: 9, made_by: null, id: 'mine', code: 'mine', revoked_at_ms: 1 }
    const made = await invite(app, owner, { role: 'member', ...more })
    expect(made).toMatchObject({ uses_max: 1 })
    expect(made.id).toMatch(/^[0-9a-f-]{36}$/)
    const [only, ...others] = (await listed(app, owner)).invitations
    expect([only?.state, only?.made_by?.username, others]).toStrictEqual(['open', 'oli', []])
  })

  test('creating, using, failing to use and revoking are recorded without code and label', async () => {
    await using app = await startApp()
    const owner = await app.signIn('oli', 'owner')
    const made = await invite(app, owner, { role: 'member', label: 'Grace', uses: 2 })
    await register(app, { ...PERSON, invitation: made.code })
    await revoke(app, owner, made.id)
    await register(app, { ...PERSON, username: 'grace', invitation: made.code })
    const records = app.logLines.filter((line) => /"(invitation|account)\./.test(line))
    expect(
      records.map((line) => {
        const { action, result, detail } = JSON.parse(line) as Record<string, unknown>
        return [action, result, detail]
      }),
    ).toStrictEqual([
      ['invitation.create', 'success', { role: 'member', uses_max: 2 }],
      ['account.register', 'success', { role: 'member', invitation: made.id }],
      ['invitation.revoke', 'success', undefined],
      ['account.register', 'failure', { reason: 'invitation_invalid' }],
    ])
    expect(app.logLines.join()).not.toMatch(new RegExp(`${made.code}|Grace`))
  })
})
