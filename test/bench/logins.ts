import { Database } from 'bun:sqlite'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { PASSWORD, clientOf } from '../support/app.ts'
import { runCommand, startService } from '../support/binary.ts'
import { type Lines, atLeast, atMost, count, median, say } from './line.ts'
import { type Load, loadText, postLoad, typical } from './load.ts'
import { ROUNDS, SECONDS } from './rounds.ts'
import { QUIET, UNLOCK } from './service.ts'

const PEOPLE = Number(process.env['BENCH_PEOPLE'] ?? 1_000_000)
const PEOPLE_FEW = 1000

/** Logins among few accounts and among many, and unlocks at the same time. */
export async function* loginLines(folder: string): Lines {
  const [fewFolder, manyFolder] = [join(folder, 'few'), join(folder, 'many')]
  for (const [path, people] of [
    [fewFolder, PEOPLE_FEW],
    [manyFolder, PEOPLE],
  ] as const) {
    say(`filling a database with ${count(people)} accounts`)
    mkdirSync(path)
    await fillPeople(path, people)
  }
  // The passwords of one address are checked one at a time, so each person has another address.
  const env = { ...QUIET, TRUSTED_PROXIES: '127.0.0.1' }
  await using few = await startService({ folder: fewFolder, env })
  await using many = await startService({ folder: manyFolder, env })
  const TOKEN = await signInPerson(few.url)
  const unlocks = { url: `${few.url}/logUnlocking`, BODY: UNLOCK, TOKEN }
  const found = {
    hashes: [] as number[],
    few: [] as Load[],
    many: [] as Load[],
    unlocks: [] as Load[],
  }
  for (let round = 1; round <= ROUNDS; round += 1) {
    say(`logins, round ${round} of ${ROUNDS}`)
    found.hashes.push(await hashesPerSecond(SECONDS))
    found.few.push(await loginLoad(few.url, PEOPLE_FEW, SECONDS))
    found.many.push(await loginLoad(many.url, PEOPLE, SECONDS))
    const [among] = await Promise.all([
      postLoad(unlocks, { connections: 1, seconds: SECONDS }),
      loginLoad(few.url, PEOPLE_FEW, SECONDS),
    ])
    found.unlocks.push(among)
  }
  await few.stop()
  await many.stop()
  /** By round, because other load on the machine changes from one to the next. */
  const ratio = (part: (round: number) => number, whole: (round: number) => number) =>
    median(found.hashes.map((_, round) => part(round) / whole(round)))
  const logins = (loads: readonly Load[]) => (round: number) =>
    loads[round]?.perSecond ?? Number.NaN
  const ofHashes = ratio(logins(found.few), (round) => found.hashes[round] ?? Number.NaN)
  const cost = ratio(logins(found.few), logins(found.many))
  yield { what: '`Bun.password.verify` alone', measured: `${median(found.hashes).toFixed(1)}/s` }
  yield {
    what: `\`/login\`, ${count(PEOPLE_FEW)} accounts`,
    measured: loadText(typical(found.few)),
  }
  yield atLeast(0.9, { what: 'the second, as a share of the first', value: ofHashes })
  yield { what: `\`/login\`, ${count(PEOPLE)} accounts`, measured: loadText(typical(found.many)) }
  yield atMost(1.1, {
    what: `cost of a login among ${count(PEOPLE)}, relative to that among ${count(PEOPLE_FEW)}`,
    value: cost,
    unit: ' ×',
  })
  yield atMost(50, {
    what: 'p99 of `/logUnlocking`, 1 connection, while logins saturate it',
    value: typical(found.unlocks).p99Ms,
    unit: ' ms',
    of: loadText(typical(found.unlocks)),
  })
}

/** Enough to keep every core hashing, and as many as the service lets wait. */
const CONNECTIONS = 16

/** How long until the passwords that are still being verified when wrk hangs up are done. */
const UNANSWERED_MS = 1000

/** Creates a database with that many accounts, each with a session and a known client. */
const fillPeople = async (folder: string, people: number): Promise<void> => {
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
const hashesPerSecond = async (forSeconds: number): Promise<number> => {
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
const loginLoad = async (url: string, people: number, seconds: number): Promise<Load> => {
  const body = { username: 'person-NUMBER', password: PASSWORD }
  const target = { url: `${url}/login`, BODY: JSON.stringify(body), PEOPLE: String(people) }
  const load = await postLoad(target, { connections: CONNECTIONS, seconds })
  await Bun.sleep(UNANSWERED_MS)
  return load
}

/** An access token of one of the people. */
const signInPerson = async (url: string): Promise<string> => {
  const credentials = { username: 'person', password: PASSWORD }
  const answer = await clientOf(url).post('/login', credentials)
  return ((await answer.json()) as { access_token: string }).access_token
}
