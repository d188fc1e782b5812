import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Terms } from '../../src/locks/rules/grant.ts'
import { attemptOf } from '../support/access.ts'
import { provenLeaf } from '../../src/unlocks/bundle/verify.ts'
import { parseVerifierKey } from '../../src/unlocks/tlog/signed-note.ts'
import { addAccount, tokenFor } from '../support/accounts.ts'
import { bearer, clientOf } from '../support/app.ts'
import {
  type Service,
  UNLIMITED,
  runCommand,
  startService,
  temporaryFolder,
} from '../support/binary.ts'
import { CAN_FAKE, withClock } from '../support/faketime.ts'
import { at, weekly } from '../support/grants.ts'
import { until } from '../support/until.ts'
import { openLog } from '../support/unlock-log.ts'
import { homeDatabase } from '../support/home-database.ts'
import { IS_POSTGRES } from '../support/test-server.ts'

// The cases that doors get wrong, with the values that are right, through the API of the executable.

type Json = Readonly<Record<string, unknown>>
type Opening = { readonly from: string; readonly until: string }

const DAY_MS = 86_400_000

const newId = (): string => crypto.randomUUID()

/** What people do with a service: Ada is its owner, Grace a member. */
const homeAt = async ({ url, folder }: Pick<Service, 'url' | 'folder'>) => {
  const client = clientOf(url)
  const token = {
    ada: await tokenFor(url, 'ada'),
    grace: await tokenFor(url, 'grace'),
  }
  const as = (who: keyof typeof token) => bearer(token[who])
  const idOf = async (who: keyof typeof token) =>
    ((await (await client.get('/v1/me', as(who))).json()) as { id: string }).id
  return {
    ...client,
    as,
    graceId: await idOf('grace'),
    addLock: async (label: string): Promise<void> => {
      const answer = await client.post('/v1/locks', { label, name: label }, as('ada'))
      expect(answer.status).toBe(200)
    },
    /** Grants all members a lock; returns the id of the grant. */
    grant: async (label: string, { terms, usesMax, endsAtMs }: Granted = {}): Promise<string> => {
      const asked = {
        holder: { role: 'member' },
        locks: [label],
        windows: terms?.windows,
        holidays: terms?.holidays,
        uses: usesMax,
        ends_at: endsAtMs === undefined ? undefined : new Date(endsAtMs).toISOString(),
      }
      const answer = await client.post('/v1/grants', asked, as('ada'))
      expect(answer.status).toBe(201)
      return ((await answer.json()) as { id: string }).id
    },
    usesOf: async (id: string): Promise<unknown> => {
      await using db = await homeDatabase(folder)
      return await db.get('SELECT uses FROM access_grant WHERE id = ?', id)
    },
    why: async (label: string, time?: string): Promise<Json> => {
      const query = time === undefined ? '' : `?at=${time}`
      return (await (
        await client.get(`/v1/locks/${label}/access${query}`, as('grace'))
      ).json()) as Json
    },
    knock: async (
      label: string,
      {
        id = newId(),
        headers = as('grace'),
      }: { id?: string; headers?: Record<string, string> } = {},
    ): Promise<Json> => {
      const answer = await client.post(`/v1/locks/${label}/unlock`, { id }, headers)
      return { status: answer.status, ...((await answer.json()) as Json) }
    },
  }
}

type Granted = {
  readonly terms?: Terms
  readonly usesMax?: number
  readonly endsAtMs?: number
}

type Home = Awaited<ReturnType<typeof homeAt>>

const people = async (folder: string): Promise<void> => {
  await addAccount('ada', { folder, role: 'owner' })
  await addAccount('grace', { folder })
}

const startHome = async (zone = 'Europe/Berlin') => {
  const service = await startService({ env: { ...UNLIMITED, HOME_ZONE: zone } })
  await people(service.folder)
  return { service, ...(await homeAt(service)) }
}

/** The openings of the only grant of a lock from a time on. */
const openings = async (home: Home, label: string, time: string): Promise<readonly Opening[]> => {
  const { grants } = (await home.why(label, time)) as { grants: { occurs: Opening[] }[] }
  expect(grants).toHaveLength(1)
  return grants[0]?.occurs ?? []
}

const instants = (from: string, end: string): Opening => ({
  from: new Date(at(from)).toISOString(),
  until: new Date(at(end)).toISOString(),
})

const tally = (answers: readonly Json[]): Record<string, number> => {
  const counts: Record<string, number> = {}
  for (const { decision, reason } of answers) {
    const outcome = String(reason ?? decision)
    counts[outcome] = (counts[outcome] ?? 0) + 1
  }
  return counts
}

