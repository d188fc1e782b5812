import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { addAccount } from '../../support/accounts.ts'
import { PASSWORD, bearer, clientOf } from '../../support/app.ts'
import { type Service, UNLIMITED, startService } from '../../support/binary.ts'
import { outcomeOf } from '../../support/household.ts'
import type { Spec } from '../../support/openapi.ts'

/** From where the owner logs in, and from where someone tried the owner's name. */
const ADDRESS = '203.0.113.77'
const DEVICE = 'OwnerPhone/9'
const TRIED_FROM = '203.0.113.78'

/** What belongs to an owner, and a request may name. */
const owned = {
  account: '',
  session: '',
  lockout: '',
  unlock: '',
  invitation: '',
  grant: '',
  holder: '',
  token: '',
  target: '',
}

/** Parameters that name nobody. A new one that does belongs into OWNER_NAMED. */
const NAMELESS = new Set(
  'role disabled admitted registered_from logins order limit cursor lock method result from to zone start end action format bom page state at tokens source before nonce wait door_key'.split(
    ' ',
  ),
)

const NO = '403 owner_needed'

/** Every parameter that can name an account or something of one, what an owner's is, and how an
 * admin's request is answered that names it. */
const OWNER_NAMED: Readonly<Record<string, readonly [keyof typeof owned | 'name', string]>> = {
  'GET /v1/sessions account': ['account', NO],
  'DELETE /v1/sessions account': ['account', NO],
  'DELETE /v1/sessions/{id} id': ['session', NO],
  'GET /v1/lockouts account': ['account', NO],
  'DELETE /v1/lockouts/{id} id': ['lockout', NO],
  'PATCH /v1/people/{id} id': ['account', NO],
  'DELETE /v1/people/{id} id': ['account', NO],
  'POST /v1/people/{id}/password-reset id': ['account', NO],
  'DELETE /v1/people/{id}/second-factor id': ['account', NO],
  'DELETE /v1/invitations/{id} id': ['invitation', '403 forbidden'],
  'PUT /v1/doctor/acceptances/{id} id': ['account', '403 forbidden'],
  'DELETE /v1/doctor/acceptances/{id} id': ['account', '403 forbidden'],
  'GET /v1/audit actor': ['account', '403 forbidden'],
  'GET /v1/audit subject': ['account', '403 forbidden'],
  // Grants, locks and holidays are everybody's in the home, and an attempt only its asker's and an admin's.
  'DELETE /v1/holidays/{date} date': ['name', '404 not_found'],
  'PUT /v1/holidays/{date} date': ['name', '400 invalid'],
  'PATCH /v1/locks/{label} label': ['name', '404 not_found'],
  'POST /v1/locks/{label}/unlock label': ['name', '404 not_found'],
  'GET /v1/locks/{label}/access label': ['name', '404 not_found'],
  'GET /v1/locks/{label}/access holder': ['holder', 'done'],
  'GET /v1/grants holder': ['holder', 'done'],
  'GET /v1/grants/{id} id': ['grant', 'done'],
  'PATCH /v1/grants/{id} id': ['grant', NO],
  'POST /v1/grants/{id}/revocation id': ['grant', NO],
  'GET /v1/locks/{label}/attempts/{id} label': ['name', '404 not_found'],
  'GET /v1/locks/{label}/attempts/{id} id': ['account', '404 not_found'],
  // Drivers, slots and operators are the owners' alone.
  'GET /v1/locks/{label}/driver label': ['name', '403 forbidden'],
  'PUT /v1/locks/{label}/driver label': ['name', '403 forbidden'],
  'DELETE /v1/locks/{label}/driver label': ['name', '403 forbidden'],
  'GET /v1/locks/{label}/operator label': ['name', '403 forbidden'],
  'PUT /v1/locks/{label}/operator label': ['name', '403 forbidden'],
  'DELETE /v1/locks/{label}/operator label': ['name', '403 forbidden'],
  'GET /v1/locks/{label}/slots label': ['name', '403 forbidden'],
  'PUT /v1/locks/{label}/slots/{slot} label': ['name', '403 forbidden'],
  'PUT /v1/locks/{label}/slots/{slot} slot': ['name', '403 forbidden'],
  'DELETE /v1/locks/{label}/slots/{slot} label': ['name', '403 forbidden'],
  'DELETE /v1/locks/{label}/slots/{slot} slot': ['name', '403 forbidden'],
  // Guests are the home's: an admin looks after those of an owner too. An attempt is its guest's own.
  'GET /v1/passes/{id} id': ['name', '404 not_found'],
  'GET /v1/passes/{id}/unlocks id': ['name', '404 not_found'],
  'PATCH /v1/passes/{id} id': ['name', '404 not_found'],
  'DELETE /v1/passes/{id} id': ['name', '404 not_found'],
  'POST /v1/passes/{id}/link id': ['name', '404 not_found'],
  'DELETE /v1/passes/{id}/devices/{device} id': ['name', '404 not_found'],
  'DELETE /v1/passes/{id}/devices/{device} device': ['name', '404 not_found'],
  'GET /v1/guest/attempts/{id} id': ['name', '401 no_such_pass'],
  // Controllers are the owners' to add and remove, and an admin's to look at.
  'GET /v1/locks/{label}/controllers label': ['name', '404 not_found'],
  'POST /v1/locks/{label}/controllers label': ['name', '403 forbidden'],
  'DELETE /v1/controllers/{id} id': ['name', '403 forbidden'],
  'POST /v1/grants/{id}/confirmation id': ['grant', '403 forbidden'],
  // An admin has tokens and targets like a member: their own.
  'DELETE /v1/me/tokens/{id} id': ['token', '404 not_found'],
  'DELETE /v1/tokens/{id} id': ['token', '403 forbidden'],
  'GET /v1/targets/{id} id': ['target', '404 not_found'],
  'PATCH /v1/targets/{id} id': ['target', '404 not_found'],
  'DELETE /v1/targets/{id} id': ['target', '404 not_found'],
  'GET /v1/targets/{id}/deliveries id': ['target', '404 not_found'],
  'POST /v1/targets/{id}/replay id': ['target', '404 not_found'],
  'POST /v1/targets/{id}/secret id': ['target', '404 not_found'],
  'POST /v1/targets/{id}/test id': ['target', '404 not_found'],
  // The list of accounts and the log of the door are an admin's to read.
  'GET /v1/people text': ['name', 'done'],
  'GET /v1/people unit': ['name', 'done'],
  'GET /v1/people/{id} id': ['account', 'done'],
  'GET /v1/unlocks account': ['account', 'done'],
  'GET /v1/unlocks text': ['name', 'done'],
  'GET /v1/unlocks unit': ['name', 'done'],
  'GET /v1/unlocks/stream account': ['account', 'done'],
  'GET /v1/unlocks/stream text': ['name', 'done'],
  'GET /v1/unlocks/stats unit': ['name', 'done'],
  'GET /v1/unlocks/stream unit': ['name', 'done'],
  'GET /v1/unlocks/{id} id': ['unlock', 'done'],
  'GET /v1/unlocks/{id}/receipt id': ['unlock', 'done'],
  'GET /v1/unlocks/export account': ['account', 'done'],
  'GET /v1/unlocks/export text': ['name', 'done'],
  'GET /v1/unlocks/export unit': ['name', 'done'],
}

