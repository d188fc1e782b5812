import { afterAll, beforeAll, expect, test } from 'bun:test'
import { addAccount, tokenFor } from '../../support/accounts.ts'
import { bearer, clientOf } from '../../support/app.ts'
import { type Service, UNLIMITED, runCommand, startService } from '../../support/binary.ts'

let service: Service

beforeAll(async () => {
  service = await startService({ env: UNLIMITED })
})

afterAll(async () => {
  await service.stop()
})

const run = (...args: string[]) => runCommand(['lock', ...args], { folder: service.folder })

const words = async (...args: string[]) => {
  const { status, out, words: said } = await run(...args)
  return `${status} ${out}${said}`.trimEnd()
}

/** The locks of these labels, as `lock list` prints them for other programs. */
const listed = async (...labels: string[]) =>
  (await run('list')).out
    .split('\n')
    .map((line) => line.split('\t'))
    .filter(([label = '']) => labels.includes(label))

test('locks are added, renamed, disabled, enabled and retired while the service runs', async () => {
  expect(await words('add', 'garage', 'Garage, north side')).toBe(
    '0 Added garage, Garage, north side\n' +
      'Nobody may open it yet, unless a grant is for all locks: grant add --lock garage',
  )
  expect(await words('add', 'laundry', 'Laundry', '--members')).toBe('0 Added laundry, Laundry')
  expect(
    (await runCommand(['grant', 'list', '--lock', 'laundry'], { folder: service.folder })).out,
  ).toContain('members')
  expect(await words('rename', 'garage', 'Südtor 🚗')).toBe('0 garage is now called Südtor 🚗')
  expect(await words('disable', 'garage')).toBe('0 garage opens for nobody')
  expect(await listed('garage')).toStrictEqual([['garage', 'disabled', '', 'Südtor 🚗']])
  expect(await words('enable', 'garage')).toStartWith('0 garage opens again')
  expect(await words('retire', 'garage', '--yes')).toStartWith('0 garage is retired')
  for (const args of [
    ['enable', 'garage'],
    ['rename', 'garage', 'Garage'],
  ])
    expect(await words(...args)).toBe('1 The lock is retired for good; add another one')
  expect(await words('add', 'garage', 'Garage')).toBe(
    '1 Another lock has or had this label; labels are never reused',
  )
  const json = (await run('list', '--json')).out.trimEnd().split('\n')
  expect(json.map((line): unknown => JSON.parse(line))).toContainEqual({
    label: 'garage',
    name: 'Südtor 🚗',
    state: 'retired',
    version: 5,
    controller: 'none',
  })
})

test('a lockdown is begun and released, and the service knows at once', async () => {
  await run('add', 'gate', 'Gate')
  await addAccount('mia', { folder: service.folder })
  const token = await tokenFor(service.url, 'mia')
  const inForce = async () => {
    const answer = await clientOf(service.url).get('/v1/home/lockdown', bearer(token))
    return ((await answer.json()) as { lockdowns: unknown }).lockdowns
  }
  expect(await words('lockdown', 'gate', '--until', '2199-12-24T18:00:00+01:00')).toBe(
    '0 Only owners may open gate, until 2199-12-24T17:00:00.000Z',
  )
  expect(await words('lockdown')).toBe('0 Only owners may open any lock, until ended')
  expect(await inForce()).toMatchObject([
    { lock: null, began_by: null, until: null, may_end: false },
    { lock: 'gate', began_by: null, until: '2199-12-24T17:00:00.000Z', may_end: false },
  ])
  expect(await listed('gate')).toStrictEqual([['gate', 'enabled', 'until ended', 'Gate']])
  expect(await words('release')).toBe(
    '0 The home is no longer locked down\nStill locked down: gate',
  )
  expect(await listed('gate')).toStrictEqual([
    ['gate', 'enabled', 'until 2199-12-24T17:00:00.000Z', 'Gate'],
  ])
  expect(await words('release', 'gate')).toBe('0 gate is no longer locked down')
  expect(await inForce()).toStrictEqual([])
})

test('invalid input is refused, with what is accepted', async () => {
  for (const [args, said] of [
    [[], /lock needs one of: list, add/],
    [['add', 'cellar'], /lock add needs a LABEL and a NAME/],
    [['add', 'Cellar', 'x'], /Invalid label: 1 to 32 lower-case letters and digits/],
    [['add', 'cellar', ''], /Invalid name: text, 1 to 100 characters/],
    [['retire', 'cellar'], /needs --yes/],
    [['release', 'a', 'b'], /needs one LABEL/],
    [['lockdown', '--until', 'tomorrow'], /--until must be a time such as/],
  ] as const) {
    const { status, words: said2 } = await run(...args)
    expect([args, status, said2]).toStrictEqual([args, 2, expect.stringMatching(said)])
  }
  for (const [args, said] of [
    [['rename', 'cellar', 'x'], 'There is no such lock'],
    [['retire', 'cellar', '--yes'], 'There is no such lock'],
    [['release', 'cellar'], 'There is no such lock'],
    [['lockdown', 'cellar'], 'Invalid locks: labels of locks; there is no cellar'],
    [['lockdown', '--until', '2026-01-01T00:00:00Z'], 'Invalid until: a time in the future'],
  ] as const)
    expect([args, await words(...args)]).toStrictEqual([args, `1 ${said}`])
})
