import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { packTar } from 'modern-tar'
import { PASSWORD, bearer, clientOf } from './app.ts'
import { UNLIMITED, runCommand, startService, temporaryFolder } from './binary.ts'
import { olderFile, olderHashOf, unlocksOf, user } from './older-server.ts'
import { enrol } from './second-factor.ts'

// Creates test/storage/older-version with the executable of an older version; see the README there.

const OUT = resolve(import.meta.dir, '../storage/older-version')
const BACKUP_PASSPHRASE = 'staple of the older version'
const env = { ...UNLIMITED, TRUSTED_PROXIES: '127.0.0.1' }
/** Clients that failed to log in as grace, whose lockout is active, and as hedy, whose was cleared. */
const LOCKED_OUT = '203.0.113.66'
const CLEARED = '203.0.113.67'
const FAILURES_UNTIL_LOCKOUT = 10

type Json = Record<string, unknown>

const make = async (binary: string): Promise<void> => {
  const folder = temporaryFolder()
  const run = async (args: readonly string[], { passphrase = '', input = '' } = {}) => {
    const settings = { ...env, ...(passphrase ? { BACKUP_PASSPHRASE: passphrase } : {}) }
    const { status, out, words } = await runCommand(args, { binary, folder, env: settings, input })
    if (status !== 0) throw new Error(`${args.join(' ')}: ${words}`)
    return out
  }
  const service = await startService({ binary, folder, env })
  const { get, post, patch, delete: remove } = clientOf(service.url)
  const answerOf = async (response: Promise<Response>): Promise<Json> => {
    const answer = await response
    const text = await answer.text()
    if (!answer.ok) throw new Error(`${answer.url}: ${answer.status} ${text}`)
    return JSON.parse(text) as Json
  }
  const text = async (path: string) => (await get(path, bearer(owner))).text()
  const contact = { password: PASSWORD, phone: '0123', address: '1 Lock Lane' }
  const logIn = async (username: string, otp?: string): Promise<Json> =>
    answerOf(post('/login', { username, password: PASSWORD, ...(otp ? { otp } : {}) }))
  const tokenOf = async (username: string) => String((await logIn(username))['access_token'])

  // Accounts.
  while (!service.output().words.includes('  code ')) await Bun.sleep(10)
  const code = /^ +code +(\S+)$/m.exec(service.output().words)?.[1]
  const claimed = await answerOf(post('/v1/setup', { code, username: 'oli', ...contact }))
  const owner = String(claimed['access_token'])
  await answerOf(patch('/v1/settings', { registration: 'open' }, bearer(owner)))
  for (const username of ['grace', 'hedy', 'mallory', 'erin'])
    await answerOf(post('/register', { username, ...contact }))
  await answerOf(patch('/v1/settings', { registration: 'invite' }, bearer(owner)))
  const wish = { role: 'admin', label: 'Ada', expires_in_hours: 48 }
  const invited = await answerOf(post('/v1/invitations', wish, bearer(owner)))
  await answerOf(post('/register', { username: 'ada', invitation: invited['code'], ...contact }))
  const open = { role: 'member', label: 'Still good', expires_in_hours: 720 }
  const invitation = await answerOf(post('/v1/invitations', open, bearer(owner)))
  const admin = await tokenOf('ada')
  const factor = await enrol({ post }, await tokenOf('hedy'))
  olderFile(join(folder, 'legacy.db'), {
    users: [user(1, 'iris', olderHashOf(PASSWORD, 260_000)), user(2, 'jo')],
    unlocks: unlocksOf(['iris', 'Nobody-Now', 'jo'], 21),
  })
  await run(['import', 'legacy.db'])

  // Unlocks: claimed, with a receipt, reported late, denied by the door and by this server.
  const grace = await tokenOf('grace')
  const mallory = await tokenOf('mallory')
  const erin = await tokenOf('erin')
  const unlock = (token: string, event: Json) =>
    answerOf(post('/v1/unlocks', { method: 'fingerprint', ...event }, bearer(token)))
  for (let n = 0; n < 4; n += 1)
    for (const token of [grace, mallory, erin])
      await answerOf(post('/logUnlocking', { 'unlocking-method': `pin ${n}` }, bearer(token)))
  const { receipt } = await unlock(grace, { lock: 'garden-gate' })
  const anHourAgo = new Date(Date.now() - 3_600_000).toISOString()
  await unlock(grace, { occurred_at: anHourAgo })
  await unlock(erin, { result: 'denied', reason: 'invalid_credential' })
  const checkpoint = await text('/v1/log/checkpoint')
  const { people } = await answerOf(get('/v1/people', bearer(owner)))
  const idOf = (username: string) =>
    String((people as Json[]).find((person) => person['username'] === username)?.['id'])
  await answerOf(patch(`/v1/people/${idOf('mallory')}`, { disabled: true }, bearer(owner)))
  await post('/logUnlocking', { 'unlocking-method': 'pin' }, bearer(mallory))
  await answerOf(remove(`/v1/people/${idOf('erin')}`, {}, bearer(owner)))
  await run(['user', 'erase', '--imported', '--yes', 'Nobody-Now'])

  // Failed logins.
  for (const [username, address] of [
    ['hedy', CLEARED],
    ['grace', LOCKED_OUT],
  ] as const)
    for (let n = 0; n < FAILURES_UNTIL_LOCKOUT; n += 1)
      await post('/login', { username, password: 'wrong' }, { 'x-forwarded-for': address })
  // Version 0.1.0 called them waits, and audit events records.
  const name = (await get('/v1/lockouts', bearer(admin))).ok ? 'lockouts' : 'waits'
  const listed = (await answerOf(get(`/v1/${name}`, bearer(admin))))[name] as Json[]
  const cleared = listed.find((lockout) => lockout['address'] === CLEARED)
  await answerOf(remove(`/v1/${name}/${String(cleared?.['id'])}`, {}, bearer(admin)))

  // Backups, and what came after them.
  await run(['backup', 'plain.tar'])
  await run(['backup', 'encrypted.tar.age'], { passphrase: BACKUP_PASSPHRASE })
  const backedUp = await answerOf(get('/v1/unlocks?limit=100', bearer(owner)))
  for (let n = 0; n < 6; n += 1) await unlock(grace, { method: `face ${n}` })
  const phone = await logIn('grace')
  const audit = await answerOf(get('/v1/audit?limit=100', bearer(owner)))
  const lists = {
    unlocks: (await answerOf(get('/v1/unlocks?limit=100', bearer(owner))))['unlocks'],
    backedUpUnlocks: (backedUp['unlocks'] as Json[]).length,
    people: (await answerOf(get('/v1/people', bearer(owner))))['people'],
    sessions: (await answerOf(get('/v1/sessions', bearer(grace))))['sessions'],
    auditEvents: audit['events'] ?? audit['records'],
  }
  await service.stop()

  const about = {
    version: (await run(['--version'])).trim(),
    madeAt: new Date().toISOString(),
    password: PASSWORD,
    backupPassphrase: BACKUP_PASSPHRASE,
    verifierKey: (await run(['log', 'key'])).trim(),
    secondFactor: { username: 'hedy', ...factor },
    invitation: invitation['code'],
    lockedOut: { username: 'grace', address: LOCKED_OUT },
    clearedLockout: { username: 'hedy', address: CLEARED },
    refreshToken: phone['refresh_token'],
    ...lists,
  }
  rmSync(OUT, { recursive: true, force: true })
  mkdirSync(OUT)
  writeFileSync(join(OUT, 'answers.json'), `${JSON.stringify(about, null, 2)}\n`)
  writeFileSync(join(OUT, 'receipt'), String(receipt))
  writeFileSync(join(OUT, 'checkpoint'), checkpoint)
  writeFileSync(join(OUT, 'data.tar.gz'), await packed(join(folder, 'data')))
  const plain = readFileSync(join(folder, 'plain.tar'))
  writeFileSync(join(OUT, 'backup.tar.gz'), Bun.gzipSync(plain, { level: 9 }))
  writeFileSync(join(OUT, 'backup.tar.age'), readFileSync(join(folder, 'encrypted.tar.age')))
  rmSync(folder, { recursive: true })
}

const packed = async (folder: string): Promise<Uint8Array> => {
  const names = readdirSync(folder, { withFileTypes: true }).filter((file) => file.isFile())
  const entries = names.map(({ name }) => {
    const body = readFileSync(join(folder, name))
    return { header: { name, size: body.length, mode: 0o600 }, body }
  })
  return Bun.gzipSync(new Uint8Array(await packTar(entries)), { level: 9 })
}

const [executable] = process.argv.slice(2)
if (!executable) throw new Error('usage: bun test/support/make-older-version.ts EXECUTABLE')
await make(resolve(executable))