describe('in Berlin', () => {
  let home: Awaited<ReturnType<typeof startHome>>
  beforeAll(async () => {
    home = await startHome()
  })
  afterAll(() => home.service[Symbol.asyncDispose]())

  /** Adds a lock with one grant by windows. */
  const lockWith = async (label: string, windows: string): Promise<void> => {
    await home.addLock(label)
    await home.grant(label, { terms: weekly(windows) })
  }

  test('[1] the night in which clocks go forward is an hour shorter', async () => {
    await lockWith('spring', 'sat 22:00-06:00')
    const [night] = await openings(home, 'spring', '2027-03-27T12:00:00Z')
    expect(night).toStrictEqual(instants('2027-03-27T21:00Z', '2027-03-28T04:00Z'))
    expect(await home.why('spring', '2027-03-27T20:59:59.999Z')).toMatchObject({
      decision: 'denied',
      reason: 'outside_schedule',
      next_at: '2027-03-27T21:00:00.000Z',
    })
    for (const time of ['2027-03-27T21:00:00Z', '2027-03-28T03:59:59.999Z'])
      expect(await home.why('spring', time)).toMatchObject({ decision: 'permitted', next_at: null })
    expect(await home.why('spring', '2027-03-28T04:00:00Z')).toMatchObject({
      decision: 'denied',
      reason: 'outside_schedule',
      next_at: '2027-04-03T20:00:00.000Z',
    })
  })

  test('[2] the night in which clocks go back is an hour longer, and a time that comes twice ends with the second', async () => {
    await lockWith('autumn', 'sat 22:00-06:00')
    await lockWith('autumn-half', 'sat 22:00-02:30')
    const friday = '2026-10-23T12:00:00Z'
    expect((await openings(home, 'autumn', friday))[0]).toStrictEqual(
      instants('2026-10-24T20:00Z', '2026-10-25T05:00Z'),
    )
    expect((await openings(home, 'autumn-half', friday))[0]).toStrictEqual(
      instants('2026-10-24T20:00Z', '2026-10-25T01:30Z'),
    )
  })

  test('[2] a window in the gap does not occur, and one that reaches into it stops or begins there', async () => {
    const friday = '2027-03-26T12:00:00Z'
    await lockWith('gap', 'sun 02:15-02:45')
    await lockWith('into-gap', 'sun 01:00-02:30')
    await lockWith('out-of-gap', 'sun 02:30-04:00')
    expect((await openings(home, 'gap', friday))[0]).toStrictEqual(
      instants('2027-04-04T00:15Z', '2027-04-04T00:45Z'),
    )
    expect((await openings(home, 'into-gap', friday))[0]).toStrictEqual(
      instants('2027-03-28T00:00Z', '2027-03-28T01:00Z'),
    )
    expect((await openings(home, 'out-of-gap', friday))[0]).toStrictEqual(
      instants('2027-03-28T01:00Z', '2027-03-28T02:00Z'),
    )
  })

  test('[6] a spent grant does not hide that another opens on Wednesday', async () => {
    await home.addLock('wednesday')
    await home.grant('wednesday', { usesMax: 1 })
    expect(await home.knock('wednesday', { headers: home.as('ada') })).toMatchObject({
      decision: 'permitted',
    })
    await home.grant('wednesday', { terms: weekly('wed 08:00-18:00') })
    expect(await home.why('wednesday', '2026-12-01T12:00:00Z')).toMatchObject({
      decision: 'denied',
      reason: 'uses_spent',
      next_at: '2026-12-02T07:00:00.000Z',
    })
  })

  test('[9] a renamed lock keeps its label and its past; a retired one opens no more, and its label is never reused', async () => {
    await home.addLock('cellar')
    await home.grant('cellar')
    expect(await home.knock('cellar')).toMatchObject({ decision: 'permitted' })
    const change = (body: Json) => home.patch('/v1/locks/cellar', body, home.as('ada'))
    expect(await (await change({ name: 'Weinkeller' })).json()).toMatchObject({ label: 'cellar' })
    expect(await home.knock('cellar')).toMatchObject({ decision: 'permitted' })
    expect((await change({ state: 'retired' })).status).toBe(200)
    expect(await home.knock('cellar')).toMatchObject({
      status: 200,
      decision: 'denied',
      reason: 'lock_disabled',
      next_at: null,
    })
    const again = await home.post('/v1/locks', { label: 'cellar', name: 'x' }, home.as('ada'))
    expect([again.status, ((await again.json()) as Json)['code']]).toStrictEqual([
      409,
      'label_taken',
    ])
    const found = await home.get('/v1/unlocks?lock=cellar', home.as('ada'))
    const { unlocks } = (await found.json()) as { unlocks: Json[] }
    expect(unlocks.map(({ result, reason }) => [result, reason])).toStrictEqual([
      ['denied', 'lock_disabled'],
      ['permitted', null],
      ['permitted', null],
    ])
  })

  test('[10] a holiday closes the windows that begin on it, and no night that began before', async () => {
    await home.addLock('office')
    const terms = { ...weekly('fri 08:00-18:00; thu 22:00-06:00'), holidays: 'closed' } as const
    await home.grant('office', { terms })
    const day = '2026-12-25T10:00:00Z'
    expect(await home.why('office', day)).toMatchObject({ decision: 'permitted' })
    const put = await home.put('/v1/holidays/2026-12-25', { name: 'Christmas' }, home.as('ada'))
    expect(put.status).toBe(200)
    expect(await home.why('office', day)).toMatchObject({
      decision: 'denied',
      reason: 'closed_on_holiday',
      next_at: '2026-12-31T21:00:00.000Z',
    })
    expect(await home.why('office', '2026-12-25T02:00:00Z')).toMatchObject({
      decision: 'permitted',
    })
    await home.addLock('office-by-day')
    await home.grant('office-by-day', {
      terms: { ...weekly('fri 08:00-18:00'), holidays: 'closed' },
    })
    expect(await home.why('office-by-day', day)).toMatchObject({
      reason: 'closed_on_holiday',
      next_at: '2027-01-01T07:00:00.000Z',
    })
  })
})

