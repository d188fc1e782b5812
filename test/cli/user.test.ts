import { describe, expect, test } from 'bun:test'
import { homeDatabase } from '../support/home-database.ts'
import { PASSWORD, bearer, clientOf } from '../support/app.ts'
import { UNLIMITED, runCommand, startService } from '../support/binary.ts'
import { IS_POSTGRES } from '../support/test-server.ts'

/** A service with these people and roles, and its command line. */
const gateway = async (people: Readonly<Record<string, string>>) => {
  const service = await startService({ env: UNLIMITED })
  const user = async (...words: string[]) => {
    const {
      status,
      out,
      words: said,
    } = await runCommand(['user', ...words], {
      folder: service.folder,
      input: `${PASSWORD}\n`,
    })
    return { status, out: out.trim(), said: said.split('\n')[0] }
  }
  for (const [name, role] of Object.entries(people)) await user('add', '--role', role, name)
  const { post, get } = clientOf(service.url)
  const logIn = async (username: string, password = PASSWORD) => {
    const answer = await post('/login', { username, password })
    const { access_token: token } = (await answer.json()) as { access_token: string }
    return { status: answer.status, token }
  }
  return {
    ...service,
    post,
    get,
    user,
    logIn,
    [Symbol.asyncDispose]: () => service[Symbol.asyncDispose](),
  }
}

