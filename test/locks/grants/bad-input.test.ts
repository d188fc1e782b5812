import { expect, test } from 'bun:test'
import { homeWithLocks } from '../../support/home-with-locks.ts'

type Home = Awaited<ReturnType<typeof homeWithLocks>>

/** Everything that a grant leaves behind. */
const traces = async ({ db }: Home) => ({
  grants: await db.all('SELECT * FROM access_grant ORDER BY id'),
  locks: await db.all('SELECT * FROM access_grant_lock ORDER BY grant_id, lock_id'),
  admitted: await db.all('SELECT admitted_at_ms FROM account ORDER BY id'),
  successes: await db.all("SELECT seq FROM audit_event WHERE result = 'success'"),
})

const DAYS = 'one or more of mon, tue, wed, thu, fri, sat, sun, each once'
const FROM = 'a time from "00:00" to "23:59"'
const UNTIL = 'a time from "00:00" to "24:00"; if not after from, it is on the next day'
const WINDOWS = '1 to 20 windows, each with days, from and until'
const HOLIDAYS = '"ignore", "closed" or 1 to 20 windows, each with from and until'
const TIME = 'a time such as 2027-03-31T13:00:00Z, or without an offset in Europe/Berlin'
const USES = 'a whole number from 1 to 1000'
const LOCKS = 'all, or 1 to 100 labels of locks, such as ["front-door"]'
const HOLDER =
  'an account by its public id, a role (member, admin or owner), or a pass with the label of a guest, such as {"role":"member"}'

const window = (change: object) => ({
  windows: [{ days: ['mon'], from: '09:00', until: '13:00', ...change }],
})

/** What cannot be, with the field that is refused and what it accepts. */
const CONDITIONS: readonly (readonly [asked: object, field: string, accepted: string])[] = [
  [{ windows: [] }, 'windows', WINDOWS],
  [{ windows: 'always' }, 'windows', WINDOWS],
  [{ windows: {} }, 'windows', WINDOWS],
  [{ windows: Array.from({ length: 21 }, () => window({}).windows[0]) }, 'windows', WINDOWS],
  [window({ days: [] }), 'windows[0].days', DAYS],
  [window({ days: ['mo'] }), 'windows[0].days', DAYS],
  [window({ days: ['mon', 'mon'] }), 'windows[0].days', DAYS],
  [window({ days: 'mon' }), 'windows[0].days', DAYS],
  [window({ from: '9:00' }), 'windows[0].from', FROM],
  [window({ from: '24:00' }), 'windows[0].from', FROM],
  [window({ from: 900 }), 'windows[0].from', FROM],
  [window({ until: '13:60' }), 'windows[0].until', UNTIL],
  [window({ until: '24:01' }), 'windows[0].until', UNTIL],
  [window({ until: null }), 'windows[0].until', UNTIL],
  [{ holidays: 'open' }, 'holidays', HOLIDAYS],
  [{ holidays: [] }, 'holidays', HOLIDAYS],
  [{ holidays: true }, 'holidays', HOLIDAYS],
  [{ holidays: [{ from: '10:00' }] }, 'holidays[0].until', UNTIL],
  [{ starts_at: 'tomorrow' }, 'starts_at', TIME],
  [{ starts_at: '2040-02-30T10:00:00Z' }, 'starts_at', TIME],
  [{ starts_at: '2040-03-20' }, 'starts_at', TIME],
  [{ starts_at: '2040-03-20T10:00:00+25:00' }, 'starts_at', TIME],
  [{ starts_at: '2040-03-20T10:00[Europe/Berlin]' }, 'starts_at', TIME],
  [{ starts_at: 2_216_000_000_000 }, 'starts_at', TIME],
  [{ ends_at: '2040-13-01T00:00:00Z' }, 'ends_at', TIME],
  [{ ends_at: '2040-03-19T10:00:00Z' }, 'ends_at', 'a time in the future'],
  [
    { starts_at: '2040-03-21T10:00', ends_at: '2040-03-21T10:00' },
    'ends_at',
    'a time after starts_at',
  ],
  [{ uses: 0 }, 'uses', USES],
  [{ uses: -1 }, 'uses', USES],
  [{ uses: 1.5 }, 'uses', USES],
  [{ uses: '3' }, 'uses', USES],
  [{ uses: 1001 }, 'uses', USES],
  [{ uses: 1e300 }, 'uses', USES],
  [{ home_network: 'yes' }, 'home_network', 'true or false'],
  [{ home_network: 1 }, 'home_network', 'true or false'],
  [{ locks: [] }, 'locks', LOCKS],
  [{ locks: 'garage' }, 'locks', LOCKS],
  [{ locks: ['Garage'] }, 'locks', LOCKS],
  [{ locks: [''] }, 'locks', LOCKS],
  [{ locks: ['garage', null] }, 'locks', LOCKS],
  [{ locks: ['garage', '__proto__'] }, 'locks', LOCKS],
  [{ locks: Array.from({ length: 101 }, (_, index) => `d-${index}`) }, 'locks', LOCKS],
  [
    { locks: ['garage', 'attic'] },
    'locks',
    'labels of existing locks: front-door, garage; number 2 is not one',
  ],
]

