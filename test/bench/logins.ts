import { Database } from 'bun:sqlite'
import { join } from 'node:path'
import { PASSWORD, clientOf } from '../support/app.ts'
import { runCommand } from '../support/binary.ts'
import { type Load, postLoad } from './load.ts'

/** Enough to keep every core hashing, and as many as the service lets wait. */
const CONNECTIONS = 16

/** How long until the passwords that are still being verified when wrk hangs up are done. */
const UNANSWERED_MS = 1000

/** Creates a database with that many accounts, each with a session and a known client. */
export const fillPeople = async (folder: string, people: number): Promise<void> => {
  const made = await runCommand(['user', 'add', 'person'], { folder, input: `${PASSWORD}\n` })
  if (made.status !== 0) throw new Error(made.words)
  using db = new Database(join(folder, 'data/secure-lock.db'))
  const numbers = 'WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)'
  const id =
    "lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4000-8000-' || hex(randomblob(6)))"
  const at = Date.now()
  db.transaction(() => {
    db.run(
      `${numbers} INSERT INTO account (
         public_id, username, username_key, password_hash, role, phone, address, created_at_ms,
         admitted_at_ms
       ) SELECT ${id}, 'person-' || i, 'person-' || i, account.password_hash, 'member', '1', 'x', ?2, ?2
       FROM n, account WHERE account.username = 'person'`,
      [people, at],
    )
    db.run(
      `INSERT INTO session (
         id, account_id, created_at_ms, used_at_ms, expires_at_ms, ends_at_ms, address, user_agent
       ) SELECT ${id}, id, ?1, ?1, ?1 + 2592000000, ?1 + 2592000000, '127.0.0.1', 'bench'
       FROM account`,
      [at],
    )
    db.run('INSERT INTO known_client SELECT id, randomblob(32), ? FROM account', [at])
  })()
}

/** Passwords per second that this machine verifies, without a server. */
export const hashesPerSecond = async (forSeconds: number): Promise<number> => {
  const hash = await Bun.password.hash(PASSWORD, {
    algorithm: 'argon2id',
    memoryCost: 19_456,
    timeCost: 2,
  })
  const begun = performance.now()
  const seconds = () => (performance.now() - begun) / 1000
  let verified = 0
  const verifying = Array.from({ length: CONNECTIONS }, async () => {
    for (; seconds() < forSeconds; verified += 1)
      if (!(await Bun.password.verify(PASSWORD, hash))) throw new Error('it does not fit')
  })
  await Promise.all(verifying)
  return verified / seconds()
}

/** Logs in that many people in turn. */
export const loginLoad = async (url: string, people: number, seconds: number): Promise<Load> => {
  const body = { username: 'person-NUMBER', password: PASSWORD }
  const target = { url: `${url}/login`, BODY: JSON.stringify(body), PEOPLE: String(people) }
  const load = await postLoad(target, { connections: CONNECTIONS, seconds })
  await Bun.sleep(UNANSWERED_MS)
  return load
}

/** An access token of one of the people. */
export const signInPerson = async (url: string): Promise<string> => {
  const credentials = { username: 'person', password: PASSWORD }
  const answer = await clientOf(url).post('/login', credentials)
  return ((await answer.json()) as { access_token: string }).access_token
}
