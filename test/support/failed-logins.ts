import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { PASSWORD, clientOf } from './app.ts'
import { UNLIMITED, runCommand, startService } from './binary.ts'
import { type HomeDatabase, homeDatabase } from './home-database.ts'
import { olderFile, olderHashOf, user } from './older-server.ts'

const PEOPLE = 100

/** A PBKDF2 hash of the legacy server takes well over the time of an Argon2id hash here. */
const OLDER_ITERATIONS = 260_000

/** Makes logins to the compiled file fail in each way in turn. Returns the answers (all headers but
 * request id and date), the median milliseconds of each way, and the processor time that the service
 * spends on each way at least, which other programs on the same core do not lengthen. With legacy accounts,
 * some have come from the legacy server and not logged in since. */
export const failedLogins = async (
  rounds: number,
  { withOlder = false }: { readonly withOlder?: boolean } = {},
) => {
  await using service = await startService({
    env: { ...UNLIMITED, TRUSTED_PROXIES: '127.0.0.1', LOG_LEVEL: 'warn' },
  })
  const { folder } = service
  await runCommand(['user', 'add', 'wanda'], { folder, input: `${PASSWORD}\n` })
  await using db = await homeDatabase(folder)
  await addPeople(db)
  if (withOlder) await importPeople(folder)
  const { post } = clientOf(service.url)
  const logIn = (username: string, password: string, address: string) =>
    post('/login', { username, password }, { 'x-forwarded-for': address })
  const waiting = '203.0.113.66'
  for (let failure = 0; failure < 10; failure += 1) await logIn('wanda', 'wrong', waiting)
  await db.run('UPDATE failed_login SET locked_until_ms = locked_until_ms + 3600000')

  // A new client for each round, so that only the intended ones are locked out.
  const ways: Record<string, (round: number, address: string) => Promise<Response>> = {
    unknown: (round, address) => logIn(`nobody-${round}`, 'wrong horse battery', address),
    wrong: (round, address) => logIn(`person-${round % PEOPLE}`, 'wrong horse battery', address),
    empty: (round, address) => logIn(`person-${round % PEOPLE}`, '', address),
    disabled: (round, address) => logIn(`disabled-${round % PEOPLE}`, PASSWORD, address),
    waiting: () => logIn('wanda', PASSWORD, waiting),
    ...(withOlder
      ? {
          older: (round, address) => logIn(`older-${round % 10}`, 'wrong horse battery', address),
          'older, cheap': (_, address) => logIn('cheap', 'wrong horse battery', address),
        }
      : {}),
  }
  const times = new Map(Object.keys(ways).map((way) => [way, [] as number[]]))
  const cpuMs = new Map(Object.keys(ways).map((way) => [way, [] as number[]]))
  const answers = new Set<string>()
  for (let round = 0; round < rounds; round += 1)
    for (const [way, attempt] of Object.entries(ways)) {
      const [begun, cpuBefore] = [performance.now(), cpuMsOf(service.pid)]
      const answer = await attempt(round, `10.0.${round >> 8}.${round & 255}`)
      const text = await answer.text()
      times.get(way)?.push(performance.now() - begun)
      cpuMs.get(way)?.push(cpuMsOf(service.pid) - cpuBefore)
      const headers = [...answer.headers].filter(
        ([name]) => !['x-request-id', 'date'].includes(name),
      )
      answers.add(JSON.stringify([answer.status, headers, text]))
    }
  await service.stop()
  return {
    answers: [...answers],
    medians: new Map([...times].map(([way, ms]) => [way, median(ms)])),
    cpuMs: new Map([...cpuMs].map(([way, ms]) => [way, secondLeast(ms)])),
  }
}

/** The least may lack a thread that has ended meanwhile. */
const secondLeast = (values: readonly number[]): number =>
  values.toSorted((left, right) => left - right)[1] ?? Number.NaN

/** Processor time of all threads of a process (proc_schedstat: the first number, in nanoseconds). */
const cpuMsOf = (pid: number): number => {
  const threads = readdirSync(`/proc/${pid}/task`)
  const spent = threads.map((thread) =>
    Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]),
  )
  return spent.reduce((sum, ns) => sum + ns, 0) / 1e6
}

/** Accounts with the password of `wanda`, half of them disabled. */
const addPeople = async (db: HomeDatabase): Promise<void> => {
  const add = (username: string, disabledAtMs: number | null) =>
    db.run(
      `INSERT INTO account (
         id, public_id, username, username_key, password_hash, role, phone, address, created_at_ms,
         disabled_at_ms
       ) SELECT (SELECT max(id) + 1 FROM account), ?1, ?2, ?2, password_hash, 'member', '1', 'x', 0, CAST(?3 AS bigint)
       FROM account WHERE username = 'wanda'`,
      crypto.randomUUID(),
      username,
      disabledAtMs,
    )
  for (let person = 0; person < PEOPLE; person += 1) {
    await add(`person-${person}`, null)
    await add(`disabled-${person}`, 1)
  }
}

const importPeople = async (folder: string): Promise<void> => {
  const hash = olderHashOf(PASSWORD, OLDER_ITERATIONS)
  const older = Array.from({ length: 10 }, (_, n) => user(n + 1, `older-${n}`, hash))
  olderFile(join(folder, 'old.db'), { users: [...older, user(99, 'cheap')] })
  const { status, out } = await runCommand(['import', 'old.db'], { folder })
  if (status !== 0) throw new Error(`import failed: ${out}`)
}

const median = (values: readonly number[]): number =>
  values.toSorted((left, right) => left - right)[Math.floor(values.length / 2)] ?? Number.NaN
