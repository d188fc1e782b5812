import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { createHash } from 'node:crypto'
import { accessTokenHash, newAccessToken } from '../../src/accounts/tokens/format.ts'
import { HOME_SCOPES, LOCK_SCOPES, type Role } from '../../src/domain/account.ts'
import { ALWAYS, termsText } from '../../src/locks/rules/terms.ts'
import { addAccount, tokenFor } from '../support/accounts.ts'
import { PASSWORD, basic, bearer, clientOf } from '../support/app.ts'
import { type Service, UNLIMITED, startService, temporaryFolder } from '../support/binary.ts'
import { enrol } from '../support/second-factor.ts'
import { type HomeDatabase, homeDatabase } from '../support/home-database.ts'

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const

/** The answers to each kind of caller. A route that is not listed, or a different answer, fails. */
const GOLDEN = readFileSync(join(import.meta.dir, 'access-matrix.txt'), 'utf8')
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'))
  .map((line) => {
    const [path = '', kind = '', ...statuses] = line.split(/ +/)
    return { path, kind, answers: statuses.join(' ') }
  })

const answersAt = async (url: string, headers: Record<string, string>) => {
  const statuses: number[] = []
  for (const method of METHODS) {
    const hasBody = method !== 'GET' && method !== 'HEAD'
    const answer = await fetch(url, {
      method,
      headers: { origin: new URL(url).origin, 'content-type': 'application/json', ...headers },
      ...(hasBody ? { body: '{}' } : {}),
    })
    // A stream has no end.
    await answer.body?.cancel()
    statuses.push(answer.status)
  }
  return statuses.join(' ')
}

