import { describe, expect, test } from 'bun:test'
import { recordsOf } from '../../support/app.ts'
import { homeWithLocks } from '../../support/home-with-locks.ts'

type Home = Awaited<ReturnType<typeof homeWithLocks>>
type RecordRow = {
  kind: string
  subject: string | null
  by: string | null
  about: string | null
  body: string | null
}

/** The leaves of grants, oldest first. */
const leaves = async ({ db }: Home) => {
  const rows = await db.all<RecordRow>(
    `SELECT kind, subject, by_public_id AS "by", about_public_id AS about, body
     FROM log_record WHERE kind LIKE 'grant.%' ORDER BY seq`,
  )
  return rows.map((row) => ({ ...row, body: JSON.parse(row.body ?? 'null') as unknown }))
}

describe('each grant, change and revocation', () => {
  test('leaves an audit event and a leaf of the log, which commits to all that was granted', async () => {
    await using home = await homeWithLocks()
    const [eva = '', oli = '', amy = ''] = ['eva', 'oli', 'amy'].map(home.idOf)
    const { body } = await home.grant({
      key: 'booking-1',
      holder: home.holder('eva'),
      locks: ['garage', 'front-door'],
      windows: [{ days: ['sat', 'fri'], from: '22:00', until: '06:00' }],
      holidays: [{ from: '10:00', until: '12:00' }],
      starts_at: '2040-03-20T00:00',
      ends_at: '2040-04-01T00:00',
      uses: 9,
      home_network: true,
    })
    await home.change(body.id, { locks: 'all', windows: null, ends_at: null }, 1, 'amy')
    await home.revoke(body.id, { why: 'Moved out' })

    const at = { subject: `grant:${body.id}`, about: eva }
    const first = {
      grant: body.id,
      version: 1,
      holder: `account:${eva}`,
      locks: ['front-door', 'garage'],
      windows: [{ days: ['fri', 'sat'], from: '22:00', until: '06:00' }],
      holidays: [{ from: '10:00', until: '12:00' }],
      starts_at: '2040-03-19T23:00:00.000Z',
      ends_at: '2040-03-31T22:00:00.000Z',
      uses: 9,
      home_network: true,
    }
    const second = { ...first, version: 2, locks: 'all', windows: null, ends_at: null }
    expect(await leaves(home)).toStrictEqual([
      { ...at, kind: 'grant.made', by: oli, body: { ...first, by: oli } },
      { ...at, kind: 'grant.changed', by: amy, body: { ...second, by: amy } },
      {
        ...at,
        kind: 'grant.revoked',
        by: oli,
        body: { ...second, by: oli, why: 'Moved out' },
      },
    ])
    for (const [action, actor, version] of [
      ['grant.make', oli, 1],
      ['grant.change', amy, 2],
      ['grant.revoke', oli, 2],
    ] as const)
      expect(recordsOf(home.logLines, action)).toMatchObject([
        { result: 'success', actor, subject: eva, detail: { grant: body.id, version } },
      ])
  })

  test('of a role is about no person', async () => {
    await using home = await homeWithLocks()
    const { body } = await home.grant({ holder: { role: 'member' }, locks: 'all' })
    expect(await leaves(home)).toMatchObject([
      { kind: 'grant.made', about: null, body: { holder: 'role:member', locks: 'all' } },
    ])
    expect(recordsOf(home.logLines, 'grant.make')).toMatchObject([
      { subject: 'role:member', detail: { grant: body.id, version: 1 } },
    ])
  })

  test('is not stored if its leaf cannot be', async () => {
    await using home = await homeWithLocks()
    // The next leaf is there already.
    await home.db.run(
      `INSERT INTO log_record (
         seq, id, kind, body_hash, at_ms, is_time_uncertain, leaf_hash
       )
       SELECT size, 'taken', 'grant.made', ?, 0, 0, ? FROM log_head`,
      new Uint8Array(32),
      new Uint8Array(32),
    )
    const { status } = await home.grant({ holder: { role: 'member' }, locks: 'all' })
    expect(status).toBeGreaterThanOrEqual(500)
    expect((await home.grants()).body.grants).toStrictEqual([])
    expect(await home.db.all('SELECT * FROM access_grant_lock')).toStrictEqual([])
  })
})

