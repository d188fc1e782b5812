import { describe, expect, test } from 'bun:test'
import { homeDatabase } from '../../support/home-database.ts'
import { addAccount, tokenFor } from '../../support/accounts.ts'
import { PASSWORD, bearer, clientOf } from '../../support/app.ts'
import { UNLIMITED, runCommand, startService, temporaryFolder } from '../../support/binary.ts'

type Grant = { id: string; version: number; state: string; code?: string }
type Decision = { decision: string; reason: string | null; grant: string | null }

/** The executable with the locks front-door and garage, an owner, an admin and a member. */
const home = async () => {
  const folder = temporaryFolder()
  const env = { ...UNLIMITED, HOME_ZONE: 'Europe/Berlin' }
  for (const [name, role] of [
    ['oli', 'owner'],
    ['amy', 'admin'],
    ['eva', 'member'],
  ] as const)
    await addAccount(name, { role, folder, env })
  const service = await startService({ folder, env })
  const client = clientOf(service.url)
  const tokens = new Map<string, Record<string, string>>()
  const as = async (name: string) => {
    const known = tokens.get(name) ?? bearer(await tokenFor(service.url, name))
    tokens.set(name, known)
    return known
  }
  const post = async (path: string, body: unknown, by: string, headers = {}) => {
    const answer = await client.post(path, body, { ...(await as(by)), ...headers })
    return { status: answer.status, body: (await answer.json()) as Grant & Decision }
  }
  await post('/v1/locks', { label: 'garage', name: 'garage' }, 'oli')
  {
    // Otherwise members may open the front door at any time.
    await using db = await homeDatabase(folder)
    for (const table of ['access_grant_lock', 'access_grant']) await db.run(`DELETE FROM ${table}`)
  }
  const idOf = async (name: string) => {
    const answer = await client.get(`/v1/people?text=${name}`, await as('oli'))
    return ((await answer.json()) as { people: { id: string }[] }).people[0]?.id ?? ''
  }
  return {
    ...service,
    client,
    as,
    idOf,
    run: (...args: string[]) => runCommand(args, { folder, env }),
    grant: (body: object, by = 'oli') => post('/v1/grants', body, by),
    revoke: (id: string) => post(`/v1/grants/${id}/revocation`, {}, 'oli'),
    /** Asks to open a lock. */
    open: async (label: string, by: string) => {
      const { body } = await post(`/v1/locks/${label}/unlock`, { id: crypto.randomUUID() }, by)
      return `${body.decision} ${body.reason ?? ''}`.trim()
    },
  }
}