describe('in other zones', () => {
  test('[2] where clocks go back by half an hour, a window over it lasts an hour', async () => {
    const home = await startHome('Australia/Lord_Howe')
    await using _ = home.service
    await home.addLock('shed')
    await home.grant('shed', { terms: weekly('sun 01:45-02:15') })
    const [opening] = await openings(home, 'shed', '2026-04-03T12:00:00Z')
    expect(opening).toStrictEqual(instants('2026-04-04T14:45Z', '2026-04-04T15:45Z'))
  })

  test('[2] a day that the calendar leaves out has no openings', async () => {
    const home = await startHome('Pacific/Apia')
    await using _ = home.service
    await home.addLock('fale')
    await home.grant('fale', { terms: weekly('fri 08:00-18:00') })
    const [first] = await openings(home, 'fale', '2011-12-29T00:00:00Z')
    expect(first).toStrictEqual(instants('2012-01-05T18:00Z', '2012-01-06T04:00Z'))
  })
})

describe('a grant for one use', () => {
  const SESSIONS = 32

  /** Opens that many sessions of Grace, one by one: few passwords are hashed at a time. */
  const sessions = async (url: string): Promise<Record<string, string>[]> => {
    const opened: Record<string, string>[] = []
    while (opened.length < SESSIONS) opened.push(bearer(await tokenFor(url, 'grace')))
    return opened
  }

  test('[3] is used by one of 64 sessions that knock at once, in two processes on one database', async () => {
    const home = await startHome()
    await using service = home.service
    await home.addLock('gate')
    const id = await home.grant('gate', { usesMax: 1 })
    const phones = await sessions(service.url)
    const other = await openLog(join(service.folder, 'data'))
    const elsewhere = Array.from({ length: SESSIONS }, async (__, n) => {
      const attempt = {
        ...attemptOf({ lock: 'gate', sessionId: `elsewhere-${n}`, nowMs: Date.now() }),
        who: {
          account: { publicId: home.graceId, username: 'grace', role: 'member' as const },
        },
      }
      const how = { account: home.graceId, isDoubted: false }
      const { answer } = await other.unlocks.unlockLog.decide(attempt, how)
      return (answer as { attempt: Json }).attempt
    })
    const here = phones.map((headers) => home.knock('gate', { headers }))
    const answers = await Promise.all([...elsewhere, ...here])
    await other[Symbol.asyncDispose]()
    expect(tally(answers)).toStrictEqual({ permitted: 1, uses_spent: 2 * SESSIONS - 1 })
    expect(await home.usesOf(id)).toStrictEqual({ uses: 1 })
  })

  test('[3] is used once although the server is killed between the knocks and their repeats', async () => {
    const folder = temporaryFolder()
    await using cleanup = new AsyncDisposableStack()
    cleanup.defer(() => rmSync(folder, { recursive: true }))
    const env = { ...UNLIMITED, HOME_ZONE: 'Europe/Berlin' }
    const first = await startService({ folder, env })
    await people(folder)
    const home = await homeAt(first)
    await home.addLock('gate')
    const id = await home.grant('gate', { usesMax: 1 })
    const knocks = (await sessions(first.url)).map((headers) => ({ id: newId(), headers }))
    const asked = knocks.map((knock) => home.knock('gate', knock).catch(() => undefined))
    await Promise.race(asked)
    await first.stop('SIGKILL')
    const before = (await Promise.all(asked)).map((answer) => answer?.['decision'])
    expect(before.some((decision) => decision !== undefined)).toBe(true)
    const second = cleanup.use(await startService({ folder, env }))
    const after = await homeAt(second)
    const answers = await Promise.all(knocks.map((knock) => after.knock('gate', knock)))
    expect(tally(answers)).toStrictEqual({ permitted: 1, uses_spent: SESSIONS - 1 })
    for (const [n, { decision }] of answers.entries())
      expect([decision, undefined]).toContain(before[n])
    expect(await after.usesOf(id)).toStrictEqual({ uses: 1 })
    await second.stop()
    expect((await runCommand(['log', 'verify'], { folder })).status).toBe(0)
  })

  test('[3] gives 64 equal answers and one leaf to 64 requests with the same id', async () => {
    const home = await startHome()
    await using _ = home.service
    await home.addLock('gate')
    const grant = await home.grant('gate', { usesMax: 1 })
    const id = newId()
    const answers = await Promise.all(Array.from({ length: 64 }, () => home.knock('gate', { id })))
    const [first] = answers
    expect(first).toMatchObject({ decision: 'permitted', grant, use: { number: 1, max: 1 } })
    for (const answer of answers) expect({ ...answer, repeat: 0 }).toEqual({ ...first, repeat: 0 })
    expect(answers.filter(({ repeat }) => repeat === false)).toHaveLength(1)
    expect(await home.usesOf(grant)).toStrictEqual({ uses: 1 })
    const listed = await home.get('/v1/unlocks?lock=gate', home.as('ada'))
    expect(((await listed.json()) as { unlocks: Json[] }).unlocks).toHaveLength(1)
  })
})