describe('who may call what on the compiled executable', () => {
  let service: Service
  let db: HomeDatabase
  const callers: Record<
    string,
    {
      kind: 'stranger' | 'token' | 'unscoped' | 'controller' | 'guest' | Role
      headers: Record<string, string>
    }
  > = {}

  const signIn = async (username: string) => {
    const answer = await clientOf(service.url).post('/login', { username, password: PASSWORD })
    return ((await answer.json()) as { access_token: string }).access_token
  }

  beforeAll(async () => {
    service = await startService({ env: UNLIMITED })
    const names = {
      member: ['mia', 'max', 'cora', 'expired', 'revoked', 'disabled', 'deleted'],
      admin: ['amy'],
      owner: ['oli', 'otto'],
    }
    for (const role of ['member', 'admin', 'owner'] as const)
      for (const name of names[role]) await addAccount(name, { role, folder: service.folder })
    const tokenOf: Record<string, string> = {}
    for (const name of Object.values(names).flat()) tokenOf[name] = await signIn(name)

    db = await homeDatabase(service.folder)
    const account = (name: string) => `(SELECT id FROM account WHERE username = '${name}')`
    await db.run(`UPDATE session SET expires_at_ms = 1 WHERE account_id = ${account('expired')}`)
    await db.run(`DELETE FROM session WHERE account_id = ${account('revoked')}`)
    await db.run("UPDATE account SET disabled_at_ms = 1 WHERE username = 'disabled'")
    await db.run("DELETE FROM account WHERE username = 'deleted'")

    const token = (name: string) => bearer(tokenOf[name] ?? '')
    const accessToken = async (id: string, scopes: readonly string[]) => {
      const text = newAccessToken()
      await db.run(
        `INSERT INTO access_token (id, account_public_id, name, hash, scopes, created_at_ms)
         VALUES (?, (SELECT public_id FROM account WHERE username = 'oli'), '', ?, ?, 1)`,
        id,
        accessTokenHash(text) ?? '',
        JSON.stringify(scopes),
      )
      return bearer(text)
    }
    const controller = `slc_${'A'.repeat(43)}`
    await db.run(
      `INSERT INTO controller
         (id, lock_id, public_key, token_hash, name, enrolled_at_ms, seen_at_ms)
       VALUES ('1', (SELECT id FROM lock LIMIT 1), ?, ?, '', 1, 1)`,
      Uint8Array.of(4),
      new Bun.CryptoHasher('sha256').update(controller).digest(),
    )
    const guest = async () => {
      const hash = createHash('sha256').update('a secret').digest()
      await db.run(
        "INSERT INTO pass (id, label, devices_max, created_at_ms) VALUES ('1', 'Max', 1, 1)",
      )
      await db.run(
        `INSERT INTO pass_device (id, pass_id, cookie_hash, bound_at_ms, seen_at_ms)
         VALUES ('1', '1', ?, 1, 1)`,
        hash,
      )
      await db.run(
        `INSERT INTO access_grant (id, holder, terms, version, created_at_ms)
         VALUES ('1', 'pass:1', ?, 1, 1)`,
        termsText(ALWAYS.terms),
      )
      return { cookie: 'lock-guest=a secret' }
    }
    const everyScope = [...HOME_SCOPES, ...LOCK_SCOPES.map((scope) => `${scope}:front-door`)]
    const cookie = (name: string) => ({ cookie: `lock-access=${tokenOf[name]}` })
    Object.assign(callers, {
      'no token': { kind: 'stranger', headers: {} },
      garbage: { kind: 'stranger', headers: bearer('garbage') },
      expired: { kind: 'stranger', headers: token('expired') },
      revoked: { kind: 'stranger', headers: token('revoked') },
      disabled: { kind: 'stranger', headers: token('disabled') },
      deleted: { kind: 'stranger', headers: token('deleted') },
      member: { kind: 'member', headers: token('mia') },
      'other member': { kind: 'member', headers: token('max') },
      admin: { kind: 'admin', headers: token('amy') },
      owner: { kind: 'owner', headers: token('oli') },
      'token with every scope': { kind: 'token', headers: await accessToken('1', everyScope) },
      'token with none': { kind: 'unscoped', headers: await accessToken('2', []) },
      controller: { kind: 'controller', headers: bearer(controller) },
      'member by cookie': { kind: 'member', headers: cookie('cora') },
      'owner by cookie': { kind: 'owner', headers: cookie('otto') },
      guest: { kind: 'guest', headers: await guest() },
      'cookie of an ended session': { kind: 'stranger', headers: cookie('revoked') },
    })
  })

  afterAll(async () => {
    await db.close()
    await service.stop()
  })

  test('[A1] every route and method gives every kind of caller the listed answer', async () => {
    for (const { path, kind, answers } of GOLDEN)
      for (const [caller, { headers }] of Object.entries(callers).filter(
        ([, one]) => one.kind === kind,
      ))
        expect(`${caller} ${path}: ${await answersAt(service.url + path, headers)}`).toBe(
          `${caller} ${path}: ${answers}`,
        )
  })

  test('[A1] a path without a line for access tokens refuses all of them', async () => {
    const listed = new Set(GOLDEN.flatMap(({ path, kind }) => (kind === 'token' ? path : [])))
    for (const path of new Set(GOLDEN.map((row) => row.path)).difference(listed))
      for (const { kind, headers } of Object.values(callers).filter(
        ({ kind: one }) => one === 'token',
      ))
        expect(`${kind} ${path}: ${await answersAt(service.url + path, headers)}`).toMatch(
          /: (40[35] ?){7}$/,
        )
  })

  test.each(['controller', 'guest'])(
    '[A1] a %s is a stranger wherever no line says otherwise',
    async (kind) => {
      const listed = new Set(GOLDEN.flatMap((row) => (row.kind === kind ? row.path : [])))
      const headers = callers[kind]?.headers ?? {}
      for (const { path, answers } of GOLDEN.filter((row) => row.kind === 'stranger'))
        if (!listed.has(path))
          expect(`${path}: ${await answersAt(service.url + path, headers)}`).toBe(
            `${path}: ${answers}`,
          )
    },
  )

  test('[A1] every documented path is in the list', async () => {
    const spec = (await (await fetch(`${service.url}/swagger/json`)).json()) as { paths: object }
    const listed = new Set(GOLDEN.map(({ path }) => path))
    expect(Object.keys(spec.paths).filter((path) => !listed.has(path))).toStrictEqual([])
  })

  test('[I2] a wrong method is answered with the right ones', async () => {
    const allow = async (path: string) =>
      (await fetch(service.url + path, { method: 'DELETE' })).headers.get('allow')
    expect(await allow('/login')).toBe('POST')
    expect(await allow('/getLogs')).toBe('GET, HEAD, POST')
    expect(await allow('/readyz')).toBe('GET, HEAD')
  })

  test('the tables open to the name and password of an owner or admin, and to nobody else', async () => {
    const status = async (headers: Record<string, string>) =>
      (await clientOf(service.url).get('/getUsers', headers)).status
    expect(await status(basic('oli', PASSWORD))).toBe(200)
    expect(await status(basic('amy', PASSWORD))).toBe(200)
    expect(await status(basic('mia', PASSWORD))).toBe(401)
    expect(await status(basic('oli', 'wrong'))).toBe(401)
    expect(await status(basic('', ''))).toBe(401)
    expect(await status({ authorization: 'Basic !!!' })).toBe(401)
    const refused = await clientOf(service.url).get('/getUsers')
    expect(refused.headers.get('www-authenticate')).toBe(
      'Basic realm="Secure Lock Server", charset="UTF-8"',
    )
  })

  test('[A2] a member, by token or by password, reads nothing about others', async () => {
    const { get, post } = clientOf(service.url)
    for (const path of ['/getLogs', '/getUsers'])
      for (const headers of [bearer(await signIn('mia')), basic('mia', PASSWORD)])
        for (const answer of [await get(path, headers), await post(path, {}, headers)]) {
          expect(answer.status).toBe(401)
          expect(await answer.text()).not.toMatch(/oli|max/)
        }
  })

  test('browsers reuse scripts and styles only as long as they are unchanged', async () => {
    for (const path of ['/page.css', '/swagger/swagger-ui.js']) {
      const first = await clientOf(service.url).get(path)
      const etag = first.headers.get('etag') ?? ''
      expect(first.headers.get('cache-control')).toBe('no-cache')
      expect((await first.text()).length).toBeGreaterThan(100)
      const again = await clientOf(service.url).get(path, { 'if-none-match': etag })
      expect([again.status, again.headers.get('x-content-type-options')]).toStrictEqual([
        304,
        'nosniff',
      ])
      expect((await clientOf(service.url).get(path, { 'if-none-match': '"x"' })).status).toBe(200)
    }
  })

  test('[A6] a role revoked in the database is gone at the next request', async () => {
    const headers = bearer(await signIn('amy'))
    const status = async () => (await clientOf(service.url).get('/getLogs', headers)).status
    expect(await status()).toBe(200)
    await db.run("UPDATE account SET role = 'member' WHERE username = 'amy'")
    expect(await status()).toBe(401)
    await db.run("UPDATE account SET role = 'admin' WHERE username = 'amy'")
  })

  test('[T3] a session ended in the database fails at the next request, also after a restart', async () => {
    const folder = temporaryFolder()
    const person = { username: 'ada', password: PASSWORD, phone: '1', address: 'x' }
    const unlock = async (url: string, token: string) =>
      (await clientOf(url).post('/logUnlocking', { 'unlocking-method': 'pin' }, bearer(token)))
        .status
    const before = await startService({ env: UNLIMITED, folder })
    const { post } = clientOf(before.url)
    await post('/register', person)
    const login = async () =>
      ((await (await post('/login', person)).json()) as { access_token: string }).access_token
    const [ended, kept] = [await login(), await login()]
    expect(await unlock(before.url, ended)).toBe(200)
    const { sid } = JSON.parse(atob(ended.split('.')[1] ?? '')) as { sid: string }
    await using sessions = await homeDatabase(folder)
    await sessions.run('DELETE FROM session WHERE id = ?', sid)
    expect(await unlock(before.url, ended)).toBe(401)
    await before.stop()
    await using after = await startService({ env: UNLIMITED, folder })
    expect(await unlock(after.url, ended)).toBe(401)
    expect(await unlock(after.url, kept)).toBe(200)
    await after.stop()
    rmSync(folder, { recursive: true })
  })

  test('[A3] privileged fields in a body change nothing', async () => {
    const { post } = clientOf(service.url)
    const body = {
      username: 'eve',
      password: PASSWORD,
      phone: '1',
      address: 'x',
      role: 'owner',
      id: 1,
      public_id: 'mine',
      disabled_at_ms: null,
      created_at_ms: 1,
    }
    expect((await post('/register', JSON.stringify(body))).status).toBe(200)
    const headers = bearer(await signIn('eve'))
    const unlock = { 'unlocking-method': 'pin', id: 99, seq: 99, username: 'oli', received_at: 1 }
    expect((await post('/logUnlocking', unlock, headers)).status).toBe(200)
    const eve = await db.get<Record<string, unknown>>(
      "SELECT * FROM account WHERE username = 'eve'",
    )
    expect(eve).toMatchObject({ role: 'member' })
    expect([eve?.['id'], eve?.['public_id'], eve?.['created_at_ms']]).not.toContainAnyValues([
      1,
      'mine',
    ])
    const last = await db.get<{ seq: number; received_at_ms: number }>(
      `SELECT unlock_event.*, unlock_account.public_id AS account_public_id
       FROM unlock_event
       JOIN unlock_account ON number = account_number
       ORDER BY seq DESC
       LIMIT 1`,
    )
    expect(last).toMatchObject({ username: 'eve', account_public_id: eve?.['public_id'] })
    expect(last?.seq).toBeLessThan(99)
    expect(last?.received_at_ms).toBeGreaterThan(1e12)
  })

  test('[A4] answers contain the listed fields and nothing else', async () => {
    const headers = basic('oli', PASSWORD)
    const { get, post } = clientOf(service.url)
    const users = (await (await get('/getUsers', headers)).json()) as Record<string, object>
    for (const user of Object.values(users))
      expect(Object.keys(user)).toStrictEqual([
        'id',
        'public_id',
        'username',
        'phone',
        'address',
        'email',
        'role',
      ])
    const logs = (await (await get('/getLogs', headers)).json()) as Record<string, object>
    for (const row of Object.values(logs))
      expect(Object.keys(row)).toStrictEqual(['id', 'username', 'unlocking_method', 'date_time'])
    const everything =
      JSON.stringify(users) +
      (await (await get('/getUsers', { ...headers, accept: 'text/html' })).text())
    expect(everything).not.toMatch(/argon2|password/i)
    const login = await (await post('/login', { username: 'mia', password: PASSWORD })).json()
    expect(Object.keys(login as object)).toStrictEqual([
      'access_token',
      'token_type',
      'expires_in',
      'refresh_token',
      'device_token',
    ])
  })
})

