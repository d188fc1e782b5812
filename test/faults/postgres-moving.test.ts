import { Database } from 'bun:sqlite'
import { describe, expect, test } from 'bun:test'
import { SQL } from 'bun'
import { rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { postgresAddress } from '../../src/config/postgres-address.ts'
import { postgresClient } from '../../src/storage/postgres/client.ts'
import { migrate } from '../../src/storage/postgres/migrate.ts'
import { OWNER, fillScale } from '../bench/scale-fill.ts'
import { addAccount, tokenFor } from '../support/accounts.ts'
import { bearer, clientOf } from '../support/app.ts'
import { BINARY, UNLIMITED, runCommand, startService, temporaryFolder } from '../support/binary.ts'
import { CAN_POSTGRES, startPostgres } from '../support/postgres-server.ts'
import { until } from '../support/until.ts'
import { IS_LONG, tell } from './evidence.ts'
import { memoryCgroup, peakMiB } from './processes.ts'

const EVENTS = IS_LONG ? 1_000_000 : 1000
const WAIT_MS = 3_600_000
const env = {
  ...UNLIMITED,
  LOG_LEVEL: 'warn',
  DATA_DIR: './data',
  JWT_ACCESS_TOKEN_EXPIRES: '1440',
}
const FILE = 'data/back.db'

type Env = Readonly<Record<string, string>>

/** A stopped gateway with many unlocks, a receipt and a token of its owner. Returns that, and the size of the log. */
const gateway = async (folder: string) => {
  await addAccount(OWNER, { role: 'owner', folder, env })
  if (IS_LONG) await fillScale(folder, EVENTS)
  await using service = await startService({ folder, env })
  const { get, post } = clientOf(service.url)
  const token = await tokenFor(service.url, OWNER)
  for (let sent = IS_LONG ? EVENTS : 0; sent < EVENTS; sent += 100) {
    const some = Array.from({ length: 100 }, () => ({ id: crypto.randomUUID(), method: 'pin' }))
    expect((await post('/v1/unlocks', some, bearer(token))).status).toBe(200)
  }
  const sent = await post('/v1/unlocks', { method: 'app' }, bearer(token))
  const { id } = (await sent.json()) as { id: string }
  const receipt = await (await get(`/v1/unlocks/${id}/receipt`, bearer(token))).text()
  writeFileSync(join(folder, 'receipt'), receipt)
  expect(await service.stop()).toBe(0)
  const { size } = headIn(join(folder, 'data/secure-lock.db'))
  expect(size).toBeGreaterThan(EVENTS)
  return { token, size }
}

const headIn = (file: string): { readonly size: number; readonly checkpoint: string } => {
  using db = new Database(file, { readonly: true })
  const head = db
    .query<{ size: number; checkpoint: string }, []>('SELECT size, checkpoint FROM log_head')
    .get()
  return head ?? { size: 0, checkpoint: '' }
}

const sizeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0

describe.if(CAN_POSTGRES)('a home moves', () => {
  test(`[D1] with ${EVENTS.toLocaleString('en')} unlocks to a server and back, in 512 MiB, killed half-way each time: log, receipts and tokens stay`, async () => {
    await using server = await startPostgres({ hasFsync: IS_LONG })
    const folder = temporaryFolder()
    using cgroup = memoryCgroup(tell)
    const { token, size } = await gateway(folder)
    const uri = server.home('home')
    const onServer = { ...env, DATABASE_URI: uri }
    const onFile = { ...env, DATABASE_URI: `sqlite:///${FILE}` }

    const begin = (to: string, from: Env) =>
      Bun.spawn([...cgroup.within, BINARY, 'migrate', '--to', to], {
        cwd: folder,
        env: from,
        stdin: 'ignore',
        stdout: 'pipe',
        stderr: 'pipe',
      })
    const move = async (to: string, from: Env): Promise<void> => {
      const moving = begin(to, from)
      let peak = 0
      const watching = setInterval(() => {
        // Once it has ended, there is nothing to read.
        peak = Math.max(peak, peakMiB(moving.pid) || 0)
      }, 20)
      const [out, words, status] = await Promise.all([
        new Response(moving.stdout).text(),
        new Response(moving.stderr).text(),
        moving.exited,
      ])
      clearInterval(watching)
      expect({ status, words }).toStrictEqual({ status: 0, words: '' })
      expect(out).toContain('with the same checkpoint.')
      tell(`${out.split('\n')[0]} At most ${peak.toFixed(0)} MiB.`)
    }
    /** Locks a table until the returned function is called. */
    const hold = async (table: string, mode: string): Promise<() => Promise<void>> => {
      const holder = new SQL(server.url(), { max: 1 })
      await holder.unsafe(`BEGIN; LOCK TABLE home.${table} IN ${mode} MODE`).simple()
      return () => holder.close({ timeout: 0 })
    }
    const kill = async (moving: ReturnType<typeof begin>, from: Env): Promise<void> => {
      moving.kill('SIGKILL')
      await moving.exited
      const refused = await runCommand(['serve'], { folder, env: from })
      expect(refused.status).toBe(1)
      expect(refused.words).toContain('was interrupted: run the same secure-lock-server migrate')
    }
    const expectAll = async (place: Env, events: number): Promise<void> => {
      const verified = await runCommand(['log', 'verify', '--checkpoint', 'receipt'], {
        folder,
        env: place,
      })
      expect(verified).toMatchObject({ status: 0, words: '' })
      expect(verified.out).toContain(`${events} events, and extends receipt`)
      await using service = await startService({ folder, env: place })
      const { get, post } = clientOf(service.url)
      expect(await (await get('/v1/me', bearer(token))).json()).toMatchObject({ username: OWNER })
      const sent = await post('/v1/unlocks', { method: 'app' }, bearer(token))
      expect(sent.status).toBe(200)
      expect(await service.stop()).toBe(0)
    }

    // The tables that come after this one are still empty when it is killed.
    const client = postgresClient({ address: postgresAddress(uri), max: 1 })
    await migrate(client, 'home')
    await client.close()
    const letGo = await hold('unlock_of_lock', 'SHARE')
    const going = begin(uri, env)
    await until(
      async () => (await server.query('SELECT 1 FROM pg_locks WHERE NOT granted')).length > 0,
      WAIT_MS,
    )
    await kill(going, env)
    await letGo()
    await move(uri, env)
    const there = await server.query<{ checkpoint: string }>('SELECT checkpoint FROM home.log_head')
    expect(there[0]?.checkpoint).toBe(headIn(join(folder, 'data/secure-lock.db')).checkpoint)
    await expectAll(onServer, size + 1)

    const draft = join(folder, `${FILE}.moving`)
    // A small home would have arrived before it is killed.
    const free = IS_LONG ? async () => {} : await hold('unlock_of_lock', 'ACCESS EXCLUSIVE')
    const coming = begin(`sqlite:///${FILE}`, onServer)
    await until(() => sizeOf(draft) > EVENTS * 100, WAIT_MS)
    await kill(coming, onServer)
    await free()
    await move(`sqlite:///${FILE}`, onServer)
    const left = await server.query<{ checkpoint: string }>('SELECT checkpoint FROM home.log_head')
    expect(headIn(join(folder, FILE)).checkpoint).toBe(left[0]?.checkpoint ?? '')
    await expectAll(onFile, size + 3)
    rmSync(folder, { recursive: true })
  })
})
