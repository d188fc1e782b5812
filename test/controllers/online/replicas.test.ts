import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { KEY_FILES } from '../../../src/storage/files/data-dir.ts'
import { PASSWORD, bearer } from '../../support/app.ts'
import { type TestController, testController } from '../../support/controller.ts'
import { type NewPass, codeOf, guestPhone, passIdOf } from '../../support/guests.ts'
import { CAN_POSTGRES } from '../../support/postgres-server.ts'
import { type Place, type Replica, startReplicas, useServer } from '../../support/replicas.ts'
import { follow } from '../../support/stream.ts'
import { until } from '../../support/until.ts'

type Delivered = { readonly delivery: string; readonly lock_says: string | null }

/** Two replicas of one home, with the same keys. */
const twoReplicas = async (place: Place) => {
  await using opened = new AsyncDisposableStack()
  const home = opened.use(await startReplicas(2, place))
  const [one, other] = home.replicas
  if (!one || !other) throw new Error('the replicas were not started')
  const oli = bearer(await one.signIn('oli', 'owner'))
  const eva = bearer(await one.signIn('eva'))
  const kept = opened.move()
  const json = async <Body>(answer: Promise<Response>): Promise<Body> =>
    (await (await answer).json()) as Body

  const stateAt = async ({ get }: Replica, label: string) => {
    const [{ controllers }, { locks }] = await Promise.all([
      json<{ controllers: { lock: string; state: string }[] }>(get('/v1/controllers', oli)),
      json<{ locks: { label: string; controller: string }[] }>(get('/v1/locks', oli)),
    ])
    return [
      controllers.find(({ lock }) => lock === label)?.state,
      locks.find((lock) => lock.label === label)?.controller,
    ]
  }

  const codeFor = async (label: string): Promise<string> => {
    const made = one.post(`/v1/locks/${label}/controllers`, { password: PASSWORD }, oli)
    return (await json<{ code: string }>(made)).code
  }

  return {
    one,
    other,
    oli,
    /** A member, to whom a lockdown applies. */
    eva,
    json,
    codeFor,
    /** A controller at a new lock that every member may open, which has enrolled at the first replica. */
    enrolled: async (label: string) => {
      const lock = { label, name: label, open_to: 'members' }
      expect((await one.post('/v1/locks', lock, oli)).status).toBe(200)
      const controller = await testController(one.url)
      expect(await controller.enrol(await codeFor(label))).toBe(200)
      return controller
    },
    /** Waits until both replicas show this state for a lock and its controller. */
    bothSay: (label: string, state: string) =>
      soon(async () => {
        const states = await Promise.all([one, other].map((replica) => stateAt(replica, label)))
        return states.flat().every((said) => said === state)
      }),
    ask: async ({ post }: Replica, label: string) => {
      const id = crypto.randomUUID()
      const answer = post(`/v1/locks/${label}/unlock`, { id }, oli)
      return { id, ...(await json<{ decision: string; delivery: string }>(answer)) }
    },
    attempt: ({ get }: Replica, label: string, id: string) =>
      json<Delivered>(get(`/v1/locks/${label}/attempts/${id}`, oli)),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}

/** Waits until a condition holds that only requests can show. */
const soon = (holds: () => Promise<boolean>): Promise<void> =>
  until(async () => {
    if (await holds()) return true
    await Bun.sleep(50)
    return false
  })

/** Polls a replica until both know that the controller is online; a second poll ends the first one, so that none is left
 * to which a command could be sent. */
const hasPolled = async (
  controller: TestController,
  { url }: Replica,
  isKnown: Promise<void>,
): Promise<void> => {
  const polling = controller.poll({ wait: 30, at: url })
  await isKnown
  await controller.poll({ at: url })
  expect(await polling).toBeUndefined()
}

describe.if(CAN_POSTGRES)('a door, at two replicas,', () => {
  const place = useServer()
  let home: Awaited<ReturnType<typeof twoReplicas>>
  beforeAll(async () => {
    home = await twoReplicas(place())
    await home.enrolled('shed')
    // The first controller has made the key of the doors.
    const { one, other } = home
    cpSync(join(one.dataDir, KEY_FILES.door), join(other.dataDir, KEY_FILES.door))
  })
  afterAll(() => home[Symbol.asyncDispose]())

  test('with a controller that polls one replica opens once for an attempt that the other permitted, and may report to either', async () => {
    const { one, other, ask, attempt, bothSay } = home
    const controller = await home.enrolled('hall')
    await bothSay('hall', 'offline')
    expect(await ask(one, 'hall')).toMatchObject({ decision: 'permitted', delivery: 'offline' })
    const stream = await follow(one.url, home.oli)
    const polling = controller.poll({ wait: 30, at: other.url })
    await bothSay('hall', 'online')

    const { id, delivery } = await ask(one, 'hall')
    expect(delivery).toBe('asked')
    const answer = await polling
    const [command = '', ...more] = answer?.commands ?? []
    expect(more).toBeEmpty()
    expect(await controller.attemptOf(command, answer?.nonce ?? new Uint8Array())).toBe(id)
    // The first report goes to the replica that decided, the second to the one that sent the command.
    const opening = await controller.next('opening', { attempt: id })
    expect((await controller.sendTo(one.url, opening)).status).toBe(200)
    await soon(async () => (await controller.poll({ at: other.url })) === undefined)
    expect(await controller.poll({ at: one.url })).toBeUndefined()
    const released = await controller.next('released', { attempt: id })
    expect((await controller.sendTo(other.url, released)).status).toBe(200)
    for (const replica of [one, other])
      expect(await attempt(replica, 'hall', id)).toMatchObject({
        delivery: 'happened',
        lock_says: 'released',
      })
    await until(() => stream.messages.some(({ text }) => text.includes('"released"')))
    await stream.leave()
  })

  test('opens for a guest whose page waits at one replica, while the lock answers the other', async () => {
    const { one, other, oli, bothSay } = home
    const controller = await home.enrolled('garden')
    const holder = { pass: { label: 'Guest', devices_max: 1 } }
    const made = one.post('/v1/grants', { holder, locks: ['garden'] }, oli)
    const phone = guestPhone(one)
    expect((await phone.bind(codeOf(await home.json<NewPass>(made)))).status).toBe(200)
    const polling = controller.poll({ wait: 30, at: other.url })
    await bothSay('garden', 'online')
    const id = crypto.randomUUID()
    expect((await phone.unlock({ id, lock: 'garden' })).body).toMatchObject({ delivery: 'asked' })
    const headers = { cookie: phone.cookie(), origin: one.url }
    let isOver = false
    const waiting = home
      .json<Delivered>(one.get(`/v1/guest/attempts/${id}?wait=10`, headers))
      .finally(() => (isOver = true))
    await polling
    expect(isOver).toBe(false)
    await controller.sendTo(other.url, await controller.next('released', { attempt: id }))
    expect(await waiting).toMatchObject({ delivery: 'happened', result: 'released' })
  })

  test('opens for a guest whose pass was made at one replica and bound at the other, and stays shut once it is withdrawn at either', async () => {
    const { one, other, oli } = home
    await home.enrolled('porch')
    const holder = { pass: { label: 'Guest', devices_max: 1 } }
    const made = await home.json<NewPass>(one.post('/v1/grants', { holder, locks: ['porch'] }, oli))
    const bound = guestPhone(other)
    expect((await bound.look(codeOf(made))).status).toBe(200)
    expect((await bound.bind(codeOf(made))).status).toBe(200)
    const headers = ({ url }: Replica) => ({ cookie: bound.cookie(), origin: url })
    const open = (replica: Replica) => {
      const body = { id: crypto.randomUUID(), lock: 'porch' }
      return home.json<object>(replica.post('/v1/guest/unlock', body, headers(replica)))
    }
    for (const replica of [one, other, one]) {
      const pass = home.json<object>(replica.get('/v1/guest/pass', headers(replica)))
      expect(await pass).toMatchObject({ label: 'Guest' })
      expect(await open(replica)).toMatchObject({ decision: 'permitted' })
    }
    expect((await other.post(`/v1/grants/${made.id}/revocation`, {}, oli)).status).toBe(200)
    for (const replica of [one, other])
      expect(await open(replica)).not.toMatchObject({ decision: 'permitted' })
  })

  test('has as many phones with a pass as it is for, however many bind it at both at once', async () => {
    const { one, other, oli } = home
    const devices = 3
    const holder = { pass: { label: 'Guests', devices_max: devices } }
    const made = await home.json<NewPass>(one.post('/v1/grants', { holder, locks: 'all' }, oli))
    const phones = Array.from({ length: 2 * devices }, (_, at) =>
      guestPhone(at % 2 === 0 ? one : other),
    )
    const answers = await Promise.all(phones.map((phone) => phone.bind(codeOf(made))))
    const bound = answers.filter(({ status }) => status === 200)
    expect(bound).toHaveLength(devices)
    for (const replica of [one, other]) {
      const pass = await home.json<{ devices: unknown[] }>(
        replica.get(`/v1/passes/${passIdOf(made)}`, oli),
      )
      expect(pass.devices).toHaveLength(devices)
    }
  })

  test('stays shut if a lockdown begins at one replica before the controller polls the other again', async () => {
    const { one, other, oli, eva, ask, attempt, bothSay } = home
    const controller = await home.enrolled('cellar')
    // It has just polled the other, and may ask again at any moment.
    await hasPolled(controller, other, bothSay('cellar', 'online'))
    const id = crypto.randomUUID()
    const asked = one.post('/v1/locks/cellar/unlock', { id }, eva)
    expect(await home.json<object>(asked)).toMatchObject({
      decision: 'permitted',
      delivery: 'asked',
    })
    const begun = one.put('/v1/home/lockdown', { locks: ['cellar'] }, oli)
    expect((await begun).status).toBe(200)
    // As a controller does, it polls until the replica has heard of the attempt.
    await soon(async () => {
      expect(await controller.poll({ at: other.url })).toBeUndefined()
      return (await attempt(one, 'cellar', id)).delivery === 'failed'
    })
    expect(await attempt(one, 'cellar', id)).toMatchObject({ lock_says: 'withdrawn' })
    // An owner may still open it.
    const again = controller.poll({ wait: 25, at: other.url })
    await bothSay('cellar', 'online')
    const owner = await ask(one, 'cellar')
    const answer = await again
    expect(
      await controller.attemptOf(answer?.commands[0] ?? '', answer?.nonce ?? new Uint8Array()),
    ).toBe(owner.id)
  })

  test('with two controllers has failed only once both have', async () => {
    const { one, other, ask, attempt, bothSay } = home
    const [left, right] = [await home.enrolled('gate'), await testController(one.url)]
    expect(await right.enrol(await home.codeFor('gate'))).toBe(200)
    const polls = [left.poll({ wait: 30, at: one.url }), right.poll({ wait: 30, at: other.url })]
    await bothSay('gate', 'online')
    await soon(async () => {
      const row = await one.db.get<{ n: number }>(
        `SELECT count(*) AS n
         FROM controller JOIN lock ON lock.id = lock_id
         WHERE lock.label = 'gate' AND online_until_ms IS NOT NULL`,
      )
      return row?.n === 2
    })
    const { id } = await ask(one, 'gate')
    for (const answer of await Promise.all(polls)) expect(answer?.commands).toHaveLength(1)
    await left.sendTo(other.url, await left.next('motor_blocked', { attempt: id }))
    expect(await attempt(one, 'gate', id)).toMatchObject({ delivery: 'asked' })
    await right.sendTo(one.url, await right.next('motor_blocked', { attempt: id }))
    expect(await attempt(other, 'gate', id)).toMatchObject({
      delivery: 'failed',
      lock_says: 'motor_blocked',
    })
  })

  test('whose command no controller fetches within ten seconds is offline, and stays shut', async () => {
    const { one, other, ask, attempt, bothSay } = home
    const controller = await home.enrolled('attic')
    await hasPolled(controller, other, bothSay('attic', 'online'))
    const { id, delivery } = await ask(one, 'attic')
    expect(delivery).toBe('asked')
    await soon(async () => (await attempt(other, 'attic', id)).delivery === 'offline')
    for (const { url } of [one, other]) expect(await controller.poll({ at: url })).toBeUndefined()
  })
})