describe('user, while the service runs', () => {
  test('restores the role and access of an owner, and creates a one-time code', async () => {
    await using door = await gateway({ oli: 'owner', amy: 'admin', mia: 'member' })
    expect(await door.user('role', 'mia', 'owner')).toMatchObject({
      status: 0,
      out: 'mia is now owner',
    })
    expect((await door.get('/v1/people', bearer((await door.logIn('mia')).token))).status).toBe(200)
    expect(await door.user('disable', 'oli')).toMatchObject({
      status: 0,
      out: 'oli can no longer log in',
    })
    expect((await door.logIn('oli')).status).toBe(401)
    expect(await door.user('enable', 'OLI')).toMatchObject({ status: 1 })
    expect(await door.user('enable', ' oli ')).toMatchObject({ status: 0 })
    expect((await door.logIn('oli')).status).toBe(200)
    const { out: code, said } = await door.user('reset', 'oli')
    expect(code).toMatch(/^([0-9A-Z]{4}-){6}[0-9A-Z]{4}$/)
    expect(said).toMatch(/^Valid once, for 30 minutes, .* http:\/\/\S+\/console\/new-password#/)
    expect(said).toEndWith(`#reset=${code}&name=oli`)
    const body = { username: 'oli', code, new_password: 'nine quiet green keys' }
    expect((await door.post('/v1/password-reset', body)).status).toBe(200)
    expect((await door.logIn('oli', 'nine quiet green keys')).status).toBe(200)
    expect((await door.logIn('oli')).status).toBe(401)
    await using db = await homeDatabase(door.folder)
    expect(
      await db.all(
        "SELECT action, result, actor, address, detail FROM audit_event WHERE address = 'command line' AND subject IN (SELECT public_id FROM account) AND action <> 'account.add' ORDER BY seq",
      ),
    ).toMatchObject([
      { action: 'account.role', result: 'success', detail: '{"from":"member","to":"owner"}' },
      { action: 'account.disable', result: 'success' },
      { action: 'account.enable', result: 'success' },
      { action: 'password.reset_begin', result: 'success' },
    ])
  })

  test('lists who waits, and lets them in; who came another way never waited', async () => {
    await using door = await gateway({ oli: 'owner', mia: 'member' })
    const person = { username: 'grace', password: PASSWORD, phone: '1', address: 'x' }
    expect((await door.post('/register', person)).status).toBe(200)
    const roles = async () =>
      (await door.user('list')).out
        .split('\n')
        .slice(1)
        .map((line) => {
          const [, role, state, , , name] = line.split('\t')
          return `${name} ${role} ${state}`
        })
    expect(await roles()).toStrictEqual([
      'oli owner active',
      'mia member active',
      'grace member waiting',
    ])
    const { token } = await door.logIn('grace')
    const me = async () => (await door.get('/v1/me', bearer(token))).json()
    expect(await me()).toMatchObject({ admitted: false })
    for (const time of ['first', 'second'])
      expect([time, await door.user('admit', 'grace')]).toMatchObject([
        time,
        { status: 0, out: 'grace is admitted' },
      ])
    expect(await me()).toMatchObject({ admitted: true })
    expect(await roles()).toStrictEqual([
      'oli owner active',
      'mia member active',
      'grace member active',
    ])
    expect(await door.user('admit', 'nobody')).toMatchObject({ status: 1 })
    await using db = await homeDatabase(door.folder)
    expect(
      await db.all(
        "SELECT action, address FROM audit_event WHERE action IN ('account.waiting', 'account.admit') ORDER BY seq",
      ),
    ).toStrictEqual([
      { action: 'account.waiting', address: '127.0.0.1' },
      { action: 'account.admit', address: 'command line' },
    ])
  })

  test('sets the end of access to a day, a time or never; from then on it has ended', async () => {
    await using door = await gateway({ oli: 'owner', mia: 'member' })
    const { token } = await door.logIn('mia')
    const midnight = new Date(2999, 2, 32).toISOString()
    const ends = async () =>
      ((await (await door.get('/v1/me', bearer(token))).json()) as { ends_at: unknown }).ends_at
    expect(await door.user('end-date', 'mia', '2999-03-31')).toMatchObject({
      status: 0,
      out: 'mia’s access ends at 2999-04-01 00:00:00',
    })
    expect(await ends()).toBe(midnight)
    expect((await door.user('list')).out).toContain(`\tmember\tactive until ${midnight}\t`)
    expect(await door.user('end-date', 'mia', '2999-03-31T18:00:00+02:00')).toMatchObject({
      status: 0,
    })
    expect(await ends()).toBe('2999-03-31T16:00:00.000Z')
    expect(await door.user('end-date', 'mia', 'never')).toMatchObject({
      status: 0,
      out: 'mia’s access does not end',
    })
    expect(await ends()).toBeNull()
    for (const [date, status, said] of [
      [
        '2020-03-31',
        1,
        'Invalid ends_at: a time in the future; to end access now, disable the account',
      ],
      ['2999-02-30', 2, 'DATE must be the last day, such as 2027-03-31, or an RFC 3339 time'],
      ['soon', 2, 'DATE must be the last day, such as 2027-03-31, or an RFC 3339 time'],
    ] as const)
      expect(await door.user('end-date', 'mia', date)).toMatchObject({ status, said })
    expect(await door.user('end-date', 'oli', '2999-03-31')).toMatchObject({
      status: 1,
      said: 'This is the last owner; create another one first',
    })
    expect(await ends()).toBeNull()

    const { token: held } = await door.logIn('mia')
    await using db = await homeDatabase(door.folder)
    await db.run("UPDATE account SET ends_at_ms = ? WHERE username = 'mia'", Date.now())
    const unlocking = await door.post('/logUnlocking', { 'unlocking-method': 'x' }, bearer(held))
    expect([unlocking.status, await unlocking.json()]).toStrictEqual([
      401,
      { msg: 'There is an error with this token' },
    ])
    const refused = await door.post('/login', { username: 'mia', password: PASSWORD })
    expect([refused.status, await refused.json()]).toMatchObject([401, { code: 'access_ended' }])
    expect((await door.user('list')).out).toContain('\tmember\tended\t')
    const owner = bearer((await door.logIn('oli')).token)
    expect(await (await door.get('/v1/unlocks', owner)).json()).toMatchObject({
      unlocks: [{ username: 'mia', result: 'denied', reason: 'disabled_user_denied' }],
    })
  })

  test('lists when each was last seen, and whether they may log in, also as JSON', async () => {
    await using door = await gateway({ oli: 'owner', mia: 'member', 田中太郎: 'member' })
    const before = Date.now()
    await door.logIn('mia')
    await door.user('disable', '田中太郎')
    await door.user('unit', 'mia', 'Flat 3')
    const people = (await door.user('list', '--json')).out
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
    const seen = String(people[1]?.['last_seen_at'])
    expect(Date.parse(seen)).toBeWithin(before, Date.now() + 1)
    expect(people).toMatchObject([
      { username: 'oli', role: 'owner', disabled: false, last_seen_at: null },
      { username: 'mia', role: 'member', disabled: false, unit: 'Flat 3' },
      { username: '田中太郎', role: 'member', disabled: true, last_seen_at: null },
    ])
    expect((await door.user('list')).out.split('\n')).toStrictEqual([
      'ID\tROLE\tSTATE\tLAST SEEN\tUNIT\tUSERNAME',
      '1\towner\tactive\tnever\t\toli',
      `2\tmember\tactive\t${seen}\tFlat 3\tmia`,
      '3\tmember\tdisabled\tnever\t\t田中太郎',
    ])
  })

  test('erases only with --yes if there is no terminal, and never the last owner', async () => {
    await using door = await gateway({ oli: 'owner', mia: 'member' })
    expect(await door.user('erase', 'mia')).toMatchObject({
      status: 2,
      said: 'user erase needs --yes without a terminal to ask at',
    })
    expect((await door.logIn('mia')).status).toBe(200)
    expect(await door.user('erase', '--yes', 'mia')).toMatchObject({ status: 0, out: 'Erased mia' })
    expect((await door.logIn('mia')).status).toBe(401)
    for (const words of [
      ['erase', '--yes', 'oli'],
      ['disable', 'oli'],
      ['role', 'oli', 'admin'],
    ])
      expect(await door.user(...words)).toMatchObject({
        status: 1,
        said: 'This is the last owner; create another one first',
      })
    expect((await door.logIn('oli')).status).toBe(200)
  })

  test('distinguishes invalid arguments from unknown people', async () => {
    await using door = await gateway({ mia: 'member' })
    for (const words of [
      ['role', 'mia'],
      ['role', 'mia', 'king'],
      ['role', 'mia', 'admin', 'now'],
      ['disable'],
      ['enable', 'mia', 'max'],
      ['reset', '--now', 'mia'],
      ['admit'],
      ['erase', '--yes'],
      ['toString', 'mia'],
    ])
      expect([words.join(' '), (await door.user(...words)).status]).toStrictEqual([
        words.join(' '),
        2,
      ])
    expect(await door.user('reset', 'nobody')).toMatchObject({
      status: 1,
      said: 'There is no such account; see user list',
    })
    // Another folder has no database; on a server, the homes of tests may be there already.
    if (IS_POSTGRES) return
    const elsewhere = await runCommand(['user', 'disable', 'mia'])
    expect(elsewhere.words).toContain('There is no database at')
  })
})
