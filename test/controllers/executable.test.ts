import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { rmSync } from 'node:fs'
import { addAccount, tokenFor } from '../support/accounts.ts'
import { PASSWORD, bearer, clientOf } from '../support/app.ts'
import {
  type Service,
  UNLIMITED,
  freePort,
  runCommand,
  startService,
  temporaryFolder,
} from '../support/binary.ts'
import { testController } from '../support/controller.ts'
import { IS_POSTGRES } from '../support/test-server.ts'
import { until, untilTaken } from '../support/until.ts'

/** More than one poll returns. */
const MANY = IS_POSTGRES ? 200 : 1000

const noneIfBusy = (error: Error): undefined => {
  if (!error.message.startsWith('polling: 503')) throw error
}

type Attempt = { readonly id: string; readonly delivery: string; readonly result: string | null }

describe('a controller of the compiled executable', () => {
  const folder = temporaryFolder()
  let env: Record<string, string> = {}
  let service: Service
  let tokens: Record<'oli' | 'eva', string>
  const client = () => clientOf(service.url)
  const as = (name: 'oli' | 'eva') => bearer(tokens[name])

  beforeAll(async () => {
    env = { ...UNLIMITED, PORT: String(await freePort()) }
    service = await startService({ env, folder })
    await addAccount('oli', { role: 'owner', folder })
    await addAccount('eva', { folder })
    tokens = {
      oli: await tokenFor(service.url, 'oli'),
      eva: await tokenFor(service.url, 'eva'),
    }
  })

  afterAll(async () => {
    await service.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  const enrolled = async () => {
    const path = '/v1/locks/front-door/controllers'
    const answer = await client().post(path, { password: PASSWORD }, as('oli'))
    const controller = await testController(service.url)
    expect(await controller.enrol(((await answer.json()) as { code: string }).code)).toBe(200)
    return controller
  }

  const remove = (id: string) =>
    client().delete(`/v1/controllers/${id}`, { password: PASSWORD }, as('oli'))

  const stateOf = async () => {
    const { controllers } = (await (await client().get('/v1/controllers', as('oli'))).json()) as {
      controllers: { state: string }[]
    }
    return controllers
      .map(({ state }) => state)
      .filter((state) => state !== 'removed')
      .join()
  }

  const ask = async (): Promise<Attempt> => {
    const id = crypto.randomUUID()
    const answer = await untilTaken(() =>
      client().post('/v1/locks/front-door/unlock', { id }, as('eva')),
    )
    return { id, ...((await answer.json()) as Omit<Attempt, 'id'>) }
  }

  const attempt = async (id: string): Promise<Attempt> =>
    (await (
      await untilTaken(() => client().get(`/v1/locks/front-door/attempts/${id}`, as('eva')))
    ).json()) as Attempt

  test('opens a lock, and a gateway that was killed after the decision still takes the report', async () => {
    const controller = await enrolled()
    const polling = controller.poll({ wait: 20 })
    await until(async () => (await stateOf()) === 'online')
    const { id, delivery } = await ask()
    expect(delivery).toBe('asked')
    const answer = await polling
    const [command = ''] = answer?.commands ?? []
    expect(await controller.attemptOf(command, answer?.nonce ?? new Uint8Array())).toBe(id)
    await service.stop('SIGKILL')
    service = await startService({ env, folder })
    const again = await controller.poll()
    if (IS_POSTGRES) {
      // Any replica asks until the command dies, unless that took the start longer; controllers act on an attempt once.
      for (const same of again?.commands ?? [])
        expect(await controller.attemptOf(same, again?.nonce ?? new Uint8Array())).toBe(id)
    } else {
      // Nobody is asked a second time.
      expect(again).toBeUndefined()
      expect(await attempt(id)).toMatchObject({ delivery: 'unknown', result: 'unheard' })
    }
    const reports = [
      await controller.next('opening', { attempt: id }),
      await controller.next('unlocked', { attempt: id }),
    ]
    expect(await (await controller.send(...reports)).json()).toStrictEqual({
      through: 2,
      missing: [],
    })
    expect(await attempt(id)).toMatchObject({ delivery: 'happened', result: 'unlocked' })
    const { unlocks } = (await (await client().get('/v1/unlocks?limit=1', as('eva'))).json()) as {
      unlocks: object[]
    }
    expect(unlocks).toMatchObject([{ result: 'unlocked', source: 'attested', username: 'eva' }])
    await remove(controller.id())
  })

  test('follows a door key that the command line replaces, while it waits', async () => {
    const controller = await enrolled()
    const polling = controller.poll({ wait: 30 })
    await until(async () => (await stateOf()) === 'online')
    const rotated = await runCommand(['lock', 'door-key', 'rotate'], { folder })
    expect(rotated).toMatchObject({ status: 0, out: 'The door key was replaced\n' })
    const [succession = ''] = (await polling)?.successions ?? []
    expect(await controller.follow(succession)).toBe(true)
    const next = controller.poll({ wait: 20 })
    const { id } = await ask()
    const answer = await next
    expect(
      await controller.attemptOf(answer?.commands[0] ?? '', answer?.nonce ?? new Uint8Array()),
    ).toBe(id)
    const stolen = await runCommand(['lock', 'door-key', 'rotate', '--stolen'], { folder })
    expect(stolen.status).toBe(0)
    await until(async () => (await stateOf()) === '')
    expect((await controller.send(await controller.next('started'))).status).toBe(401)
  })

  test('opens for many attempts at once, each once', async () => {
    const controller = await enrolled()
    const opened: string[] = []
    const door = { isOver: false }
    const opening = (async () => {
      while (!door.isOver) {
        const answer = await controller.poll({ wait: 1 }).catch(noneIfBusy)
        const reports: Uint8Array[] = []
        for (const command of answer?.commands ?? []) {
          const id = await controller.attemptOf(command, answer?.nonce ?? new Uint8Array())
          if (id === undefined || opened.includes(id)) continue
          opened.push(id)
          reports.push(await controller.next('released', { attempt: id }))
        }
        if (reports.length > 0)
          expect((await untilTaken(() => controller.send(...reports))).status).toBe(200)
      }
    })()
    await until(async () => (await stateOf()) === 'online')
    const asked = await Promise.all(Array.from({ length: MANY }, ask))
    // On a busy machine, some are fetched later than commands live: then nothing is opened, and the attempt says so.
    for (const { id } of asked) await until(async () => (await attempt(id)).delivery !== 'asked')
    door.isOver = true
    await opening
    expect(opened).not.toBeEmpty()
    const ends = await Promise.all(asked.map(({ id }) => attempt(id)))
    const released = ends.filter(({ result }) => result === 'released').map(({ id }) => id)
    // With a server, the attempt of the test before may come again.
    const ids = new Set(asked.map(({ id }) => id))
    expect(new Set(released)).toStrictEqual(new Set(opened).intersection(ids))
    await remove(controller.id())
  })

  test('does not keep the gateway from stopping', async () => {
    const controller = await enrolled()
    const polling = controller.poll({ wait: 30 })
    await until(async () => (await stateOf()) === 'online')
    const startedAtMs = performance.now()
    expect(await service.stop('SIGTERM')).toBe(0)
    // A stop that waits for the poll takes half a minute.
    expect(performance.now() - startedAtMs).toBeLessThan(25_000)
    expect(await polling).toBeUndefined()
    service = await startService({ env, folder })
  })
})