const WHO: typeof CONDITIONS = [
  [{ holder: 'eva' }, 'holder', HOLDER],
  [{ holder: {} }, 'holder', HOLDER],
  [{ holder: { role: 'king' } }, 'holder', HOLDER],
  [{ holder: { role: 'member', account: crypto.randomUUID() } }, 'holder', HOLDER],
  [{ holder: { account: 'eva' } }, 'holder', HOLDER],
  [{ holder: { account: 7 } }, 'holder', HOLDER],
  [{ holder: { pass: {} } }, 'holder', HOLDER],
  [{ holder: { pass: { label: 'Gast', devices_max: 6 } } }, 'holder', HOLDER],
  [{ holder: { pass: { label: '\u202eGast' } } }, 'holder', 'readable text'],
  [{ key: 'x'.repeat(201) }, 'key', 'text, 1 to 200 characters, no control characters'],
  [{ key: 'a\nb' }, 'key', 'text, 1 to 200 characters, no control characters'],
  [{ key: 7 }, 'key', 'text, 1 to 200 characters, no control characters'],
]

test('an invalid grant is refused with the field and what it accepts, and leaves nothing behind', async () => {
  await using home = await homeWithLocks()
  const whole = { holder: home.holder('eva'), locks: ['garage'] }
  const before = await traces(home)
  for (const [asked, field, accepted] of [...CONDITIONS, ...WHO]) {
    const request = { ...whole, ...asked }
    const refusal = { code: 'invalid', fields: { [field]: accepted } }
    for (const send of [home.grant, home.preview]) {
      const { status, body } = await send(request)
      expect([asked, status, body]).toMatchObject([asked, 400, refusal])
      expect(Object.keys(body.fields ?? {})).toStrictEqual([field])
    }
  }
  expect(await traces(home)).toStrictEqual(before)
})

test('an invalid change is refused in the same way, and the grant stays as it is', async () => {
  await using home = await homeWithLocks()
  const { body: grant } = await home.grant({ holder: home.holder('eva'), locks: ['garage'] })
  const before = await traces(home)
  for (const [asked, field, accepted] of CONDITIONS) {
    const { status, body } = await home.change(grant.id, asked, 1)
    expect([asked, status, body.fields]).toStrictEqual([asked, 400, { [field]: accepted }])
  }
  expect(await home.change(grant.id, {}, 1)).toMatchObject({ status: 400 })
  expect(await home.change(grant.id, { holder: { role: 'owner' } }, 1)).toMatchObject({
    status: 400,
  })
  expect(await traces(home)).toStrictEqual(before)
})

test('several faults are named at once, and never what was sent', async () => {
  await using home = await homeWithLocks()
  const secret = 'hunter2-hunter2'
  const { body } = await home.grant({
    holder: home.holder('eva'),
    locks: ['garage', 'hunter2-hunter2'],
    windows: [
      { days: [secret], from: secret, until: secret },
      { days: ['mon'], from: '08:00', until: '18:00' },
    ],
    ends_at: secret,
    uses: secret,
  })
  expect(Object.keys(body.fields ?? {}).toSorted()).toStrictEqual([
    'ends_at',
    'uses',
    'windows[0].from',
    'windows[0].until',
  ])
  const { body: unknown } = await home.grant({ holder: { role: 'member' }, locks: [secret] })
  expect(unknown.detail).toContain('front-door, garage')
  expect(JSON.stringify([body, unknown])).not.toContain(secret)
})

test('a grant that would never open is refused', async () => {
  await using home = await homeWithLocks()
  await home.put('/v1/holidays/2040-03-24', { name: 'Fair' }, home.as('oli'))
  const saturdays = { windows: [{ days: ['sat'], from: '08:00', until: '18:00' }] }
  const weekend = { starts_at: '2040-03-24T00:00', ends_at: '2040-03-26T00:00' }
  const before = await traces(home)
  for (const asked of [
    { ...saturdays, ends_at: '2040-03-24T08:00' },
    { ...saturdays, starts_at: '2040-03-24T18:00', ends_at: '2040-03-31T08:00' },
    { ...saturdays, ...weekend, holidays: 'closed' },
    // The clock skips that time on that day.
    { windows: [{ days: ['sun'], from: '02:15', until: '02:45' }], ...weekend },
  ])
    expect(await home.grant({ holder: { role: 'member' }, locks: 'all', ...asked })).toMatchObject({
      status: 400,
      body: { code: 'never_opens' },
    })
  expect(await traces(home)).toStrictEqual(before)
  expect(
    await home.grant({ holder: { role: 'member' }, locks: 'all', ...saturdays, ...weekend }),
  ).toMatchObject({ status: 201 })
})

test('fields that are null or empty count as absent, and unknown ones change nothing', async () => {
  await using home = await homeWithLocks()
  const { status, body } = await home.grant({
    holder: { role: 'member' },
    locks: ['garage'],
    key: '',
    starts_at: null,
    ends_at: '',
    windows: null,
    holidays: null,
    uses: null,
    home_network: null,
    version: 9,
    made_by: 'me',
    id: 'mine',
    used: -5,
  })
  expect(status).toBe(201)
  expect(body).toMatchObject({ version: 1, used: 0, key: null, made_by: home.idOf('oli') })
  expect(body.id).not.toBe('mine')
})
