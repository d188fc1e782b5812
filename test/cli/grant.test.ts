import { afterAll, beforeAll, expect, test } from 'bun:test'
import { rmSync } from 'node:fs'
import { addAccount, tokenFor } from '../support/accounts.ts'
import { bearer, clientOf } from '../support/app.ts'
import { runCommand, startService, temporaryFolder } from '../support/binary.ts'

const folder = temporaryFolder()
const env = { HOME_ZONE: 'Europe/Berlin' }

const run = (...args: string[]) => runCommand(args, { folder, env })
const grant = (...args: string[]) => run('grant', ...args)

beforeAll(async () => {
  await addAccount('eva', { folder, env })
  await addAccount('oli', { role: 'owner', folder, env })
  await run('lock', 'add', 'garage', 'Garage')
  // Otherwise members may open the front door at any time.
  const first = JSON.parse((await grant('list', '--json')).out) as { id: string }
  await grant('revoke', first.id)
})

afterAll(() => {
  rmSync(folder, { recursive: true, force: true })
})

const idIn = (out: string): string => /^Made {3}(\S+)$/m.exec(out)?.[1] ?? ''

const CLEANER =
  '--who eva --lock front-door --days tue,thu --from 09:00 --until 13:00 --holidays closed --starts 2040-03-20T00:00 --ends 2040-03-30T00:00'.split(
    ' ',
  )

test('why a lock opens or stays shut is explained for any time, and nothing is written', async () => {
  const { out } = await grant('add', ...CLEANER.with(1, 'oli'), '--uses', '7')
  const id = idIn(out)
  const why = async (...args: string[]) =>
    (await grant('why', '--who', 'oli', '--lock', 'front-door', ...args)).out.split('\n')
  const before = (await run('audit', '--json')).out
  const [shut, next, headings] = await why('--at', '2040-03-21T09:00')
  expect([shut, next, headings]).toStrictEqual([
    'Stays shut: This is outside the hours of this rule.',
    'Next opening: 2040-03-22 09:00',
    'ID\tGRANT\tWHY',
  ])
  const rows = await why('--at', '2040-03-30T12:00')
  expect(rows.find((row) => row.startsWith(id))).toBe(
    `${id}\toli · Tue and Thu 09:00-13:00, closed on holidays · from 20 March until 29 March · 7 times\tThis rule has ended.`,
  )
  expect((await why('--at', '2040-03-22T08:00:00Z'))[0]).toBe('Opens')
  // As this program prints times.
  expect((await why('--at', '2040-03-22 09:00'))[0]).toBe('Opens')
  const [json = ''] = await why('--at', '2040-03-22T09:00', '--json')
  expect(JSON.parse(json)).toMatchObject({ decision: 'permitted', reason: null, next_at: null })
  expect((await run('audit', '--json')).out).toBe(before)
  expect(await grant('why', '--who', 'oli', '--lock', 'front-door', '--json')).toMatchObject({
    status: 0,
    words: '',
  })
  expect((await grant('why', '--who', 'members', '--lock', 'garage')).out).toStartWith(
    'Stays shut: No rule covers this person and this door.\n',
  )
  await grant('revoke', id)
  const refused = async (...args: string[]) => {
    const { status, words } = await grant('why', ...args)
    return `${status} ${words.split('\n')[0]}`
  }
  expect(await refused('--who', 'oli')).toBe('2 grant why needs --who and --lock')
  expect(await refused('--who', 'oli', '--lock', 'attic')).toBe('1 There is no such lock')
  for (const at of ['tomorrow', '2040-02-30T10:00', '2040-03-22'])
    expect(await refused('--who', 'oli', '--lock', 'garage', '--at', at)).toBe(
      '2 --at must be a time such as 2027-03-31T15:00',
    )
})

test('grants are made, listed and revoked, and the service sees them at once', async () => {
  await using service = await startService({ folder, env })
  const made = await grant('add', ...CLEANER, '--key', 'cleaner')
  expect(made).toMatchObject({ status: 0, words: '' })
  const id = idIn(made.out)
  expect(made.out).toBe(
    `Made   ${id}
Grant  eva · Front door · Tue and Thu 09:00-13:00, closed on holidays · from 20 March 2040 until 29 March 2040
Opens  2040-03-20 09:00 to 13:00
Opens  2040-03-22 09:00 to 13:00
Opens  2040-03-27 09:00 to 13:00
Opens  2040-03-29 09:00 to 13:00
`,
  )
  const again = await grant('add', ...CLEANER, '--key', 'cleaner')
  expect(again.out).toStartWith(`Known  ${id}\n`)
  expect(await grant('add', '--who', 'members', '--lock', 'all')).toMatchObject({
    status: 0,
    out: expect.stringMatching(
      /^Made .*\nGrant {2}All members · All doors · always\nOpens {2}.*, without an end\n$/,
    ),
  })

  const { get } = clientOf(service.url)
  const seen = async () => {
    const answer = await get('/v1/grants', bearer(await tokenFor(service.url, 'eva')))
    const { grants } = (await answer.json()) as { grants: { id: string; state: string }[] }
    return grants.map((one) => (one.id === id ? one.state : 'another'))
  }
  expect(await seen()).toStrictEqual(['another', 'later', 'another'])
  expect(await grant('revoke', id, '--why', 'Moved out')).toMatchObject({
    status: 0,
    out: 'Revoked\n',
  })
  expect(await grant('revoke', id)).toMatchObject({ status: 0, out: 'Revoked\n' })
  expect(await seen()).toStrictEqual(['another', 'revoked', 'another'])

  expect((await grant('list', '--state', 'now')).out).toMatch(
    /^ID\tSTATE\tUSED\tGRANT\n\S+\tnow\t\tAll members · All doors · always\n$/,
  )
  expect((await grant('list', '--who', 'eva')).out).toBe(
    `ID\tSTATE\tUSED\tGRANT
${id}\trevoked\t\teva · Front door · Tue and Thu 09:00-13:00, closed on holidays · from 20 March 2040 until 29 March 2040
`,
  )
  expect((await grant('list', '--who', 'admins', '--lock', 'garage')).out).toBe(
    'ID\tSTATE\tUSED\tGRANT\n',
  )
  const [json = ''] = (await grant('list', '--who', 'eva', '--json')).out.split('\n')
  expect(JSON.parse(json)).toMatchObject({ id, version: 1, why: 'Moved out', made_by: null })
  const { out } = await run('audit', '--json')
  expect(out.match(/"action":"grant\.\w+"/g)).toStrictEqual([
    '"action":"grant.revoke"',
    '"action":"grant.make"',
    '"action":"grant.revoke"',
    '"action":"grant.make"',
    '"action":"grant.make"',
    '"action":"grant.revoke"',
  ])
  await service.stop()
  expect(await run('log', 'verify')).toMatchObject({ status: 0 })
})