describe('erasing somebody', () => {
  const erase = async (home: Home, name: string) => {
    const answer = await home.delete(`/v1/people/${home.idOf(name)}`, {}, home.as('oli'))
    expect(answer.status).toBe(200)
  }

  test('revokes and blanks what they were granted, in the same transaction', async () => {
    await using home = await homeWithLocks()
    const holder = home.holder('eva')
    const { body: live } = await home.grant({ holder, locks: ['garage'], key: 'k-1', uses: 3 })
    const { body: revoked } = await home.grant({ holder, locks: 'all' })
    await home.revoke(revoked.id, { why: 'Eva lost her keys' })
    const { body: others } = await home.grant({ holder: { role: 'member' }, locks: ['garage'] })
    // The audit trail still says whose they were: with the time of a visit, two of them would join visits.
    await home.db.run("UPDATE access_grant SET used_at_ms = 5, used_by = 'session lock'")
    await erase(home, 'eva')

    for (const { id } of [live, revoked])
      expect((await home.find(id)).body).toMatchObject({
        state: 'revoked',
        holder: null,
        locks: [],
        windows: null,
        key: null,
        made_by: null,
        why: null,
        words: 'A grant of a person who has been erased',
        occurs: [],
      })
    expect((await home.find(others.id)).body).toStrictEqual(others)
    expect(
      await home.db.all(
        `SELECT id, holder, terms, key, used_at_ms, used_by, made_by, revoked_why FROM access_grant
         WHERE holder IS NULL ORDER BY id`,
      ),
    ).toStrictEqual(
      [live, revoked].map(({ id }) => ({
        id,
        holder: null,
        terms: null,
        key: null,
        used_at_ms: null,
        used_by: null,
        made_by: null,
        revoked_why: null,
      })),
    )
    expect(await home.db.all('SELECT grant_id FROM access_grant_lock')).toStrictEqual([
      { grant_id: others.id },
    ])
    // One more leaf, for the grant that was live.
    expect((await leaves(home)).map(({ kind }) => kind)).toStrictEqual([
      'grant.made',
      'grant.made',
      'grant.revoked',
      'grant.made',
      'grant.revoked',
    ])
    expect(recordsOf(home.logLines, 'grant.revoke')).toMatchObject([
      { actor: home.idOf('oli') },
      { client: 'gateway', subject: holder.account, detail: { grant: live.id } },
    ])
    const text = JSON.stringify((await home.grants()).body)
    for (const gone of [holder.account, 'eva', 'lost her keys', 'k-1'])
      expect(text).not.toContain(gone)
  })

  test('writes no leaf for grants that had ended, however many, and blanks them', async () => {
    await using home = await homeWithLocks()
    const holder = home.holder('eva')
    const { body } = await home.grant({ holder, locks: 'all', ends_at: '2040-03-20T00:00' })
    await home.later(2 * 86_400_000, 'oli')
    await erase(home, 'eva')
    expect((await leaves(home)).map(({ kind }) => kind)).toStrictEqual(['grant.made'])
    expect((await home.find(body.id)).body).toMatchObject({
      state: 'ended',
      holder: null,
      locks: [],
    })
    expect(await home.db.all('SELECT grant_id FROM access_grant_lock')).toStrictEqual([])
  })

  test('frees the keys of their grants, and refuses every change of them', async () => {
    await using home = await homeWithLocks()
    const { body } = await home.grant({ holder: home.holder('eva'), locks: ['garage'], key: 'k' })
    await erase(home, 'eva')
    expect(await home.change(body.id, { uses: 3 }, 1)).toMatchObject({
      status: 409,
      body: { code: 'grant_revoked' },
    })
    expect(await home.revoke(body.id)).toMatchObject({ status: 200, body: { effective: [] } })
    expect(
      await home.grant({ holder: home.holder('max'), locks: ['garage'], key: 'k' }),
    ).toMatchObject({ status: 201 })
  })

  test('who made grants keeps the grants, but not that they made them', async () => {
    await using home = await homeWithLocks()
    const { body } = await home.grant({ holder: home.holder('eva'), locks: ['garage'] }, 'amy')
    expect(body.made_by).toBe(home.idOf('amy'))
    await erase(home, 'amy')
    expect((await home.find(body.id)).body).toStrictEqual({ ...body, made_by: null })
    await home.later(0, 'eva')
    expect((await home.grants('', 'eva')).body.grants).toHaveLength(1)
  })

  test('blanks the leaves about them and by them', async () => {
    await using home = await homeWithLocks()
    const { body: live } = await home.grant(
      { holder: home.holder('eva'), locks: ['garage'] },
      'amy',
    )
    const { body: other } = await home.grant({ holder: home.holder('max'), locks: 'all' }, 'oli')
    await home.grant({ holder: home.holder('max'), locks: 'all', uses: 1 }, 'amy')
    await erase(home, 'eva')
    await erase(home, 'amy')
    const blank = { subject: null, by: null, about: null, body: null }
    expect(await leaves(home)).toMatchObject([
      { kind: 'grant.made', ...blank },
      { kind: 'grant.made', subject: `grant:${other.id}`, by: home.idOf('oli') },
      { kind: 'grant.made', ...blank },
      { kind: 'grant.revoked', ...blank },
    ])
    const rows = JSON.stringify(await home.db.all('SELECT subject, body FROM log_record'))
    for (const gone of [live.id, home.idOf('eva'), home.idOf('amy')])
      expect(rows).not.toContain(gone)
  })

  test('removes their attempts, and that they were the last to use a grant', async () => {
    await using home = await homeWithLocks()
    const { body: shared } = await home.grant({ holder: { role: 'member' }, locks: 'all', uses: 9 })
    const [lock] = await home.db.all<{ id: string }>("SELECT id FROM lock WHERE label = 'garage'")
    for (const [index, name] of ['eva', 'eva', 'max'].entries())
      await home.db.run(
        `INSERT INTO attempt (id, request_hash, lock_id, account_public_id, session_id, grant_id,
           decision, decided_at_ms) VALUES (?, ?, ?, ?, ?, ?, 'permitted', 1)`,
        `a-${index}`,
        new Uint8Array(1),
        lock?.id ?? '',
        home.idOf(name),
        `session-of-${name}`,
        shared.id,
      )
    const usedBy = () => home.db.all('SELECT used_by FROM access_grant')
    const use = (name: string) =>
      home.db.run('UPDATE access_grant SET used_by = ?', `session-of-${name} garage`)
    await use('max')
    await erase(home, 'eva')
    expect(await usedBy()).toStrictEqual([{ used_by: 'session-of-max garage' }])
    expect(await home.db.all('SELECT id FROM attempt')).toStrictEqual([{ id: 'a-2' }])
    await erase(home, 'max')
    expect(await usedBy()).toStrictEqual([{ used_by: null }])
    expect(await home.db.all('SELECT id FROM attempt')).toStrictEqual([])
  })
})

