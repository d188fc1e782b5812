import { expect, test } from 'bun:test'
import { Database } from 'bun:sqlite'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { databaseFile } from '../support/database-file.ts'
import { addAccount, tokenFor } from '../support/accounts.ts'
import { PASSWORD, bearer, clientOf } from '../support/app.ts'
import { UNLIMITED, startService, temporaryFolder } from '../support/binary.ts'
import { SHARE, tell } from './evidence.ts'

const EVENTS = Math.ceil(200_000 * SHARE)
const USED_TOKENS = 1000

/** What an account leaves behind that has done all it may for weeks. */
const leaveMuch = (path: string, username: string): string => {
  using db = databaseFile(path)
  const { id, public_id: publicId } = db
    .query<{ id: number; public_id: string }, [string]>(
      'SELECT id, public_id FROM account WHERE username = ?',
    )
    .get(username) ?? { id: 0, public_id: '' }
  const token = db.prepare(
    `INSERT INTO refresh_token (hash, session_id, used_at_ms, successor_salt)
     SELECT randomblob(32), id, ?, randomblob(32) FROM session WHERE account_id = ? LIMIT 1`,
  )
  const event = db.prepare(
    `INSERT INTO audit_event (seq, at_ms, action, result, actor, subject, address, detail)
     SELECT max(seq) + 1, 1, 'account.change', 'success', ?, ?, '192.0.2.77', '{}' FROM audit_event`,
  )
  db.transaction(() => {
    for (let at = 0; at < USED_TOKENS; at += 1) token.run(at, id)
    for (let at = 0; at < EVENTS; at += 1) event.run(publicId, publicId)
  })()
  return publicId
}

test('[D7, G7] an account with many tokens and audit events ends and is erased while others unlock', async () => {
  const folder = temporaryFolder()
  const database = join(folder, 'data/secure-lock.db')
  await using service = await startService({ folder, env: { ...UNLIMITED, LOG_LEVEL: 'error' } })
  const { url } = service
  for (const name of ['ada', 'eve']) await addAccount(name, { folder })
  const [ada, eve] = [bearer(await tokenFor(url, 'ada')), bearer(await tokenFor(url, 'eve'))]
  const publicId = leaveMuch(database, 'eve')
  const client = clientOf(url)
  const erasing = client.delete('/v1/me', { password: PASSWORD }, eve)
  const tookMs: number[] = []
  do {
    const startedAtMs = performance.now()
    const unlocked = await client.post('/logUnlocking', { 'unlocking-method': 'pin' }, ada)
    expect(unlocked.status).toBe(200)
    tookMs.push(performance.now() - startedAtMs)
  } while (Bun.peek.status(erasing) === 'pending')
  expect((await erasing).status).toBe(200)
  expect((await client.get('/v1/me', eve)).status).toBe(401)
  using db = new Database(database, { readonly: true })
  const count = (sql: string, ...params: string[]) =>
    db.query<{ n: number }, string[]>(`SELECT count(*) AS n FROM ${sql}`).get(...params)?.n
  expect(count('refresh_token WHERE used_at_ms IS NOT NULL')).toBe(0)
  expect(count('audit_event WHERE actor = ? AND address IS NOT NULL', publicId)).toBe(0)
  expect(count('audit_event WHERE actor = ?', publicId)).toBeGreaterThanOrEqual(EVENTS)
  tell(
    `${tookMs.length} unlocks while ${EVENTS} audit events were erased: ` +
      `longest ${Math.round(Math.max(...tookMs))} ms`,
  )
  expect(await service.stop()).toBe(0)
  rmSync(folder, { recursive: true })
})
