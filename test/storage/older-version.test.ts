import { Database } from 'bun:sqlite'
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { unpackTar } from 'modern-tar'
import { version } from '../../package.json'
import { MIGRATIONS } from '../../src/storage/migrations.ts'
import { bearer, clientOf } from '../support/app.ts'
import {
  type Service,
  UNLIMITED,
  runCommand,
  startService,
  temporaryFolder,
} from '../support/binary.ts'
import { codeAt } from '../support/second-factor.ts'

// Created by an executable of the previous version; see the README there.
const FIXTURE = join(import.meta.dir, 'older-version')
const SCHEMA_THEN = 7

type Json = Record<string, unknown>

type Then = {
  readonly madeAt: string
  readonly password: string
  readonly backupPassphrase: string
  readonly verifierKey: string
  readonly secondFactor: { readonly secret: string; readonly recoveryCodes: readonly string[] }
  readonly invitation: string
  readonly lockedOut: { readonly username: string; readonly address: string }
  readonly clearedLockout: { readonly username: string; readonly address: string }
  readonly refreshToken: string
  readonly unlocks: readonly Json[]
  /** How many of the unlocks are in the backups. */
  readonly backedUpUnlocks: number
  readonly people: readonly Json[]
  readonly sessions: readonly Json[]
  readonly auditEvents: readonly (Json & { readonly action: string })[]
}

const then = JSON.parse(readFileSync(join(FIXTURE, 'answers.json'), 'utf8')) as Then

/** Audit actions that have been renamed since. */
const RENAMED: Readonly<Record<string, string>> = {
  'login.wait_begin': 'login.lockout_started',
  'wait.lift': 'lockout.cleared',
  'owner.claim': 'owner.setup',
  'invitation.make': 'invitation.create',
  'backup.make': 'backup.create',
}

const env = { ...UNLIMITED, TRUSTED_PROXIES: '127.0.0.1' }

/** Unpacks the data folder into a new folder. */
const unpackData = async (): Promise<string> => {
  const folder = temporaryFolder()
  mkdirSync(join(folder, 'data'), { mode: 0o700 })
  const files = await unpackTar(Bun.gunzipSync(readFileSync(join(FIXTURE, 'data.tar.gz'))))
  for (const { header, data } of files)
    writeFileSync(join(folder, 'data', header.name), data ?? '', { mode: 0o600 })
  return folder
}

/** Moves expiry times to today, as if the executable was replaced right after the fixture was
 * created. The lockout then runs for an hour, so that no slow machine lets it end. */
const moveToToday = (database: string): void => {
  using db = new Database(database, { strict: true })
  const nowMs = Date.now()
  const ageMs = nowMs - Date.parse(then.madeAt)
  db.run('UPDATE guess SET failed_at_ms = ?', [nowMs])
  db.run('UPDATE guess SET waits_until_ms = ? WHERE waits_until_ms IS NOT NULL', [
    nowMs + 3_600_000,
  ])
  db.run('UPDATE invitation SET expires_at_ms = expires_at_ms + ?', [ageMs])
  db.run(
    `UPDATE session
     SET used_at_ms = used_at_ms + ?1, expires_at_ms = expires_at_ms + ?1,
         ends_at_ms = ends_at_ms + ?1`,
    [ageMs],
  )
}

type From = { readonly address?: string; readonly otp?: string }

const logIn = (url: string, username: string, { address = '198.51.100.1', otp }: From = {}) =>
  clientOf(url).post(
    '/login',
    { username, password: then.password, otp },
    { 'x-forwarded-for': address },
  )

const tokenOf = async (url: string, username: string): Promise<string> =>
  ((await (await logIn(url, username)).json()) as { access_token: string }).access_token

const read = async (url: string, path: string, token: string): Promise<Json> =>
  (await (await clientOf(url).get(path, bearer(token))).json()) as Json

const verify = (folder: string, ...args: string[]) =>
  runCommand(['log', 'verify', ...args], { folder })

const CHECKPOINT = ['--checkpoint', join(FIXTURE, 'checkpoint'), '--key', then.verifierKey]

/** An unlock that the older version listed, as it is listed now. */
const asNow = (unlock: Json): Json => ({
  ...unlock,
  repeat_of: null,
  unit: null,
  doubted: false,
  attempt: null,
  delivery: null,
  outcome: null,
  confirmed: null,
  guest: null,
  reporter: null,
  token: null,
  grant: null,
  happened_at: unlock['occurred_at'] ?? unlock['received_at'],
})

const schemaOf = (database: string): number => {
  using db = new Database(database, { readonly: true })
  return (db.query('PRAGMA user_version').get() as { user_version: number }).user_version
}