test('a person’s export has their own grants and attempts, and nobody else’s', async () => {
  await using home = await homeWithLocks()
  const { body: own } = await home.grant({
    holder: home.holder('eva'),
    locks: ['garage'],
    key: 'k',
  })
  const { body: others } = await home.grant({ holder: home.holder('max'), locks: ['garage'] })
  await home.grant({ holder: { role: 'member' }, locks: ['front-door'] })
  const [lock] = await home.db.all<{ id: string }>("SELECT id FROM lock WHERE label = 'garage'")
  const add = (id: string, name: string, grant: string) =>
    home.db.run(
      `INSERT INTO attempt (id, request_hash, lock_id, account_public_id, session_id, grant_id,
         decision, reason, decided_at_ms) VALUES (?, ?, ?, ?, 's', ?, 'denied', 'expired', 0)`,
      id,
      new Uint8Array(1),
      lock?.id ?? '',
      home.idOf(name),
      grant,
    )
  // A whole page of attempts, and none after it.
  const ids = Array.from({ length: 500 }, (_, index) => `a-${1000 + index}`)
  for (const id of ids) await add(id, 'eva', own.id)
  await add('b-1', 'max', others.id)
  const answer = await home.get('/v1/me/export', home.as('eva'))
  expect(answer.status).toBe(200)
  const file = (await answer.json()) as { grants: { id: string }[]; attempts: { id: string }[] }
  expect(file.grants).toStrictEqual([{ ...own, key: null, made_by: null } as { id: string }])
  expect(file.attempts.map(({ id }) => id)).toStrictEqual(ids)
  expect(file.attempts[0]).toStrictEqual({
    id: 'a-1000',
    lock: 'garage',
    decision: 'denied',
    reason: 'expired',
    grant: own.id,
    at: '1970-01-01T00:00:00.000Z',
  } as { id: string })
})