test('days, nights, dates, uses and several locks stand for what a request says', async () => {
  const options =
    'add --who eva --lock garage --lock front-door --days fri-mon,wed --from 22:00 --until 06:00 --holidays 10:00-12:00 --uses 3'
  const { out } = await grant(...options.split(' '))
  const [line = ''] = (await grant('list', '--json')).out.split('\n')
  expect(JSON.parse(line)).toMatchObject({
    id: idIn(out),
    locks: ['front-door', 'garage'],
    windows: [{ days: ['mon', 'wed', 'fri', 'sat', 'sun'], from: '22:00', until: '06:00' }],
    holidays: [{ from: '10:00', until: '12:00' }],
    uses: 3,
    home_network: false,
  })
  const days = ['--starts', '2040-03-20', '--ends', '2040-03-20']
  const { out: oneDay } = await grant('add', '--who', 'eva', '--lock', 'garage', ...days)
  expect(oneDay).toContain('\nOpens  2040-03-20 00:00 to 2040-03-21 00:00\n')
  const { out: daily } = await grant('add', '--who', 'owners', '--lock', 'all', '--until', '08:00')
  expect(daily).toContain('All owners · All doors · every day 00:00-08:00')
})

test('invalid values are refused by the name of the option', async () => {
  const refused = async (...args: string[]) => {
    const { status, words, out } = await grant(...args)
    expect(out).toBe('')
    return `${status} ${words.split('\n')[0]}`
  }
  const add = (...args: string[]) => refused('add', '--who', 'eva', '--lock', 'garage', ...args)
  expect(await refused('add', '--lock', 'all')).toBe('2 grant add needs --who and --lock')
  expect(await refused('add', '--who', 'eva')).toBe('2 grant add needs --who and --lock')
  expect(await refused('add', '--who', 'nobody', '--lock', 'all')).toBe(
    '1 There is no such account; see user list, or use members, admins or owners',
  )
  expect(await refused('add', '--who', 'eva', '--lock', 'attic')).toBe(
    '2 --lock: labels of existing locks: front-door, garage; number 1 is not one',
  )
  expect(await add('--days', 'mon-funday')).toBe(
    '2 --days must be days (mon, tue, wed, thu, fri, sat, sun) such as mon-fri or sat,sun',
  )
  expect(await add('--from', '9')).toBe('2 --from: a time from "00:00" to "23:59"')
  expect(await add('--until', '25:00')).toStartWith('2 --until: a time from "00:00" to "24:00"')
  expect(await add('--starts', 'soon')).toStartWith('2 --starts: a time such as')
  expect(await add('--starts', '2040-02-30')).toStartWith('2 --starts: a time such as')
  expect(await add('--ends', '2020-01-01T00:00')).toBe('2 --ends: a time in the future')
  expect(await add('--uses', 'two')).toBe('2 --uses: a whole number from 1 to 1000')
  expect(await add('--holidays', 'open')).toBe(
    '2 --holidays must be ignore, closed, or hours such as 10:00-12:00',
  )
  expect(await add('--key', 'a\tb')).toStartWith('2 --key: text, 1 to 200 characters')
  expect(
    await add('--days', 'mon', '--starts', '2040-03-20T00:00', '--ends', '2040-03-21T00:00'),
  ).toBe('1 This would never open: no window is within these dates, or holidays close all of them')
  expect(await add('--day', 'mon')).toBe('2 There is no option "--day"; did you mean "--days"?')
  expect(await refused('list', '--state', 'past')).toBe(
    '2 --state must be now or later or ended or revoked',
  )
  expect(await refused('list', '--lock', 'Front Door')).toBe('1 There is no such lock')
  expect(await refused('revoke')).toBe('2 grant revoke needs one ID')
  expect(await refused('revoke', crypto.randomUUID())).toBe('1 No such grant')
  expect(await refused('show')).toBe('2 grant knows no "show"')
})

test('an opening says when a change of the clocks makes it shorter', async () => {
  const night = ['--days', 'sat', '--from', '22:00', '--until', '06:00', '--starts', '2040-03-24']
  const made = await grant('add', '--who', 'eva', '--lock', 'garage', ...night)
  expect(made.out).toContain(
    'Opens  2040-03-24 22:00 to 2040-03-25 06:00 (an hour shorter, as the clocks change)\n',
  )
  expect((await grant('revoke', idIn(made.out))).status).toBe(0)
})
