import { expect, test } from 'bun:test'
import { parseWerkzeugHash } from '../../../src/accounts/passwords/werkzeug-hash.ts'
import { type Holder, legacyUserImport } from '../../../src/accounts/import/users.ts'
import { COMMAND_LINE } from '../../../src/domain/audit-event.ts'
import { clockFrom } from '../../../src/domain/clock.ts'
import { PASSWORD, type TestApp, bearer, startApp } from '../../support/app.ts'
import { idOf, olderHashOf, tokenOf } from '../../support/older-server.ts'

/** Imports users by name, each with a password hash. */
const imported = async (app: TestApp, users: Readonly<Record<string, string>>) => {
  const importUsers = legacyUserImport({
    db: app.db,
    accounts: app.accounts.store,
    hasher: app.accounts.hasher,
    auditIn: app.audit.auditIn,
    clock: clockFrom(),
  })
  const rows = Object.entries(users).map(([username, password], index) => ({
    id: index + 1,
    public_id: idOf(index + 1),
    username,
    password,
    phone: null,
    address: null,
  }))
  const outcomes = []
  for await (const batch of importUsers(rows, new Map<string, Holder>())) outcomes.push(...batch)
  return outcomes
}

const NEW_PASSWORD = 'nine quiet green keys'

test('[P1] a login that replaces an imported hash does not undo a simultaneous password change', async () => {
  await using app = await startApp()
  await imported(app, { ada: olderHashOf(PASSWORD) })
  const found = await app.accounts.store.findPassword('ada')
  const ada = bearer(await tokenOf(app.post('/login', { username: 'ada', password: PASSWORD })))
  const change = { current_password: PASSWORD, new_password: NEW_PASSWORD }
  expect((await app.post('/v1/me/password', change, ada)).status).toBe(200)
  // What a slower login does, having read the imported hash before the change.
  const renewed = await app.accounts.hasher.hash(PASSWORD)
  await app.accounts.store.replacePasswordHash(found?.id ?? 0, found?.passwordHash ?? '', renewed)
  const logIn = async (password: string) =>
    (await app.post('/login', { username: 'ada', password })).status
  expect([await logIn(NEW_PASSWORD), await logIn(PASSWORD)]).toStrictEqual([200, 401])
})

test('logins try a legacy scheme only while an account has it', async () => {
  await using app = await startApp()
  expect(await app.accounts.store.legacySchemes()).toStrictEqual([])
  const hashes = { ada: olderHashOf(PASSWORD), bob: olderHashOf(PASSWORD, 1000) }
  await imported(app, { ...hashes, cy: olderHashOf(PASSWORD), dee: olderHashOf(PASSWORD, 2000) })
  const schemes = ['pbkdf2:sha256:1000', 'pbkdf2:sha256:2000', 'sha256']
  expect(await app.accounts.store.legacySchemes()).toStrictEqual(schemes)
  for (const username of ['ada', 'bob', 'dee'])
    expect((await app.post('/login', { username, password: PASSWORD })).status).toBe(200)
  expect(await app.accounts.store.legacySchemes()).toStrictEqual(['sha256'])
  await app.accounts.administration.erase({ by: COMMAND_LINE, publicId: idOf(3) })
  expect(await app.accounts.store.legacySchemes()).toStrictEqual([])
})

test('[P7] legacy schemes that would make every login slow are not imported', async () => {
  await using app = await startApp()
  const digest = '0'.repeat(64)
  const counts = [1_000_000, 1_500_000, 2_000_000, 2_500_000, 600_000]
  const users = counts.map((n) => [`person ${n}`, `pbkdf2:sha256:${n}$salt$${digest}`] as const)
  const outcomes = await imported(app, Object.fromEntries(users))
  expect(outcomes.map(({ outcome, faults }) => [outcome, faults.length])).toStrictEqual([
    ['taken', 0],
    ['taken', 0],
    ['taken', 0],
    ['taken', 1],
    ['taken', 1],
  ])
  expect(outcomes[3]?.faults[0]).toStartWith('without its password, whose hash would make')
  expect(await app.accounts.store.legacySchemes()).toHaveLength(3)
  expect(parseWerkzeugHash(users[3]?.[1] ?? '')).toBeDefined()
})

test('[A4] an imported account is a member like any other: no password is shown, and its data can be exported', async () => {
  await using app = await startApp()
  await imported(app, { ada: olderHashOf(PASSWORD) })
  const owner = bearer(await app.signIn('oli', 'owner'))
  const shown = await (await app.get('/v1/people', owner)).text()
  expect(shown).toContain(`"${idOf(1)}"`)
  const ada = bearer(await tokenOf(app.post('/login', { username: 'ada', password: PASSWORD })))
  expect((await app.get('/v1/people', ada)).status).toBe(403)
  const taken = await (await app.get('/v1/me/export', ada)).text()
  expect(taken).toContain(idOf(1))
  expect(shown + taken).not.toMatch(/argon2id|sha256/)
})
