import { expect, test } from 'bun:test'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { addAccount } from '../../support/accounts.ts'
import { PASSWORD } from '../../support/app.ts'
import { UNLIMITED, runCommand, startService, temporaryFolder } from '../../support/binary.ts'
import { controllerPlace } from '../../support/controller-place.ts'
import { CAN_FAKE, FAKETIME } from '../../support/faketime.ts'
import { until } from '../../support/until.ts'

// The executable on both sides.

type Attempt = { readonly result: string | null; readonly failure: string | null }

type Listed = { readonly id: string; readonly state: string; readonly through: number }

const homeWithOwner = async (env: Readonly<Record<string, string>> = {}) => {
  const folder = temporaryFolder()
  await addAccount('ada', { folder, role: 'owner' })
  const service = await startService({ folder, env: { ...UNLIMITED, ...env } })
  let authorization = ''
  const request = async <Answer>(method: string, path: string, body?: object): Promise<Answer> => {
    const answer = await fetch(`${service.url}${path}`, {
      method,
      headers: { authorization, 'content-type': 'application/json' },
      tls: { rejectUnauthorized: false },
      ...(body ? { body: JSON.stringify(body) } : {}),
    })
    expect([path, answer.status]).toStrictEqual([path, 200])
    return (await answer.json()) as Answer
  }
  const login = { username: 'ada', password: PASSWORD }
  const { access_token: token } = await request<{ access_token: string }>('POST', '/login', login)
  authorization = `Bearer ${token}`
  const lock = '/v1/locks/front-door'
  return {
    folder,
    service,
    ask: (id: string) =>
      request<{ decision: string; delivery: string }>('POST', `${lock}/unlock`, { id }),
    /** The command that enrols a controller, as the gateway shows it, without the program. */
    enrolment: async (): Promise<readonly string[]> => {
      const { command } = await request<{ command: string }>('POST', `${lock}/controllers`, {
        password: PASSWORD,
      })
      const [program, name, ...args] = command.split(' ')
      expect([program, name]).toStrictEqual(['secure-lock-server', 'controller'])
      return args
    },
    controllers: async () =>
      (await request<{ controllers: readonly Listed[] }>('GET', '/v1/controllers')).controllers,
    remove: (id: string) => request('DELETE', `/v1/controllers/${id}`, { password: PASSWORD }),
    attempt: (id: string) => request<Attempt>('GET', `${lock}/attempts/${id}`),
    [Symbol.asyncDispose]: async (): Promise<void> => {
      await service[Symbol.asyncDispose]()
      rmSync(folder, { recursive: true })
    },
  }
}

test('the command that the gateway shows enrols a controller, and who presses sees OPEN', async () => {
  await using home = await homeWithOwner()
  await using place = controllerPlace()
  const door = place.start([...(await home.enrolment()), '--open-seconds=1'])
  await door.says('Waiting for commands for the lock front-door')
  await until(async () => (await home.controllers())[0]?.state === 'online')
  const id = crypto.randomUUID()
  expect(await home.ask(id)).toMatchObject({ decision: 'permitted', delivery: 'asked' })
  await door.says('OPEN')
  await until(async () => (await home.attempt(id)).result === 'released')
  // It does so again, and never twice for one attempt.
  await home.ask(id)
  const other = crypto.randomUUID()
  await home.ask(other)
  await until(async () => (await home.attempt(other)).result === 'released')
  expect(door.output.out.split('OPEN').length).toBe(3)
  expect(await door.stop()).toBe(0)
})

test('a jam is reported as one', async () => {
  await using home = await homeWithOwner()
  await using place = controllerPlace()
  const enrolment = (await home.enrolment()).filter((word) => word !== '--dry-run')
  place.start([...enrolment, '--open=exit 3', place.close])
  await until(async () => (await home.controllers())[0]?.state === 'online')
  const id = crypto.randomUUID()
  await home.ask(id)
  await until(async () => (await home.attempt(id)).result === 'failed')
  expect(await home.attempt(id)).toMatchObject({ failure: 'motor_blocked' })
})

test('a controller follows a new door key, and enrols again with its state after it was removed', async () => {
  await using home = await homeWithOwner()
  await using place = controllerPlace()
  const door = place.start([...(await home.enrolment()), '--open-seconds=1'])
  await until(async () => (await home.controllers())[0]?.state === 'online')
  const rotated = await runCommand(['lock', 'door-key', 'rotate'], { folder: home.folder })
  expect([rotated.status, rotated.words]).toStrictEqual([0, rotated.words])
  await door.says('The gateway has a new door key')
  const id = crypto.randomUUID()
  await home.ask(id)
  await until(async () => (await home.attempt(id)).result === 'released')

  const [controller] = await home.controllers()
  await home.remove(controller?.id ?? '')
  await door.says('No commands from the gateway: HTTP 401')
  await door.stop()
  const again = place.start([...(await home.enrolment()), '--open-seconds=1'])
  await until(async () => (await home.controllers())[0]?.state === 'online')
  const later = crypto.randomUUID()
  await home.ask(later)
  await until(async () => (await home.attempt(later)).result === 'released')
  expect((await home.controllers())[0]?.through).toBeGreaterThan(controller?.through ?? 0)
  await again.stop()
})

test.skipIf(!CAN_FAKE)(
  'a controller that believes it is 1970 opens over the private CA',
  async () => {
    const folder = temporaryFolder()
    try {
      await runCommand(['tls', 'init', '--out', join(folder, 'tls')], { folder })
      await using home = await homeWithOwner({
        TLS_CERT_FILE: join(folder, 'tls/server.pem'),
        TLS_KEY_FILE: join(folder, 'tls/server-key.pem'),
      })
      await using place = controllerPlace()
      const enrolment = await home.enrolment()
      expect(enrolment).toContain('--ca-sha256')
      const at = enrolment.indexOf('--gateway') + 1
      place.start(enrolment.with(at, home.service.url), {
        LD_PRELOAD: FAKETIME ?? '',
        FAKETIME: '@1970-01-01 00:00:05',
        FAKETIME_DONT_FAKE_MONOTONIC: '1',
      })
      await until(async () => (await home.controllers())[0]?.state === 'online')
      const id = crypto.randomUUID()
      await home.ask(id)
      await until(async () => (await home.attempt(id)).result === 'released')
    } finally {
      rmSync(folder, { recursive: true })
    }
  },
)
