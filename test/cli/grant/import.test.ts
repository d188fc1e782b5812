import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { addAccount } from '../../support/accounts.ts'
import { UNLIMITED, runCommand, startService, temporaryFolder } from '../../support/binary.ts'
import { AIRBNB, GOOGLE } from '../../support/calendars.ts'
import { homeDatabase } from '../../support/home-database.ts'

const env = { ...UNLIMITED, LOG_LEVEL: 'warn', HOME_ZONE: 'Europe/Berlin' }

const RESERVED = ['--lock', 'front-door', '--only', 'reserved', '--label', 'Guest from {{start}}']

describe('grant import, at the compiled file', () => {
  let folder = ''

  beforeAll(async () => {
    folder = temporaryFolder()
    await addAccount('ada', { folder, env, role: 'owner' })
    await (await startService({ folder, env })).stop()
  })
  afterAll(() => rmSync(folder, { recursive: true }))

  const run = (...args: string[]) => runCommand(['grant', ...args], { folder, env })

  const imported = async (text: string, ...options: readonly string[]) => {
    writeFileSync(join(folder, 'stays.ics'), text)
    const { status, out, words } = await run('import', 'stays.ics', ...options)
    return { status, lines: out.split('\n').filter(Boolean), words }
  }

  /** The passes in the database. */
  const passes = async (calendar: string) => {
    await using db = await homeDatabase(folder)
    return await db.all<Record<string, unknown>>(
      `SELECT pass.id, label, code_hash AS code, key, starts_at_ms, ends_at_ms, revoked_why AS why, devices_max
         FROM pass JOIN access_grant ON holder = 'pass:' || pass.id
         WHERE key LIKE ? ORDER BY key`,
      `ics:${calendar}:%`,
    )
  }

  test('makes a pass for each booking, follows its changes with the same link, and revokes what is gone', async () => {
    const options = ['--calendar', 'Flat', ...RESERVED, '--devices', '3']
    const dry = await imported(AIRBNB, ...options, '--dry-run')
    expect(dry.lines).toStrictEqual([
      'Made     2040-03-23 15:00 to 2040-03-26 11:00  Guest from 2040-03-23',
    ])
    expect(dry.words).toContain('Calendar Flat: would make 1, changed 0, revoked 0')
    expect(await passes('Flat')).toBeEmpty()

    const first = await imported(AIRBNB, ...options)
    expect(first.status).toBe(0)
    expect(first.lines[0]).toMatch(
      /^Made {5}2040-03-23 15:00 to 2040-03-26 11:00 {2}Guest from 2040-03-23 {2}http\S+\/guest#pass=[\w-]{22}$/,
    )
    const [made, ...others] = await passes('Flat')
    expect(others).toBeEmpty()
    expect(made).toMatchObject({
      label: 'Guest from 2040-03-23',
      key: 'ics:Flat:1418fb94e984-2c5a3f7e9b1d4c6a8e0f2b4d6c8a0e1f@airbnb.com',
      starts_at_ms: Date.parse('2040-03-23T14:00:00Z'),
      ends_at_ms: Date.parse('2040-03-26T09:00:00Z'),
      why: null,
      devices_max: 3,
    })

    const again = await imported(AIRBNB, ...options)
    expect(again.lines).toBeEmpty()
    expect(again.words).toContain('Calendar Flat: made 0, changed 0, revoked 0; 1 unchanged')

    const longer = await imported(AIRBNB.replace('20400326', '20400327'), ...options)
    expect(longer.lines).toStrictEqual([
      'Changed  2040-03-23 15:00 to 2040-03-27 11:00  Guest from 2040-03-23',
    ])
    expect(await passes('Flat')).toMatchObject([
      { id: made?.['id'], code: made?.['code'], ends_at_ms: Date.parse('2040-03-27T09:00:00Z') },
    ])

    const gone = await imported(AIRBNB.replace('SUMMARY:Reserved', 'SUMMARY:Blocked'), ...options)
    expect(gone.lines[0]).toStartWith('Revoked  2040-03-23 15:00')
    expect(await passes('Flat')).toMatchObject([{ code: null, why: 'booking removed' }])

    const back = await imported(AIRBNB, ...options)
    expect(back.lines).toBeEmpty()
    expect(back.words).toContain('1 revoked before')
  })

  test('touches no other calendar, and prints objects for a script', async () => {
    const options = ['--lock', 'front-door', '--json']
    const { lines } = await imported(GOOGLE, ...options)
    expect(lines.map((line) => JSON.parse(line) as object)).toStrictEqual([
      {
        does: 'make',
        key: 'ics:Workshop:0abc@google.com',
        label: 'Pottery, beginners',
        starts_at: '2040-03-24T09:00:00.000Z',
        ends_at: '2040-03-24T11:00:00.000Z',
        link: expect.stringContaining('/guest#pass='),
      },
    ])
    await imported(AIRBNB, '--calendar', 'Other', ...RESERVED)
    expect(await passes('Workshop')).toMatchObject([{ why: null }])
    const cancelled = GOOGLE.replace('STATUS:CONFIRMED', 'STATUS:CANCELLED')
    expect((await imported(cancelled, ...options)).lines).toMatchObject([
      expect.stringContaining('"does":"revoke"'),
    ])
    expect(await passes('Workshop')).toMatchObject([{ why: 'booking cancelled' }])
    expect(await passes('Other')).toMatchObject([{ why: null }])
  })

  test.each([
    ['a broken line', AIRBNB.replace('SUMMARY:Airbnb (Not available)', 'SUMMARY'), [], 'iCalendar'],
    [
      'a date that does not exist',
      AIRBNB.replace('20400330', '20400231'),
      [],
      'valid start and end',
    ],
    ['too much', AIRBNB + ' '.repeat(1_000_001), [], 'is larger than 1 MB'],
    ['an unknown lock', AIRBNB, ['--lock', 'nowhere'], '--lock'],
    ['a time that is none', AIRBNB, ['--from', '25:00'], '--from must look like 15:00'],
  ])('changes nothing for a file or command with %s', async (_, text, more, says) => {
    const { status, lines, words } = await imported(
      text,
      '--calendar',
      'Bad',
      '--lock',
      'front-door',
      ...more,
    )
    expect([status > 0, lines]).toStrictEqual([true, []])
    expect(words).toContain(says)
    expect(await passes('Bad')).toBeEmpty()
  })
})