describe('with the compiled executable, a grant', () => {
  test('opens what it says, from its commit to that of its revocation', async () => {
    await using app = await home()
    const holder = { account: await app.idOf('eva') }
    expect(await app.open('front-door', 'eva')).toBe('denied no_grant')
    const made = await app.grant({ holder, locks: ['front-door'] })
    expect(made.status).toBe(201)
    expect(await app.open('front-door', 'eva')).toBe('permitted')
    expect(await app.open('garage', 'eva')).toBe('denied no_grant')
    const later = { starts_at: '2090-01-01T00:00' }
    const patch = async (body: object, version: number) =>
      app.client.patch(`/v1/grants/${made.body.id}`, body, {
        ...(await app.as('amy')),
        'if-match': `"${version}"`,
      })
    expect((await patch(later, 1)).status).toBe(200)
    expect(await app.open('front-door', 'eva')).toBe('denied not_yet_valid')
    expect((await patch({ starts_at: null, locks: 'all' }, 2)).status).toBe(200)
    expect(await app.open('garage', 'eva')).toBe('permitted')
    await app.revoke(made.body.id)
    expect(await app.open('garage', 'eva')).toBe('denied revoked')
    await app.stop()
    expect(await app.run('log', 'verify')).toMatchObject({ status: 0 })
  })

  test('by name lets somebody in who registered a minute ago, and one for members does not', async () => {
    await using app = await home()
    const person = { username: 'wim', password: PASSWORD, phone: '1', address: 'x' }
    expect((await app.client.post('/register', person)).status).toBe(200)
    await app.grant({ holder: { role: 'member' }, locks: 'all' })
    expect(await app.open('garage', 'wim')).toBe('denied not_admitted')
    expect(await app.open('garage', 'eva')).toBe('permitted')
    await app.grant({ holder: { account: await app.idOf('wim') }, locks: ['front-door'] }, 'amy')
    expect(await app.open('front-door', 'wim')).toBe('permitted')
    const me = await app.client.get('/v1/me', await app.as('wim'))
    expect(await me.json()).toMatchObject({ admitted: true })
  })

  test('is made once by the service and the command line together, and changed by one of two admins', async () => {
    await using app = await home()
    const holder = { account: await app.idOf('eva') }
    const request = { key: 'booking-7', holder, locks: ['garage'], uses: 2 }
    const command = ['grant', 'add', '--who', 'eva', '--lock', 'garage', '--uses', '2']
    const outcomes = await Promise.all([
      ...Array.from({ length: 12 }, async () => {
        const { status, body } = await app.grant(request)
        return [status, body.id]
      }),
      ...Array.from({ length: 4 }, async () => {
        const { status, out } = await app.run(...command, '--key', 'booking-7')
        return [status, /\S{36}/.exec(out)?.[0]]
      }),
    ])
    const ids = new Set(outcomes.map(([, id]) => id))
    expect(ids.size).toBe(1)
    expect(
      new Set(outcomes.map(([status]) => status)).difference(new Set([0, 200, 201])),
    ).toBeEmpty()

    const [id] = ids
    const patches = await Promise.all(
      ['oli', 'amy'].map(async (by, index) =>
        app.client.patch(
          `/v1/grants/${id}`,
          { uses: 5 + index },
          { ...(await app.as(by)), 'if-match': '1' },
        ),
      ),
    )
    expect(patches.map(({ status }) => status).toSorted((one, other) => one - other)).toStrictEqual(
      [200, 412],
    )
    await app.stop()
    await using db = await homeDatabase(app.folder)
    expect(await db.all('SELECT version, key FROM access_grant')).toStrictEqual([
      { version: 2, key: 'booking-7' },
    ])
    expect(
      await db.all("SELECT kind FROM log_record WHERE kind LIKE 'grant.%' ORDER BY seq"),
    ).toStrictEqual([{ kind: 'grant.made' }, { kind: 'grant.changed' }])
  })

  test('that was acknowledged is there after a kill, with its leaf, or neither is', async () => {
    await using app = await home()
    const made: string[] = []
    const making = Array.from({ length: 40 }, async (_, index) => {
      const answer = await app
        .grant({ holder: { role: 'member' }, locks: ['garage'], uses: 1 + index })
        .catch(() => undefined)
      if (answer?.status !== 201) return
      made.push(answer.body.id)
      if (made.length === 10) await app.stop('SIGKILL')
    })
    await Promise.all(making)
    expect(made.length).toBeGreaterThanOrEqual(10)
    await using db = await homeDatabase(app.folder)
    const stored = await db.all<{ id: string }>('SELECT id FROM access_grant ORDER BY id')
    const leaves = await db.all<{ id: string }>(
      "SELECT substr(subject, 7) AS id FROM log_record WHERE kind = 'grant.made' ORDER BY 1",
    )
    expect(leaves).toStrictEqual(stored)
    const ids = new Set(stored.map(({ id }) => id))
    expect(made.filter((id) => !ids.has(id))).toStrictEqual([])
  })

  test('of somebody who is erased while it is made is there for nobody', async () => {
    await using app = await home()
    for (const name of ['tim', 'tom', 'tea']) await addAccount(name, { folder: app.folder })
    const ids = await Promise.all(['tim', 'tom', 'tea'].map(app.idOf))
    for (const account of ids) {
      const grants = Array.from({ length: 8 }, () =>
        app.grant({ holder: { account }, locks: ['garage'] }),
      )
      const erased = app.client.delete(`/v1/people/${account}`, {}, await app.as('oli'))
      for (const { status, body } of await Promise.all(grants))
        expect([201, 404]).toContain(body.code === 'not_found' ? 404 : status)
      expect((await erased).status).toBe(200)
      expect(await app.grant({ holder: { account }, locks: ['garage'] })).toMatchObject({
        status: 404,
      })
    }
    await app.stop()
    await using db = await homeDatabase(app.folder)
    for (const { holder, terms, revoked } of await db.all<{
      holder: unknown
      terms: unknown
      revoked: number | null
    }>('SELECT holder, terms, revoked_at_ms AS revoked FROM access_grant')) {
      expect([holder, terms]).toStrictEqual([null, null])
      expect(revoked).not.toBeNull()
    }
    expect(await db.all('SELECT * FROM access_grant_lock')).toStrictEqual([])
    expect(await app.run('log', 'verify')).toMatchObject({ status: 0 })
  })
})
