import { afterAll, beforeAll, expect, test } from 'bun:test'
import { PASSWORD, clientOf } from '../support/app.ts'
import { type Service, UNLIMITED, runCommand, startService } from '../support/binary.ts'
import { IS_POSTGRES } from '../support/test-server.ts'

let service: Service

beforeAll(async () => {
  service = await startService({ env: { ...UNLIMITED, REGISTRATION: 'invite' } })
})

afterAll(async () => {
  await service.stop()
})

const run = (args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
  runCommand(['invite', ...args], { folder: service.folder, env })

const register = async (username: string, invitation: string) => {
  const person = { username, password: PASSWORD, phone: '1', address: 'x' }
  return (await clientOf(service.url).post('/register', { ...person, invitation })).status
}

test('an invitation created on the command line lets people register while the service runs, until it is revoked', async () => {
  const { port } = new URL(service.url)
  const made = await run(
    ['--role', 'admin', '--label', 'Ada’s phone', '--hours', '2', '--uses', '5'],
    {
      HOST: '127.0.0.1',
      PORT: port,
    },
  )
  expect(made).toMatchObject({ status: 0, words: '' })
  const [code = '', link, good = ''] = made.out.split('\n').map((line) => line.slice(7))
  expect(link).toBe(`${service.url}/join#invitation=${code}`)
  expect(good).toStartWith('5 times, as admin, until ')
  expect(Date.parse(good.split(' ').at(-1) ?? '') - Date.now()).toBeWithin(7_100_000, 7_200_000)
  for (const name of ['ada', 'grace']) expect(await register(name, code)).toBe(200)

  const list = async () => (await run(['list'])).out.split('\n').map((line) => line.split('\t'))
  const [head, row = [], ...others] = await list()
  expect(head).toStrictEqual(['ID', 'STATE', 'ROLE', 'USES', 'UNTIL', 'UNIT', 'LABEL', 'ACCOUNTS'])
  const [id = '', ...rest] = row
  expect(rest).toStrictEqual([
    'open',
    'admin',
    '2/5',
    good.split(' ').at(-1) ?? '',
    '',
    'Ada’s phone',
    'ada, grace',
  ])
  expect(others).toStrictEqual([['']])
  const listed = (await run(['list', '--json'])).out.trimEnd().split('\n')
  expect(listed.map((line): unknown => JSON.parse(line))).toMatchObject([
    { id, state: 'open', role: 'admin', uses: 2, uses_max: 5, label: 'Ada’s phone', made_by: null },
  ])

  expect(await run(['revoke', id])).toMatchObject({ status: 0, out: 'Revoked\n' })
  expect((await list())[1]?.[1]).toBe('revoked')
  expect(await register('hedy', code)).toBe(403)
})

test('links lead to PUBLIC_URL if it is set', async () => {
  const { out } = await run([], { PUBLIC_URL: 'https://lock.home:8443' })
  expect(out).toMatch(/^Link {3}https:\/\/lock\.home:8443\/join#invitation=[0-9A-Z-]{34}$/m)
})

test('invalid arguments are refused with a reason', async () => {
  const refused = async (...args: string[]) => {
    const { status, words } = await run(args)
    return `${status} ${words.split('\n')[0]}`
  }
  expect(await refused('--role', 'king')).toBe('2 --role must be member or admin or owner')
  expect(await refused('--hours', '721')).toBe('2 --hours must be a whole number from 1 to 720')
  expect(await refused('--hours', 'two')).toBe('2 --hours must be a whole number from 1 to 720')
  expect(await refused('--uses', '0')).toBe('2 --uses must be a whole number from 1 to 100')
  expect(await refused('--label', 'a\tb')).toStartWith('2 --label is too long')
  expect(await refused('--code', 'mine')).toStartWith('2 There is no option "--code"')
  expect(await refused('ada')).toStartWith("2 Unexpected argument 'ada'")
  expect(await refused('list', 'all')).toStartWith("2 Unexpected argument 'all'")
  expect(await refused('revoke')).toBe('2 invite revoke needs one ID')
  expect(await refused('revoke', crypto.randomUUID())).toBe('1 No such invitation')
  // Another folder has no database; on a server, the homes of tests may be there already.
  if (IS_POSTGRES) return
  const elsewhere = await runCommand(['invite'], {})
  expect(elsewhere).toMatchObject({ status: 1, out: '' })
  expect(elsewhere.words).toContain('There is no database at')
})