describe('who may call what if a second factor is required', () => {
  /** The answers to that kind of caller, except for logging out, which would end the test. */
  const goldenOf = (kind: Role): Record<string, string> =>
    Object.fromEntries(
      GOLDEN.filter((row) => row.kind === kind && row.path !== '/v1/session/logout').map(
        ({ path, answers }) => [path, answers],
      ),
    )

  test('[A1] an owner or admin without one has the rights of a member, and with one all of theirs', async () => {
    await using service = await startService({ env: { ...UNLIMITED, SECOND_FACTOR: 'required' } })
    const client = clientOf(service.url)
    for (const role of ['admin', 'owner'] as const) {
      await addAccount(role, { role, folder: service.folder })
      const token = await tokenFor(service.url, role)
      const seen = async (paths: readonly string[]) => {
        const answers: Record<string, string> = {}
        for (const path of paths) answers[path] = await answersAt(service.url + path, bearer(token))
        return answers
      }
      const paths = Object.keys(goldenOf('member'))
      // The tables answer with a reason here, but ask a member for a name and password.
      const refused = '403 403 403 405 405 405 405'
      expect(await seen(paths)).toStrictEqual({
        ...goldenOf('member'),
        '/getLogs': refused,
        '/getUsers': refused,
      })
      await enrol(client, token)
      expect(await seen(paths)).toStrictEqual(goldenOf(role))
    }
  })
})
