import { afterAll, beforeAll, expect, test } from 'bun:test'
import { addAccount, tokenFor } from '../../support/accounts.ts'
import { bearer, clientOf } from '../../support/app.ts'
import { type Service, UNLIMITED, runCommand, startService } from '../../support/binary.ts'
import { testController } from '../../support/controller.ts'
import { until } from '../../support/until.ts'

let service: Service
let oli: string

beforeAll(async () => {
  service = await startService({ env: UNLIMITED })
  await addAccount('oli', { role: 'owner', folder: service.folder })
  oli = await tokenFor(service.url, 'oli')
})

afterAll(async () => {
  await service.stop()
})

const run = (...args: readonly string[]) =>
  runCommand(['lock', ...args], { folder: service.folder, env: UNLIMITED })

const listed = async (...more: string[]) =>
  (await run('controller', 'list', ...more)).out.trimEnd().split('\n')

test('a code that a command prints enrols a controller at the running service, until a command removes it', async () => {
  const code = async (label = 'front-door') => {
    const { status, out } = await run('controller', 'add', label)
    expect(status).toBe(0)
    return /^Code {3}(\w+)$/m.exec(out)?.[1] ?? ''
  }
  const made = await run('controller', 'add', 'front-door')
  expect(made.out).toMatch(
    /^Run {4}secure-lock-server controller --gateway http\S+ --code \w{32} /m,
  )
  expect(made.out).toMatch(/^Valid {2}once, until \d{4}-/m)

  const controller = await testController(service.url)
  const given = await code()
  expect(await controller.enrol(given)).toBe(200)
  expect(await controller.enrol(given)).toBe(404)
  expect(await controller.poll()).toBeUndefined()

  const [headings, row, ...others] = await listed()
  expect(headings?.split('\t')).toStrictEqual([
    'ID',
    'LOCK',
    'NAME',
    'LAST SEEN',
    'REPORTS',
    'TRUSTED',
  ])
  expect(row?.split('\t')).toStrictEqual([
    controller.id(),
    'front-door',
    'Test device',
    expect.stringMatching(/^\d{4}-.*Z$/),
    '0',
    'yes',
  ])
  expect(others).toBeEmpty()
  expect(JSON.parse((await listed('front-door', '--json'))[0] ?? '')).toMatchObject({
    id: controller.id(),
    lock: 'front-door',
    forked_at: null,
    through: 0,
    missing: [],
  })

  expect((await run('controller', 'remove', controller.id())).out).toBe(
    'Removed: it gets no more commands\n',
  )
  expect(await listed()).toHaveLength(1)
  const { get } = clientOf(service.url)
  const polled = await get(
    `/v1/controller/commands?nonce=${'A'.repeat(22)}&wait=0`,
    controller.headers(),
  )
  expect(polled.status).toBe(401)
  // The running service takes it up: the lock has none any more.
  const state = async () => {
    const answer = await get('/v1/locks', bearer(oli))
    const { locks } = (await answer.json()) as { locks: Record<string, unknown>[] }
    return locks.find(({ label }) => label === 'front-door')?.['controller']
  }
  await until(async () => (await state()) === 'none')
})

test('what is missing or unknown is said, and changes nothing', async () => {
  for (const [args, said] of [
    [[], 'lock controller needs add LABEL'],
    [['add'], 'lock controller needs add LABEL'],
    [['install', 'front-door'], 'lock controller needs add LABEL'],
    [['remove', 'front-door', 'garage'], 'lock controller needs add LABEL'],
    [['add', 'shed'], 'There is no such lock'],
    [['list', 'shed'], 'There is no such lock'],
    [['remove', crypto.randomUUID()], 'There is no such controller'],
  ] as const) {
    const { status, words } = await run('controller', ...args)
    expect(status).toBeGreaterThan(0)
    expect(words).toContain(said)
  }
})