describe('the data folder of an older version, opened by the compiled file', () => {
  let folder: string
  let database: string
  let service: Service
  let owner: string

  beforeAll(async () => {
    folder = await unpackData()
    database = join(folder, 'data/secure-lock.db')
    expect(schemaOf(database)).toBe(SCHEMA_THEN)
    moveToToday(database)
    service = await startService({ folder, env })
    owner = await tokenOf(service.url, 'oli')
  })

  afterAll(async () => {
    await service.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  test('[D5] its schema is upgraded, and tells older versions which version they need', () => {
    expect(schemaOf(database)).toBe(MIGRATIONS.length)
    expect(MIGRATIONS.length).toBeGreaterThan(SCHEMA_THEN)
    using db = new Database(database, { readonly: true })
    expect(
      db
        .query('SELECT server_version FROM schema_change WHERE schema_version = ?')
        .get(MIGRATIONS.length),
    ).toStrictEqual({ server_version: version })
  })

  test('all unlocks are listed as they were: imported, denied, late and erased ones', async () => {
    const { unlocks } = await read(service.url, '/v1/unlocks?limit=100&order=seq_desc', owner)
    expect(unlocks).toStrictEqual(then.unlocks.map(asNow))
    const sources = new Set(then.unlocks.map(({ source }) => source))
    expect(sources).toStrictEqual(new Set(['claimed', 'imported', 'observed']))
    expect(then.unlocks.some(({ late, source }) => late === true && source === 'claimed')).toBe(
      true,
    )
    expect(then.unlocks.filter(({ username }) => username === null)).toHaveLength(12)
  })

  test('the log extends the kept checkpoint, and the receipt is still valid', async () => {
    const verified = await verify(folder, ...CHECKPOINT)
    expect(verified.words).toBe('')
    // After the unlocks come the records of a lock for each label, and of the grant for them.
    const labels = new Set(
      then.unlocks.flatMap(({ result, lock }) => (result === 'unlocked' ? [lock] : [])),
    )
    expect(verified.out).toContain(`intact: ${then.unlocks.length + labels.size + 1} `)
    expect(verified.status).toBe(0)
    const receipt = join(FIXTURE, 'receipt')
    const held = await verify(folder, '--receipt', receipt, '--key', then.verifierKey)
    expect(held.out).toContain('garden-gate unlocked for grace')
    expect(held.status).toBe(0)
  })

  test('people are as they were, and log in with their passwords', async () => {
    const { people } = await read(service.url, '/v1/people', owner)
    const known = (person: Json) => ({ ...person, sessions: 0 })
    const expected = then.people.map((person) => ({
      ...known(person),
      admitted: true,
      registered_from: null,
      unit: null,
      ends_at: null,
      ended: false,
    }))
    expect((people as Json[]).map(known)).toStrictEqual(expected)
    for (const username of ['oli', 'ada', 'grace'])
      expect((await logIn(service.url, username)).status).toBe(200)
    for (const username of ['mallory', 'erin'])
      expect((await logIn(service.url, username)).status).toBe(401)
  })

  test('a person imported from a legacy server logs in with the old hash, and again after it is replaced', async () => {
    for (let time = 0; time < 2; time += 1)
      expect((await logIn(service.url, 'iris')).status).toBe(200)
    expect((await logIn(service.url, 'jo')).status).toBe(200)
  })

  test('a second factor still accepts its codes and recovery codes', async () => {
    const refused = await logIn(service.url, 'hedy')
    expect((await refused.json()) as Json).toMatchObject({ code: 'otp_required' })
    const { secret, recoveryCodes } = then.secondFactor
    const otp = codeAt(secret, Date.now())
    expect((await logIn(service.url, 'hedy', { otp })).status).toBe(200)
    const recovery = { otp: recoveryCodes[0] ?? '' }
    expect((await logIn(service.url, 'hedy', recovery)).status).toBe(200)
    expect((await logIn(service.url, 'hedy', recovery)).status).toBe(401)
  })

  test('a phone stays logged in', async () => {
    const { post } = clientOf(service.url)
    const body = { refresh_token: then.refreshToken }
    const refreshed = await post('/v1/session/refresh', body)
    expect(refreshed.status).toBe(200)
    const { access_token: token } = (await refreshed.json()) as { access_token: string }
    const { sessions } = await read(service.url, '/v1/sessions', token)
    const ids = (sessions as Json[]).map(({ id }) => id)
    expect(ids).toEqual(expect.arrayContaining(then.sessions.map(({ id }) => id)))
    const unlocked = await post('/logUnlocking', { 'unlocking-method': 'pin' }, bearer(token))
    expect(unlocked.status).toBe(200)
  })

  test('the setting and the open invitation still apply', async () => {
    const { registration } = await read(service.url, '/v1/settings', owner)
    expect(registration).toStrictEqual({ value: 'invite', is_fixed: false })
    const person = { username: 'kay', password: then.password, phone: '1', address: 'x' }
    const { post } = clientOf(service.url)
    expect((await post('/register', person)).status).toBe(403)
    const invited = await post('/register', { ...person, invitation: then.invitation })
    expect(invited.status).toBe(200)
  })

  test('a lockout lasts until it is cleared, and a cleared one does not come back', async () => {
    const { username, address } = then.lockedOut
    expect((await logIn(service.url, username, { address })).status).toBe(401)
    const cleared = await logIn(service.url, then.clearedLockout.username, then.clearedLockout)
    expect((await cleared.json()) as Json).toMatchObject({ code: 'otp_required' })
    const { total, lockouts } = await read(service.url, '/v1/lockouts', owner)
    expect(total).toBe(1)
    const [lockout] = lockouts as Json[]
    expect(lockout).toMatchObject({ kind: 'client_at_name', username, address, failures: 10 })
    const path = `/v1/lockouts/${String(lockout?.['id'])}`
    const answer = await clientOf(service.url).delete(path, {}, bearer(owner))
    expect((await answer.json()) as Json).toStrictEqual({ msg: 'Lockout cleared' })
    expect((await logIn(service.url, username, { address })).status).toBe(200)
  })

  test('old audit events have their new names, also in the filter', async () => {
    const list = async (query: string) =>
      (await read(service.url, `/v1/audit?order=oldest&limit=200${query}`, owner))[
        'events'
      ] as Json[]
    const expected = then.auditEvents
      .map((event) => ({ ...event, action: RENAMED[event.action] ?? event.action }))
      .toReversed()
    expect((await list('')).slice(0, expected.length)).toStrictEqual(expected)
    for (const action of Object.values(RENAMED)) {
      const found = await list(`&action=${action}`)
      const ofThen = expected.filter((event) => event.action === action)
      expect(ofThen).not.toBeEmpty()
      expect(found.slice(0, ofThen.length)).toStrictEqual(ofThen)
      expect(found.every((event) => event['action'] === action)).toBe(true)
    }
  })

  test('stored audit events keep the words they were written with', () => {
    using db = new Database(database, { readonly: true })
    const stored = db
      .query<{ action: string }, [number]>(
        'SELECT action FROM audit_event WHERE seq < ? ORDER BY seq',
      )
      .all(then.auditEvents.length)
    expect(stored).toStrictEqual(then.auditEvents.map(({ action }) => ({ action })).toReversed())
  })
})

describe('a backup by an older version, restored by the compiled file', () => {
  const folders: string[] = []
  afterAll(() => folders.forEach((folder) => rmSync(folder, { recursive: true, force: true })))

  test.each([
    ['without a passphrase', 'backup.tar.gz', {}],
    ['with a passphrase', 'backup.tar.age', { BACKUP_PASSPHRASE: then.backupPassphrase }],
  ])('%s is proved, put in place and verified', async (_, name, settings) => {
    const folder = temporaryFolder()
    folders.push(folder)
    const bytes = readFileSync(join(FIXTURE, name))
    const backup = join(folder, 'backup')
    writeFileSync(backup, name.endsWith('.gz') ? Bun.gunzipSync(bytes) : bytes)
    const run = (...args: string[]) => runCommand(args, { folder, env: settings })
    const count = then.backedUpUnlocks
    const checked = await run('restore', '--check', backup)
    expect(checked.out).toContain(`intact: ${count} `)
    expect(checked.status).toBe(0)
    expect((await run('restore', '--yes', backup)).status).toBe(0)
    const verified = await verify(folder, ...CHECKPOINT)
    expect(verified.out).toContain(`intact: ${count} `)
    expect(verified.status).toBe(0)

    await using service = await startService({ folder, env })
    const owner = await tokenOf(service.url, 'oli')
    const { unlocks } = await read(service.url, '/v1/unlocks?limit=100&order=seq_desc', owner)
    const before = then.unlocks.map(asNow)
    expect(unlocks).toStrictEqual(before.slice(-count))
    // Sessions end with a restore.
    const body = { refresh_token: then.refreshToken }
    expect((await clientOf(service.url).post('/v1/session/refresh', body)).status).toBe(401)
    expect(await service.stop()).toBe(0)
  })
})