test('[8] who is erased with live grants is refused, the grants are revoked, receipts hold, and no two visits can be joined', async () => {
  const folder = temporaryFolder()
  await using cleanup = new AsyncDisposableStack()
  cleanup.defer(() => rmSync(folder, { recursive: true }))
  const service = cleanup.use(await startService({ folder, env: UNLIMITED }))
  await people(folder)
  const home = await homeAt(service)
  await home.addLock('gate')
  const asked = { holder: { account: home.graceId }, locks: ['gate'] }
  const made = await home.post('/v1/grants', asked, home.as('ada'))
  const { id: grant } = (await made.json()) as { id: string }
  const visits = [await home.knock('gate'), await home.knock('gate')]
  for (const visit of visits) expect(visit).toMatchObject({ decision: 'permitted', grant })
  const erased = await home.delete(`/v1/people/${home.graceId}`, {}, home.as('ada'))
  expect(erased.status).toBe(200)
  expect((await home.knock('gate'))['status']).toBe(401)
  const read = await home.get(`/v1/grants/${grant}`, home.as('ada'))
  expect(await read.json()).toMatchObject({ holder: null, state: 'revoked' })
  const key = (await (await home.get('/v1/log/key', home.as('ada'))).json()) as Json
  for (const { receipt } of visits)
    expect(
      provenLeaf(String(receipt), parseVerifierKey(String(key['verifier_key']))),
    ).toMatchObject({ result: 'permitted' })
  await using rows = await homeDatabase(folder)
  await until(async () =>
    Bun.deepEquals(await rows.get('SELECT count(*) AS n FROM attempt'), { n: 0 }),
  )
  const traces = `
    SELECT count(*) AS visits,
      count(account_number) + count(username) + count(method) + count(salt) + count(grant_id) AS traces
    FROM unlock_event JOIN unlock_decision USING (seq)`
  await until(async () => Bun.deepEquals(await rows.get(traces), { visits: 2, traces: 0 }))
  await service.stop()
  expect((await runCommand(['log', 'verify'], { folder })).status).toBe(0)
})

