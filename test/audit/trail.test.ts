import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { rmSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { IS_POSTGRES, homeUri } from '../support/test-server.ts'
import { type HomeDatabase, homeDatabase } from '../support/home-database.ts'
import type { Role } from '../../src/domain/account.ts'
import { version } from '../../package.json'
import { PASSWORD, basic, bearer, clientOf } from '../support/app.ts'
import {
  type Service,
  UNLIMITED,
  freePort,
  runCommand,
  startService,
  temporaryFolder,
} from '../support/binary.ts'
import { until } from '../support/until.ts'

type Party = { id: string; name: string | null } | null
type Entry = {
  seq: number
  at: string
  action: string
  result: string
  actor: Party
  subject: Party
  address: string | null
  request_id: string | null
  detail: Record<string, unknown>
}
type Pair = { access_token: string; refresh_token: string }

const PERSON = { password: PASSWORD, phone: '1', address: 'x' }
const UID = `uid:${process.getuid?.()}`
const DAY_MS = 86_400_000

describe('audit events, at the compiled file', () => {
  const folder = temporaryFolder()
  const written: string[] = []
  let env: Record<string, string> = UNLIMITED
  let service: Service
  let owner = ''
  let newest = -1

  const start = async (more: Record<string, string> = {}) => {
    env = { ...env, ...more }
    service = await startService({ env, folder })
    while (!service.output().log.includes('"started"')) await Bun.sleep(5)
  }
  const stop = async () => {
    await service.stop()
    written.push(service.output().log)
  }
  const client = () => clientOf(service.url)
  const command = (...args: string[]) => runCommand(args, { env, folder, input: `${PASSWORD}\n` })
  const addUser = (role: Role, name: string) => command('user', 'add', '--role', role, name)
  const logIn = async (username: string): Promise<Pair> =>
    (await (await client().post('/login', { username, password: PASSWORD })).json()) as Pair
  const remove = (path: string, token: string) =>
    fetch(service.url + path, { method: 'DELETE', headers: bearer(token) })
  const subOf = ({ access_token: token }: Pair) =>
    JSON.parse(atob(token.split('.')[1] ?? '')) as { sub: string; sid: string }
  const edit = async (change: (db: HomeDatabase) => Promise<unknown>) => {
    await using db = await homeDatabase(folder)
    await change(db)
  }

  /** Returns the events recorded since the last call. */
  const recorded = async (): Promise<readonly Entry[]> => {
    const found: Entry[] = []
    let path: string | undefined = '/v1/audit?limit=200'
    while (path !== undefined) {
      const answer: Response = await client().get(path, bearer(owner))
      expect(answer.status).toBe(200)
      found.push(...((await answer.json()) as { events: Entry[] }).events)
      path = /^<([^>]+)>; rel="next"$/.exec(answer.headers.get('link') ?? '')?.[1]
    }
    const fresh = found.filter(({ seq }) => seq > newest).toReversed()
    newest = found[0]?.seq ?? newest
    return fresh
  }

  beforeAll(async () => {
    await start({ PORT: String(await freePort()) })
    await addUser('owner', 'oli')
    owner = (await logIn('oli')).access_token
  })

  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  test('[O3] the first start has changed no setting, and records those that differ from their defaults', async () => {
    const records = await recorded()
    const uri = await homeUri(join(folder, 'data'))
    expect(records.map(({ seq }) => seq)).toStrictEqual(records.map((_, index) => index))
    expect(records[0]?.detail).toStrictEqual({
      version,
      HOST: '127.0.0.1',
      PORT: env['PORT'],
      RATE_LIMIT_AUTH: 'off',
      RATE_LIMIT_UNLOCK: 'off',
      RATE_LIMIT_CHANGES: 'off',
      RATE_LIMIT_DEFAULT: 'off',
      ...(uri === undefined ? {} : { DATABASE_URI: uri, instance: hostname() }),
    })
    expect(records).toMatchObject([
      { action: 'service.start', result: 'success', actor: { id: UID, name: null } },
      { action: 'account.add', address: 'command line', subject: { name: 'oli' } },
      { action: 'login', actor: { name: 'oli' }, address: '127.0.0.1' },
    ])
  })

  test('[O3] every login, failure, denial, change, export and ended session is one event of who, what, when, from where and with what result', async () => {
    await addUser('member', 'mia')
    await addUser('admin', 'amy')
    await recorded()
    const now = Date.now()
    const [first, second, third] = [await logIn('mia'), await logIn('mia'), await logIn('mia')]
    const amy = await logIn('amy')
    const mia = subOf(first).sub
    expect((await recorded()).map(({ action }) => action)).toStrictEqual(Array(4).fill('login'))

    const unlock = { 'unlocking-method': 'pin' }
    expect((await client().post('/logUnlocking', unlock, bearer(first.access_token))).status).toBe(
      200,
    )
    expect(await recorded()).toStrictEqual([])

    const steps: [() => Promise<Response>, number, Partial<Entry> | readonly Partial<Entry>[]][] = [
      [
        () => client().post('/login', { username: 'mia', password: PASSWORD }),
        200,
        { action: 'login', result: 'success', actor: { id: mia, name: 'mia' }, subject: null },
      ],
      [
        () => client().post('/login', { username: 'mia', password: 'wrong' }),
        401,
        { action: 'login', result: 'failure', actor: null, subject: { id: mia, name: 'mia' } },
      ],
      [
        () => client().post('/login', { username: 'nobody', password: 'wrong' }),
        401,
        { action: 'login', result: 'failure', actor: null, subject: null },
      ],
      [
        () => client().get('/getUsers', basic('oli', PASSWORD)),
        200,
        {
          action: 'login',
          result: 'success',
          actor: expect.objectContaining({ name: 'oli' }),
          detail: { session: 'none' },
        },
      ],
      [
        () => client().post('/v1/setup', { code: 'A', username: 'max', password: PASSWORD }),
        409,
        { action: 'owner.setup', result: 'failure', detail: { reason: 'owner_exists' } },
      ],
      [
        () => client().post('/v1/session/logout', {}, bearer(first.access_token)),
        200,
        {
          action: 'session.end',
          result: 'success',
          actor: { id: mia, name: 'mia' },
          subject: { id: mia, name: 'mia' },
          detail: { session: subOf(first).sid },
        },
      ],
      [
        () => remove(`/v1/sessions/${subOf(second).sid}`, amy.access_token),
        200,
        {
          action: 'session.end',
          result: 'success',
          actor: { id: subOf(amy).sub, name: 'amy' },
          subject: { id: mia, name: 'mia' },
          detail: { session: subOf(second).sid },
        },
      ],
      [
        () => remove('/v1/sessions', third.access_token),
        200,
        {
          action: 'session.end_all',
          result: 'success',
          subject: { id: mia, name: 'mia' },
          detail: { sessions: 1 },
        },
      ],
      [
        () => client().post('/v1/session/refresh', { refresh_token: 'unknown' }),
        401,
        { action: 'session.refresh', result: 'failure', actor: null, detail: {} },
      ],
      [
        () => client().get('/v1/audit', bearer(third.access_token)),
        403,
        {
          action: 'access.deny',
          result: 'failure',
          actor: { id: mia, name: 'mia' },
          detail: { status: 403, method: 'GET', route: '/v1/audit' },
        },
      ],
      [
        () => client().get('/getUsers', bearer(third.access_token)),
        401,
        { action: 'access.deny', result: 'failure', actor: { id: mia, name: 'mia' } },
      ],
      [
        () => client().get('/getUsers', basic('oli', 'wrong')),
        401,
        {
          action: 'access.deny',
          result: 'failure',
          actor: null,
          detail: { status: 401, method: 'GET', route: '/getUsers' },
        },
      ],
      [
        () => client().post('/register', { ...PERSON, username: 'new' }),
        200,
        [
          {
            action: 'account.register',
            result: 'success',
            subject: expect.objectContaining({ name: 'new' }),
          },
          {
            action: 'account.waiting',
            result: 'success',
            subject: expect.objectContaining({ name: 'new' }),
          },
        ],
      ],
      [
        () => client().post('/v1/invitations', { role: 'member' }, bearer(amy.access_token)),
        200,
        {
          action: 'invitation.create',
          result: 'success',
          actor: { id: subOf(amy).sub, name: 'amy' },
        },
      ],
      [
        () => client().get('/v1/unlocks/export?format=csv', bearer(third.access_token)),
        200,
        {
          action: 'unlocks.export',
          result: 'success',
          actor: { id: mia, name: 'mia' },
          subject: { id: mia, name: 'mia' },
          detail: { format: 'csv' },
        },
      ],
    ]
    for (const [step, status, expected] of steps) {
      const answer = await step()
      expect(answer.status).toBe(status)
      const records = await recorded()
      expect(records).toMatchObject([expected].flat())
      for (const record of records)
        expect(record).toMatchObject({
          address: '127.0.0.1',
          request_id: answer.headers.get('x-request-id'),
        })
      const at = records[0]?.at ?? ''
      expect(at).toEndWith('Z')
      expect(Date.parse(at)).toBeWithin(now, Date.now() + 1)
    }
  })

  test('[O3] a reused refresh token, and each change on the command line, is one event', async () => {
    const { refresh_token: used } = await logIn('mia')
    const refresh = () => client().post('/v1/session/refresh', { refresh_token: used })
    expect((await refresh()).status).toBe(200)
    await edit((db) =>
      db.run(
        'UPDATE refresh_token SET used_at_ms = used_at_ms - 60000 WHERE used_at_ms IS NOT NULL',
      ),
    )
    await recorded()
    expect((await refresh()).status).toBe(401)
    expect(await recorded()).toMatchObject([
      { action: 'session.reuse', result: 'failure', subject: { name: 'mia' } },
    ])

    const here = { result: 'success', actor: { id: UID, name: null }, address: 'command line' }
    expect((await addUser('member', 'max')).status).toBe(0)
    expect(await recorded()).toMatchObject([
      { ...here, action: 'account.add', subject: { name: 'max' }, detail: { role: 'member' } },
    ])
    expect((await addUser('member', 'max')).status).toBe(1)
    expect(await recorded()).toStrictEqual([])
    expect((await command('log', 'export', '--out', 'bundle')).status).toBe(0)
    expect(await recorded()).toMatchObject([
      { ...here, action: 'log.export', detail: { intact: true } },
    ])
  })

  test('[O3] a loop of invalid requests is one event at once, and one with its count at the end', async () => {
    await stop()
    await start()
    await recorded()
    const garbage = () => client().get('/v1/sessions', bearer('garbage'))
    await Promise.all(Array.from({ length: 50 }, garbage))
    const denied = {
      action: 'access.deny',
      actor: null,
      address: '127.0.0.1',
      detail: { status: 401, method: 'GET', route: '/v1/sessions' },
    }
    expect(await recorded()).toMatchObject([denied])
    await stop()
    await start()
    expect(await recorded()).toMatchObject([
      { action: 'service.stop' },
      { ...denied, detail: { ...denied.detail, repeats: 49 } },
      { action: 'service.start' },
    ])
  })

  test('[O3] stopping, starting and each changed setting are recorded, without secrets', async () => {
    await stop()
    const key = 'Zx9-kanarienvogel-kQ7w2Lm4Vb8Nc1'
    const secret = { JWT_SECRET_KEY: key }
    const settings = { REGISTRATION: 'closed', RATE_LIMIT_AUTH: '900/minute' }
    // On a server, all replicas have the first key.
    await start(IS_POSTGRES ? settings : { ...settings, ...secret })
    owner = (await logIn('oli')).access_token
    expect(await recorded()).toMatchObject([
      { action: 'service.stop', result: 'success', actor: { id: UID } },
      {
        action: 'setting.change',
        subject: { id: 'REGISTRATION' },
        detail: { from: 'open', to: 'closed' },
      },
      ...(IS_POSTGRES
        ? []
        : [
            {
              action: 'setting.change',
              subject: { id: 'JWT_SECRET_KEY' },
              detail: { from: '', to: 'set' },
            },
          ]),
      {
        action: 'setting.change',
        subject: { id: 'RATE_LIMIT_AUTH' },
        // The first start had no event of its own for this one.
        detail: { from: 'off', to: '900/minute' },
      },
      { action: 'service.start' },
      { action: 'login' },
    ])
    await stop()
    await start()
    expect((await recorded()).map(({ action }) => action)).toStrictEqual([
      'service.stop',
      'service.start',
    ])
  })

  test('[O3, D7] retention is recorded, and removes the addresses of old events', async () => {
    const before = Date.now() - 2 * DAY_MS
    await client().post('/v1/unlocks', [{ method: 'pin' }, { method: 'pin' }], bearer(owner))
    await stop()
    await edit(async (db) => {
      await db.run(`UPDATE unlock_event SET received_at_ms = ${before} WHERE seq = 0`)
      const trigger = `TRIGGER audit_event_${IS_POSTGRES ? 'only_grows' : 'is_not_changed'}`
      const known = IS_POSTGRES
        ? undefined
        : await db.get<{ sql: string }>(
            "SELECT sql FROM sqlite_schema WHERE name = 'audit_event_is_not_changed'",
          )
      await db.run(IS_POSTGRES ? `ALTER TABLE audit_event DISABLE ${trigger}` : `DROP ${trigger}`)
      await db.run(`UPDATE audit_event SET at_ms = ${before} WHERE seq < 8`)
      await db.run(known?.sql ?? `ALTER TABLE audit_event ENABLE ${trigger}`)
    })
    await start({ LOG_RETENTION_DAYS: '1' })
    // On a server, that is the work of the leader.
    const retained: Entry[] = []
    await until(async () => {
      retained.push(...(await recorded()).filter(({ action }) => action === 'unlocks.retention'))
      return retained.length > 0
    })
    expect(retained).toMatchObject([
      {
        result: 'success',
        address: 'gateway',
        detail: { events: 1, addresses: 8, wal_truncated: true },
      },
    ])
    newest = -1
    for (const { seq, address } of await recorded())
      expect([seq, address === null]).toStrictEqual([seq, seq < 8])
  })

  test('[O3, A4] events have the documented members, no secret and no personal text, and are logged too', async () => {
    newest = -1
    const records = await recorded()
    for (const record of records)
      expect(Object.keys(record)).toStrictEqual([
        'seq',
        'at',
        'action',
        'result',
        'actor',
        'subject',
        'address',
        'request_id',
        'detail',
      ])
    expect(JSON.stringify(records)).not.toMatch(/kanarienvogel|correct horse|eyJ/)
    await edit((db) => db.run("DELETE FROM account WHERE username = 'mia'"))
    newest = -1
    expect(JSON.stringify(await recorded())).not.toContain('mia')
    await stop()
    const lines = written
      .join('')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .filter(({ msg }) => msg === 'audit event')
    // Those from the command line are logged by another process.
    expect(lines.map(({ action }) => action)).toStrictEqual(
      records
        .filter(({ action }) => !/^(account.add|log.export)$/.test(action))
        .map(({ action }) => action)
        .concat('service.stop'),
    )
    expect(written.join('')).not.toMatch(/kanarienvogel|correct horse|eyJ/)
  })

  test('the command shows the newest events, as a table or as JSON', async () => {
    const { status, out } = await command('audit', '--limit', '2')
    expect(status).toBe(0)
    const [heading = '', ...rows] = out.trimEnd().split('\n')
    expect(heading).toMatch(/^TIME \(UTC\) +ACTION +RESULT +WHO +WHOM +FROM +DETAIL$/)
    expect(rows).toHaveLength(2)
    expect(rows[1]).toMatch(
      new RegExp(
        String.raw`^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d {2}service.stop +success +${UID} +- +command line(?: +instance="\S+")?$`,
      ),
    )
    const asJson = (await command('audit', '--json', '--limit', '1')).out
    expect(JSON.parse(asJson)).toMatchObject({ action: 'service.stop', actor: { id: UID } })
    expect((await command('audit')).out.split('\n').length).toBeGreaterThan(30)
    for (const limit of ['0', 'x', '10001'])
      expect((await command('audit', '--limit', limit)).status).toBe(2)
  })
})

test('[O3] audit events are logged at every log level', async () => {
  const service = await startService({ env: { ...UNLIMITED, LOG_LEVEL: 'error' } })
  // The server answers requests a moment earlier.
  while (!service.output().log.includes('service.start')) await Bun.sleep(5)
  await clientOf(service.url).get('/v1/audit', bearer('garbage'))
  await service.stop()
  const lines = service
    .output()
    .log.trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    // On a server, the stop may interrupt what the leader has just begun.
    .filter(({ err }) => !(IS_POSTGRES && JSON.stringify(err ?? '').includes('is stopping')))
  expect(lines.filter(({ msg }) => msg !== 'audit event')).toStrictEqual([])
  const levels = Object.fromEntries(lines.map(({ action, level }) => [action, level]))
  expect(levels).toMatchObject({
    'service.start': 'info',
    'access.deny': 'warn',
    'service.stop': 'info',
  })
})