/** Parameters that a request needs beside the one that names someone. */
const BESIDE: Readonly<Record<string, string>> = {
  '/v1/unlocks/export': 'format=csv',
  '/v1/locks/{label}/access': 'holder=role:member',
}

const BODIES: Readonly<Record<string, object>> = {
  '/v1/grants/{id}': { locks: 'all' },
  '/v1/grants/{id}/revocation': {},
  '/v1/locks/{label}': { name: 'Door' },
  '/v1/passes/{id}': { devices_max: 1 },
  '/v1/targets/{id}': { state: 'disabled' },
  '/v1/targets/{id}/replay': { since_seq: 0 },
  '/v1/targets/{id}/secret': { password: PASSWORD },
  '/v1/locks/{label}/unlock': { id: '0193c6a8-5f0e-7c3a-9b1d-2e4f6a8b0c1d' },
}

describe('an admin and an owner’s account on the compiled executable', () => {
  let service: Service
  let spec: Spec
  let tokens: Record<'owner' | 'admin', string>

  const logIn = async (username: string, password: string, headers: Record<string, string>) => {
    const answer = await clientOf(service.url).post('/login', { username, password }, headers)
    return (await answer.json()) as { access_token: string }
  }

  beforeAll(async () => {
    service = await startService({ env: { ...UNLIMITED, TRUSTED_PROXIES: '127.0.0.1' } })
    for (const role of ['owner', 'admin'] as const)
      await addAccount(role, { role, folder: service.folder })
    const own = await logIn('owner', PASSWORD, { 'x-forwarded-for': ADDRESS, 'user-agent': DEVICE })
    const admin = await logIn('admin', PASSWORD, { 'x-forwarded-for': '203.0.113.10' })
    tokens = { owner: own.access_token, admin: admin.access_token }
    for (let failure = 0; failure < 11; failure += 1)
      await logIn('owner', 'wrong horse battery', { 'x-forwarded-for': TRIED_FROM })

    const { get, post } = clientOf(service.url)
    const as = bearer(tokens.owner)
    const read = async <Answer>(path: string) => (await (await get(path, as)).json()) as Answer
    spec = await read<Spec>('/swagger/json')
    owned.account = (await read<{ id: string }>('/v1/me')).id
    owned.session =
      (await read<{ sessions: { id: string }[] }>('/v1/sessions')).sessions[0]?.id ?? ''
    owned.lockout =
      (await read<{ lockouts: { id: string }[] }>('/v1/lockouts')).lockouts[0]?.id ?? ''
    const invited = await post('/v1/invitations', { role: 'owner' }, as)
    owned.invitation = ((await invited.json()) as { id: string }).id
    await post('/logUnlocking', { 'unlocking-method': 'pin' }, as)
    owned.unlock = (await read<{ unlocks: { id: string }[] }>('/v1/unlocks')).unlocks[0]?.id ?? ''
    const granted = await post(
      '/v1/grants',
      { holder: { account: owned.account }, locks: 'all' },
      as,
    )
    owned.grant = ((await granted.json()) as { id: string }).id
    const token = { name: 'script', scopes: ['unlocks:read'], password: PASSWORD }
    owned.token = ((await (await post('/v1/me/tokens', token, as)).json()) as { id: string }).id
    const target = {
      kind: 'webhook',
      name: 'Script',
      settings: { url: 'http://192.0.2.7/' },
      password: PASSWORD,
    }
    owned.target = ((await (await post('/v1/targets', target, as)).json()) as { id: string }).id
    owned.holder = `account:${owned.account}`
    for (const [what, id] of Object.entries(owned))
      expect(`${what} ${id}`).toMatch(/ (account:)?[\w-]{20,}$/)
  })

  afterAll(() => service.stop())

  const named = () =>
    Object.entries(spec.paths).flatMap(([path, methods]) =>
      Object.entries(methods).flatMap(([method, { parameters = [] }]) =>
        parameters
          .filter((one) => one.in === 'path' || (one.in === 'query' && !NAMELESS.has(one.name)))
          .filter(({ name }) => !(path === '/manual/{page}' && name === 'page'))
          .map(({ name, in: place }) => ({ method: method.toUpperCase(), path, name, place })),
      ),
    )

  /** Sends a request in which one parameter is given. */
  const ask = async (
    role: 'owner' | 'admin',
    one: ReturnType<typeof named>[number],
    value: string,
  ) => {
    const path = one.place === 'path' ? one.path.replace(`{${one.name}}`, value) : one.path
    const inPath = path.replace('{label}', 'front-door')
    const beside = BESIDE[one.path]?.startsWith(`${one.name}=`) ? undefined : BESIDE[one.path]
    const query = [beside, one.place === 'query' ? `${one.name}=${value}` : undefined]
    const answer = await fetch(`${service.url}${inPath}?${query.filter(Boolean).join('&')}`, {
      method: one.method,
      headers: { ...bearer(tokens[role]), 'content-type': 'application/json', 'if-match': '"1"' },
      ...(one.method === 'GET'
        ? {}
        : { body: JSON.stringify(BODIES[one.path] ?? { disabled: true }) }),
    })
    return answer
  }

  test('[G4] every path and query that can name an account is listed', () => {
    expect(
      named()
        .map(({ method, path, name }) => `${method} ${path} ${name}`)
        .toSorted(),
    ).toEqual(Object.keys(OWNER_NAMED).toSorted())
  })

  test('[G4] an admin who names an owner’s account, session, lockout or invitation is refused, and only reads what is an admin’s to read', async () => {
    for (const one of named()) {
      const [what, expected] = OWNER_NAMED[`${one.method} ${one.path} ${one.name}`] ?? ['name', '']
      const answer = await ask('admin', one, what === 'name' ? 'owner' : owned[what])
      if (expected !== 'done') {
        expect(`${one.method} ${one.path}: ${await outcomeOf(answer)}`).toBe(
          `${one.method} ${one.path}: ${expected}`,
        )
        continue
      }
      expect(`${one.path} ${answer.status}`).toBe(`${one.path} 200`)
      // A stream has no end.
      const text = one.path.endsWith('/stream') ? '' : await answer.text()
      await answer.body?.cancel().catch(() => {})
      expect(text).not.toContain(DEVICE)
      expect(text).not.toMatch(/203\.0\.113\.7/)
    }
    const mine = await clientOf(service.url).get('/v1/me', bearer(tokens.owner))
    expect(mine.status).toBe(200)
  })

  test('[G4] no answer shows an admin the addresses and devices of an owner', async () => {
    const paths = Object.entries(spec.paths).flatMap(([path, methods]) =>
      methods['get'] && !path.includes('{') && !path.endsWith('/stream') ? [path] : [],
    )
    expect(paths).toContain('/v1/lockouts')
    for (const path of paths) {
      const text = await (await clientOf(service.url).get(path, bearer(tokens.admin))).text()
      expect(`${path} ${text}`).not.toContain(DEVICE)
      expect(`${path} ${text}`).not.toMatch(/203\.0\.113\.7/)
    }
    const lockouts = async (role: 'owner' | 'admin') => {
      const answer = await clientOf(service.url).get('/v1/lockouts', bearer(tokens[role]))
      return (await answer.json()) as object
    }
    const lockout = { kind: 'client_at_name', username: 'owner' }
    expect(await lockouts('admin')).toMatchObject({ lockouts: [{ ...lockout, address: null }] })
    expect(await lockouts('owner')).toMatchObject({
      lockouts: [{ ...lockout, address: TRIED_FROM }],
    })
  })

  test('[G4, O3] each refusal is one sentence and one audit event', async () => {
    const { delete: remove, get } = clientOf(service.url)
    const refusals = async () => {
      const query = `action=session.end_all&result=failure&subject=${owned.account}`
      const answer = await get(`/v1/audit?${query}`, bearer(tokens.owner))
      return ((await answer.json()) as { events: object[] }).events
    }
    const before = await refusals()
    const answer = await remove(`/v1/sessions?account=${owned.account}`, {}, bearer(tokens.admin))
    expect(await answer.json()).toMatchObject({
      status: 403,
      detail: 'Only an owner may do this to an owner’s account',
    })
    const events = await refusals()
    expect(events).toHaveLength(before.length + 1)
    expect(events[0]).toMatchObject({
      actor: { name: 'admin' },
      subject: { name: 'owner' },
      detail: { reason: 'owner_needed' },
    })
  })

  test('[G4, T5] another owner may do all of it', async () => {
    await addAccount('other', { role: 'owner', folder: service.folder })
    const other = await logIn('other', PASSWORD, { 'x-forwarded-for': '203.0.113.11' })
    const { delete: remove, get } = clientOf(service.url)
    const as = bearer(other.access_token)
    const open = await get(`/v1/sessions?account=${owned.account}`, as)
    expect(await open.json()).toMatchObject({
      sessions: [{ address: ADDRESS, user_agent: DEVICE }],
    })
    for (const path of [
      `/v1/lockouts/${owned.lockout}`,
      `/v1/invitations/${owned.invitation}`,
      `/v1/sessions/${owned.session}`,
      `/v1/sessions?account=${owned.account}`,
      `/v1/people/${owned.account}`,
    ])
      expect(`${path} ${(await remove(path, {}, as)).status}`).toBe(`${path} 200`)
  })
})
