import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { cpSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { KEY_FILES } from '../../src/storage/files/data-dir.ts'
import { addAccount, tokenFor } from '../support/accounts.ts'
import { PASSWORD, bearer, clientOf } from '../support/app.ts'
import { freePort, temporaryFolder } from '../support/binary.ts'
import { testController } from '../support/controller.ts'
import { controllerPlace } from '../support/controller-place.ts'
import { startMosquitto } from '../support/mosquitto.ts'
import { CAN_POSTGRES, startPostgres } from '../support/postgres-server.ts'
import { until } from '../support/until.ts'
import { type Replica, leads, startReplicas } from './replicas.ts'

type Delivered = { readonly delivery: string; readonly lock_says: string | null }

const HAPROXY = Bun.which('haproxy', { PATH: `${process.env['PATH']}:/usr/sbin` })

/** Two compiled replicas of one home, each with a door of its own. */
const twoReplicas = async () => {
  await using opened = new AsyncDisposableStack()
  const postgres = opened.use(await startPostgres())
  const broker = opened.use(await startMosquitto())
  // At this level, the log says who leads.
  const settings = { MQTT_URL: broker.url, LOG_LEVEL: 'info' }
  const home = opened.use(
    await startReplicas([postgres.home('home'), postgres.home('home')], [settings, settings]),
  )
  const [one, other] = home.replicas
  if (!one || !other) throw new Error('they were not started')
  const env = { DATA_DIR: './data', DATABASE_URI: postgres.home('home') }
  await addAccount('oli', { role: 'owner', folder: one.folder, env })
  await addAccount('eva', { folder: one.folder, env })
  const [oli, eva] = [
    bearer(await tokenFor(one.url, 'oli')),
    bearer(await tokenFor(one.url, 'eva')),
  ]
  const kept = opened.move()
  const json = async <Body>(answer: Promise<Response>): Promise<Body> =>
    (await (await answer).json()) as Body

  const stateAt = async ({ url }: Replica, label: string) => {
    const [controllers, locks] = await Promise.all([
      json<{ controllers: { lock: string; state: string }[] }>(
        clientOf(url).get('/v1/controllers', oli),
      ),
      json<{ locks: { label: string; controller: string }[] }>(clientOf(url).get('/v1/locks', oli)),
    ])
    return [
      controllers.controllers.find(({ lock }) => lock === label)?.state,
      locks.locks.find((lock) => lock.label === label)?.controller,
    ]
  }

  return {
    one,
    other,
    oli,
    /** A member, whom a lockdown concerns. */
    eva,
    broker,
    query: postgres.query,
    json,
    /** Adds a lock that every member may open. */
    addLock: async (label: string): Promise<void> => {
      const lock = { label, name: label, open_to: 'members' }
      expect((await clientOf(one.url).post('/v1/locks', lock, oli)).status).toBe(200)
    },
    codeFor: async (label: string): Promise<string> => {
      const path = `/v1/locks/${label}/controllers`
      const made = await json<{ code: string }>(
        clientOf(one.url).post(path, { password: PASSWORD }, oli),
      )
      return made.code
    },
    stateAt,
    ask: async ({ url }: Replica, label: string) => {
      const id = crypto.randomUUID()
      const answer = clientOf(url).post(`/v1/locks/${label}/unlock`, { id }, oli)
      return { id, ...(await json<{ decision: string; delivery: string }>(answer)) }
    },
    attempt: ({ url }: Replica, label: string, id: string) =>
      json<Delivered>(clientOf(url).get(`/v1/locks/${label}/attempts/${id}`, oli)),
    /** Lets the other replica lead at once if the leader has died. */
    endLease: () => postgres.query('UPDATE home.lease SET ends_at = clock_timestamp()'),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}

/** Waits until something holds that only requests can show. */
const soon = (holds: () => Promise<boolean>): Promise<void> =>
  until(async () => {
    if (await holds()) return true
    await Bun.sleep(50)
    return false
  })

type Home = Awaited<ReturnType<typeof twoReplicas>>

describe.if(CAN_POSTGRES)('a door, at two replicas,', () => {
  let home: Home
  beforeAll(async () => {
    home = await twoReplicas()
  })
  afterAll(() => home[Symbol.asyncDispose]())

  test('a replica without the door key sends controllers to another, until it has the key', async () => {
    const { one, other } = home
    await home.addLock('shed')
    const controller = await testController(one.url)
    expect(await controller.enrol(await home.codeFor('shed'))).toBe(200)
    const refused = await controller.poll({ at: other.url }).catch(String)
    expect(refused).toContain('503')
    expect(refused).toContain('copy door-signing-key from another replica')
    const name = join('data', KEY_FILES.door)
    cpSync(join(one.folder, name), join(other.folder, name))
    expect(await controller.poll({ at: other.url })).toBeUndefined()
  })

  test.if(HAPROXY !== null)(
    'behind HAProxy: the controller moves to the replica that is left, and each attempt opens at most once',
    async () => {
      const { one, other, ask, attempt } = home
      await home.addLock('roof')
      await using proxy = await startHaproxy([one.url, other.url])
      await using place = controllerPlace()
      place.start([
        `--gateway=${proxy.url}`,
        `--code=${await home.codeFor('roof')}`,
        '--open-seconds=1',
        place.open,
        place.close,
      ])
      let happened = 0
      const openings = (): number => place.bolt().filter((line) => line === 'open').length
      for (const [killed, left] of [
        [one, other],
        [other, one],
      ] as const) {
        await soon(async () =>
          (await home.stateAt(left, 'roof')).every((state) => state === 'online'),
        )
        const { id } = await ask(killed, 'roof')
        await killed.stop('SIGKILL')
        await soon(
          async () => !['asked', 'accepted'].includes((await attempt(left, 'roof', id)).delivery),
        )
        if ((await attempt(left, 'roof', id)).delivery === 'happened') happened += 1
        expect(openings()).toBe(happened)
        // The next attempt comes while only one replica is left, once the controller polls it.
        await soon(async () => {
          const next = await ask(left, 'roof')
          await soon(
            async () =>
              !['asked', 'accepted'].includes((await attempt(left, 'roof', next.id)).delivery),
          )
          if ((await attempt(left, 'roof', next.id)).delivery !== 'happened') return false
          happened += 1
          return true
        })
        expect(openings()).toBe(happened)
        await killed.start()
      }
      expect(happened).toBeGreaterThanOrEqual(2)
    },
  )

  test('with a driver is asked once, by the leader; the other knows its state, and takes over when the leader is killed', async () => {
    const { broker, oli, attempt, ask } = home
    await until(() => [home.one, home.other].some(leads))
    const [leader, other] = leads(home.one) ? [home.one, home.other] : [home.other, home.one]
    await home.addLock('front')
    const topic = 'zigbee2mqtt/front'
    const say = (state: 'LOCK' | 'UNLOCK') => broker.publish(topic, JSON.stringify({ state }))
    const { heard: commands } = await broker.listen(`${topic}/set`)
    const shown = await broker.listen('secure-lock/+/locks/front/state')
    const put = (path: string, body: object) =>
      clientOf(other.url).put(`/v1/locks/front/${path}`, body, oli)
    const stateAt = async ({ url }: Replica) =>
      (await home.json<{ state: string | null }>(clientOf(url).get('/v1/locks/front/driver', oli)))
        .state
    const ended = (id: string, delivery: string, at = [leader, other]) =>
      soon(async () => {
        const all = await Promise.all(at.map((replica) => attempt(replica, 'front', id)))
        return all.every((said) => said.delivery === delivery)
      })
    const locked = (...at: readonly Replica[]) =>
      soon(async () => {
        say('LOCK')
        await Bun.sleep(200)
        return (await Promise.all(at.map(stateAt))).every((state) => state === 'locked')
      })

    const driver = { kind: 'zigbee2mqtt', settings: { name: 'front' } }
    expect((await put('driver', driver)).status).toBe(200)
    await locked(leader, other)
    const first = await ask(other, 'front')
    expect(first).toMatchObject({ decision: 'permitted', delivery: 'asked' })
    await until(() => commands.length === 1)
    say('UNLOCK')
    await ended(first.id, 'happened')
    await soon(async () => (await stateAt(other)) === 'unlocked')

    // Killed between the command and its end, which is then unknown; nothing is repeated.
    await locked(leader, other)
    const lost = await ask(other, 'front')
    await until(() => commands.length === 2)
    await leader.stop('SIGKILL')
    await home.endLease()
    await until(() => leads(other))
    await home.query(
      `UPDATE home.lock_operation SET deadline_ms = 0 WHERE attempt_id = '${lost.id}'`,
    )
    await soon(async () => {
      const [row] = await home.query<{ state: string; settled_at_ms: string | null }>(
        `SELECT state, settled_at_ms FROM home.lock_operation WHERE attempt_id = '${lost.id}'`,
      )
      return row?.state === 'unknown' && row.settled_at_ms !== null
    })
    await locked(other)
    expect(commands).toHaveLength(2)

    // The replica that came back no longer asks the lock, not even for Home Assistant.
    await leader.start()
    await locked(leader, other)
    const next = await ask(leader, 'front')
    await until(() => commands.length === 3)
    say('UNLOCK')
    await ended(next.id, 'happened')
    const me = await home.json<{ id: string }>(clientOf(other.url).get('/v1/me', home.eva))
    expect((await put('operator', { account: me.id })).status).toBe(200)
    await locked(leader, other)
    await until(() => shown.heard.at(-1)?.payload === 'LOCKED')
    const set = shown.heard.at(-1)?.topic.replace(/state$/, 'set') ?? ''
    const command = JSON.stringify({ action: 'unlock', at: new Date().toISOString() })
    broker.publish(set, command)
    broker.publish(set, command)
    await until(() => commands.length === 4)
    say('UNLOCK')
    await until(() => shown.heard.at(-1)?.payload === 'UNLOCKED')
    expect(commands).toHaveLength(4)
  })
})

/** Starts HAProxy in front of replicas. */
const startHaproxy = async (urls: readonly string[]) => {
  const folder = temporaryFolder()
  const port = await freePort()
  const path = join(folder, 'haproxy.cfg')
  const servers = urls.map(
    (url, at) => `  server replica${at} ${new URL(url).host} check inter 200ms fall 1 rise 1`,
  )
  const lines = [
    'defaults',
    '  mode http',
    '  timeout connect 1s',
    '  timeout client 60s',
    '  timeout server 60s',
    'listen home',
    `  bind 127.0.0.1:${port}`,
    '  balance roundrobin',
    '  option httpchk GET /readyz',
    '  option redispatch 1',
    '  default-server on-marked-down shutdown-sessions',
    ...servers,
  ]
  writeFileSync(path, `${lines.join('\n')}\n`)
  const started = Bun.spawn([HAPROXY ?? '', '-f', path], {
    stdin: 'ignore',
    stdout: 'ignore',
    stderr: 'ignore',
  })
  return {
    url: `http://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: async () => {
      started.kill()
      await started.exited
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