test('[8a] while nothing can be recorded nobody is let in, and the answer says what to do', async () => {
  const home = await startHome()
  await using service = home.service
  await home.addLock('gate')
  const grant = await home.grant('gate', { usesMax: 1 })
  const id = newId()
  await using other = await homeDatabase(service.folder)
  const release = await other.holdWrites()
  const refused = await home.knock('gate', { id })
  await release()
  expect(refused).toMatchObject({ status: 503, code: 'unavailable' })
  expect(refused['detail']).toContain('Use your key; the owner is told.')
  expect(await home.usesOf(grant)).toStrictEqual({ uses: 0 })
  expect(await home.knock('gate', { id })).toMatchObject({ decision: 'permitted', repeat: false })
})

// On a server, its clock counts, which is shared: see postgres-clocks.test.ts.
describe.if(CAN_FAKE && !IS_POSTGRES)('by the clock of the machine', () => {
  /** A service that starts at a time, with its people. */
  const startAt = async (machine: ReturnType<typeof withClock>, clock: string) => {
    const service = await machine.start(clock)
    await people(machine.folder)
    return { service, ...(await homeAt(service)) }
  }

  test('[3] a second knock belongs to the use of the first, and no more after 121 seconds', async () => {
    using machine = withClock()
    const home = await startAt(machine, '+0')
    await using _ = home.service
    await home.addLock('gate')
    const id = await home.grant('gate', { usesMax: 1 })
    expect(await home.knock('gate')).toMatchObject({ decision: 'permitted' })
    // Some of the two minutes pass by themselves.
    machine.setClock('+60')
    expect(await home.knock('gate')).toMatchObject({
      decision: 'permitted',
      use: { number: 1, max: 1 },
    })
    expect(await home.usesOf(id)).toStrictEqual({ uses: 1 })
    machine.setClock('+121')
    expect(await home.knock('gate')).toMatchObject({ decision: 'denied', reason: 'uses_spent' })
  })

  const LABELS = ['standing', 'timed', 'weekly'] as const

  test('[4] in 1970, a standing grant opens with an uncertain time, and no grant with a time does or has expired', async () => {
    using machine = withClock()
    const before = await startAt(machine, '+0')
    for (const label of LABELS) await before.addLock(label)
    const nowMs = Date.now()
    await before.grant('standing')
    await before.grant('timed', { endsAtMs: nowMs + DAY_MS })
    await before.grant('weekly', { terms: weekly('mon,tue,wed,thu,fri,sat,sun 00:00-24:00') })
    expect(await before.knock('timed')).toMatchObject({ decision: 'permitted' })
    await before.service.stop('SIGKILL')
    await using service = await machine.start('@1970-01-01 00:00:10')
    const home = await homeAt(service)
    const outcomes = await Promise.all(
      LABELS.map(async (label) => {
        const { decision, reason } = await home.knock(label)
        return [label, decision, reason]
      }),
    )
    expect(outcomes).toStrictEqual([
      ['standing', 'permitted', null],
      ['timed', 'denied', 'clock_uncertain'],
      ['weekly', 'denied', 'clock_uncertain'],
    ])
    const listed = await home.get('/v1/unlocks?lock=standing', home.as('ada'))
    const { unlocks } = (await listed.json()) as { unlocks: Json[] }
    expect(unlocks).toMatchObject([{ result: 'permitted', time_uncertain: true }])
  })

  /** Noon of a Tuesday to come, which is one in Berlin too. */
  const noonOfTuesday = (): number => {
    const noon = new Date()
    noon.setUTCHours(12, 0, 0, 0)
    return noon.getTime() + (((2 - noon.getUTCDay() + 7) % 7) + 7) * DAY_MS
  }

  test('[6] on a Tuesday, the window opens and not the counted grant; of two counted ones, the one that ends first', async () => {
    using machine = withClock({ HOME_ZONE: 'Europe/Berlin' })
    const home = await startAt(machine, `+${Math.round((noonOfTuesday() - Date.now()) / 1000)}`)
    await using _ = home.service
    await home.addLock('gate')
    await home.addLock('garage')
    const counted = await home.grant('gate', { usesMax: 5 })
    const tuesday = await home.grant('gate', { terms: weekly('tue 00:00-24:00') })
    expect(await home.knock('gate')).toMatchObject({ grant: tuesday, use: null })
    expect(await home.usesOf(counted)).toStrictEqual({ uses: 0 })
    const later = await home.grant('garage', {
      usesMax: 5,
      endsAtMs: noonOfTuesday() + 60 * DAY_MS,
    })
    const sooner = await home.grant('garage', {
      usesMax: 5,
      endsAtMs: noonOfTuesday() + 30 * DAY_MS,
    })
    expect(await home.knock('garage')).toMatchObject({ grant: sooner, use: { number: 1, max: 5 } })
    expect(await home.usesOf(later)).toStrictEqual({ uses: 0 })
  })
})
