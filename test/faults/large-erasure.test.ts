import { expect, test } from 'bun:test'
import { Database } from 'bun:sqlite'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { addAccount, tokenFor } from '../support/accounts.ts'
import { PASSWORD, bearer, clientOf } from '../support/app.ts'
import { UNLIMITED, type Service, startService, temporaryFolder } from '../support/binary.ts'
import { type Person, plantMany } from '../support/many-unlocks.ts'
import { isOnDisk } from '../support/on-disk.ts'
import { IS_LONG, tell } from './evidence.ts'
import { memoryCgroup, peakMiB } from './processes.ts'

const EVENTS = IS_LONG ? 10_000_000 : 300_000
const OTHERS = 1000
/** The memory that erasing may take, half of what the unit allows. */
const MEMORY_MIB_MAX = 256
const env = { ...UNLIMITED, LOG_LEVEL: 'error' }

/** What is searched for in every byte of the data folder. */
const BUSY = { name: 'persephone', method: 'kanarienvogel' }
const LONE = { name: 'melpomene', method: 'nachtigall' }

/** Repeats requests until it is stopped; returns how long they took. */
const repeated = (request: () => Promise<Response>) => {
  const tookMs: number[] = []
  const stopping = new AbortController()
  const running = (async () => {
    while (!stopping.signal.aborted) {
      const begunMs = performance.now()
      const answer = await request()
      expect(answer.status).toBe(200)
      tookMs.push(performance.now() - begunMs)
      await Bun.sleep(2)
    }
  })()
  return async () => {
    stopping.abort()
    await running
    const sorted = tookMs.toSorted((one, other) => one - other)
    const at = (part: number) => (sorted[Math.ceil(part * sorted.length) - 1] ?? NaN).toFixed(1)
    return `${sorted.length} requests, p50 ${at(0.5)}, p99 ${at(0.99)}, longest ${at(1)} ms`
  }
}

/** Tells how long unlocks and `/livez` take during some work. */
const beside = async (what: string, service: Service, work: () => Promise<void>) => {
  const { get, post } = clientOf(service.url)
  const ada = bearer(await tokenFor(service.url, 'ada'))
  const unlocks = repeated(() => post('/logUnlocking', { 'unlocking-method': 'pin' }, ada))
  const lives = repeated(() => get('/livez'))
  const begunMs = performance.now()
  await work()
  const seconds = ((performance.now() - begunMs) / 1000).toFixed(1)
  tell(`${what}, ${seconds} s: unlocks ${await unlocks()}; /livez ${await lives()}`)
}

test(`[D7, G15] people are erased from ${EVENTS.toLocaleString('en')} unlocks in ${MEMORY_MIB_MAX} MiB, killed half-way, while others unlock`, async () => {
  const folder = temporaryFolder()
  const dataDir = join(folder, 'data')
  const database = join(dataDir, 'secure-lock.db')
  for (const name of ['ada', BUSY.name, LONE.name]) await addAccount(name, { folder })
  {
    // Its start creates the log.
    await using service = await startService({ folder, env })
    expect(await service.stop()).toBe(0)
  }
  const people: Person[] = [BUSY, LONE].map(({ name, method }) => ({
    publicId: publicIdOf(database, name),
    username: name,
    methods: name === BUSY.name ? [method, 'pin'] : [method],
  }))
  for (let at = 0; at < OTHERS; at += 1)
    people.push({ publicId: `person-${at}`, username: `p${at}`, methods: ['pin', 'card', 'face'] })
  const whose = `CASE WHEN seq = ${EVENTS / 2 + 1} THEN 1 WHEN seq % 10 = 0 THEN 0
    ELSE 2 + seq % ${OTHERS} END`
  plantMany(database, { events: EVENTS, people, whose })
  const [busy, lone] = [numberOf(database, people[0]), numberOf(database, people[1])]

  using cgroup = memoryCgroup(tell)
  const start = () => startService({ folder, env, within: cgroup.within })
  {
    await using service = await start()
    await beside('nothing else', service, () => Bun.sleep(2000))
    const eraseMe = async (name: string) =>
      clientOf(service.url).delete(
        '/v1/me',
        { password: PASSWORD },
        bearer(await tokenFor(service.url, name)),
      )
    await beside('erasing one unlock', service, async () => {
      expect((await eraseMe(LONE.name)).status).toBe(200)
      await until(() => isForgotten(database, lone))
    })
    await beside('erasing some of a tenth', service, async () => {
      void eraseMe(BUSY.name).catch(() => {})
      await until(() => isErased(database, EVENTS / 10))
    })
    tell(`at most ${peakMiB(service.pid).toFixed(0)} MiB`)
    expect(peakMiB(service.pid)).toBeLessThan(MEMORY_MIB_MAX)
    await service.stop('SIGKILL')
  }
  expect(remaining(database, busy)).toBeGreaterThan(0)
  const begunMs = performance.now()
  await using service = await start()
  tell(`start in ${(performance.now() - begunMs).toFixed(0)} ms`)
  await beside('erasing the rest', service, () => until(() => isForgotten(database, busy)))
  tell(`at most ${peakMiB(service.pid).toFixed(0)} MiB`)
  expect(peakMiB(service.pid)).toBeLessThan(MEMORY_MIB_MAX)
  expect(await service.stop()).toBe(0)
  expect(remaining(database, busy)).toBe(0)
  for (const { name, method } of [BUSY, LONE]) {
    expect(await isOnDisk(dataDir, name)).toBe(false)
    expect(await isOnDisk(dataDir, method)).toBe(false)
  }
  expect(await isOnDisk(dataDir, 'p999')).toBe(true)
  rmSync(folder, { recursive: true })
})

/** Looks seldom, so that the wait does not slow down what it waits for. */
const until = async (holds: () => boolean): Promise<void> => {
  while (!holds()) await Bun.sleep(100)
}

const publicIdOf = (path: string, username: string): string => {
  using db = new Database(path, { readonly: true })
  return (
    db
      .query<{ id: string }, [string]>('SELECT public_id AS id FROM account WHERE username = ?')
      .get(username)?.id ?? ''
  )
}

const numberOf = (path: string, person: Person | undefined): number => {
  using db = new Database(path, { readonly: true })
  return (
    db
      .query<{ number: number }, [string]>('SELECT number FROM unlock_account WHERE public_id = ?')
      .get(person?.publicId ?? '')?.number ?? 0
  )
}

const remaining = (path: string, account: number): number => {
  using db = new Database(path, { readonly: true })
  return (
    db
      .query<{ n: number }, [number]>(
        'SELECT count(*) AS n FROM unlock_event WHERE account_number = ?',
      )
      .get(account)?.n ?? 0
  )
}

const isErased = (path: string, seq: number): boolean => {
  using db = new Database(path, { readonly: true })
  const sql = 'SELECT 1 FROM unlock_event WHERE seq = ? AND account_number IS NULL'
  return db.query(sql).get(seq) !== null
}

const isForgotten = (path: string, account: number): boolean => {
  using db = new Database(path, { readonly: true })
  const sql = 'SELECT 1 FROM unlock_account WHERE number = ? AND public_id IS NULL'
  return db.query(sql).get(account) !== null
}
