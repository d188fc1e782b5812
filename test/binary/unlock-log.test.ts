import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { openCheckpoint } from '../../src/unlocks/tlog/checkpoint.ts'
import { verifyConsistency } from '../../src/unlocks/tlog/merkle-proof.ts'
import { verifyReceipt } from '../../src/unlocks/tlog/receipt.ts'
import { parseVerifierKey } from '../../src/unlocks/tlog/signed-note.ts'
import { addAccount } from '../support/accounts.ts'
import { PASSWORD, bearer, clientOf } from '../support/app.ts'
import { type Service, UNLIMITED, startService } from '../support/binary.ts'
import { follow } from '../support/stream.ts'

const PHONE_ID = '0193c6a8-5f0e-7c3a-9b1d-2e4f6a8b0c1d'
const METHODS = ['pin', 'fingerprint', '=cmd()'] as const
const SIZE = 1001

type Outcome = { status: string; id: string; seq: number; receipt: string }
type Page = { unlocks: { seq: number; method: string }[]; next: string | null }

describe('the unlock log of the compiled file', () => {
  let service: Service
  let member: Record<string, string>
  let owner: Record<string, string>

  const { post, get } = {
    post: (path: string, body: unknown, headers = member) =>
      clientOf(service.url).post(path, body, headers),
    get: (path: string, headers = owner) => clientOf(service.url).get(path, headers),
  }
  const json = async <Answer>(answer: Promise<Response>): Promise<Answer> =>
    (await (await answer).json()) as Answer

  const logIn = async (username: string) => {
    const credentials = { username, password: PASSWORD }
    const { access_token: token } = await json<{ access_token: string }>(
      clientOf(service.url).post('/login', credentials),
    )
    return bearer(token)
  }

  const record = async (events: readonly unknown[]): Promise<readonly Outcome[]> =>
    (await json<{ outcomes: Outcome[] }>(post('/v1/unlocks', events))).outcomes

  beforeAll(async () => {
    service = await startService({ env: UNLIMITED })
    const person = { username: 'ada', password: PASSWORD, phone: '1', address: 'x' }
    await clientOf(service.url).post('/register', person)
    await addAccount('oli', { role: 'owner', folder: service.folder })
    ;[member, owner] = [await logIn('ada'), await logIn('oli')]
    const nowMs = Date.now()
    for (let seq = 0; seq < SIZE - 1; seq += 500)
      await record(
        Array.from({ length: 500 }, (_, at) => ({
          method: METHODS[(seq + at) % METHODS.length],
          // Otherwise they would repeat one another. The later it is told, the earlier it happened.
          occurred_at: new Date(nowMs - seq - at).toISOString(),
        })),
      )
  })

  afterAll(() => service.stop())

  test('each event of an array gets its own outcome, and one sent again is not stored twice', async () => {
    const event = { id: PHONE_ID, method: 'pin', occurred_at: '2026-11-22T18:30:00Z' }
    const [stored, bad, again, other] = await record([
      event,
      { method: 5 },
      event,
      { ...event, method: 'face' },
    ])
    expect([stored, bad, again, other].map((one) => one?.status)).toStrictEqual([
      'stored',
      'invalid',
      'duplicate',
      'conflict',
    ])
    expect([stored?.seq, again?.seq]).toStrictEqual([SIZE - 1, SIZE - 1])
  })

  test('receipt, entry and checkpoint verify without the server', async () => {
    const { verifier_key: verifierKey } = await json<{ verifier_key: string }>(get('/v1/log/key'))
    const receipt = await (await get(`/v1/unlocks/${PHONE_ID}/receipt`, member)).text()
    const { entries } = await json<{ entries: string[] }>(
      get(`/v1/log/entries?start=${SIZE - 1}&end=${SIZE}`),
    )
    const entry = Buffer.from(entries[0] ?? '', 'base64')
    expect(verifyReceipt({ receipt, entry, verifierKey })).toMatchObject({
      ok: true,
      index: SIZE - 1,
    })
    const key = parseVerifierKey(verifierKey)
    const checkpoint = openCheckpoint(await (await get('/v1/log/checkpoint')).text(), key)
    expect(checkpoint.size).toBe(SIZE)
  })

  test('filtered pages lead to the end, each event once, by when it happened or in the order of the log', async () => {
    const seqs = async (order: string) => {
      const seen: number[] = []
      for (let cursor: string | null = ''; cursor !== null;) {
        const query: string = `&order=${order}${cursor && `&cursor=${cursor}`}`
        const page: Page = await json<Page>(get(`/v1/unlocks?method=fingerprint&limit=100${query}`))
        for (const { seq, method } of page.unlocks) {
          expect(method).toBe('fingerprint')
          seen.push(seq)
        }
        cursor = page.next
      }
      return seen
    }
    const expected = Array.from({ length: SIZE - 1 }, (_, seq) => seq).filter(
      (seq) => METHODS[seq % METHODS.length] === 'fingerprint',
    )
    expect(await seqs('newest')).toStrictEqual(expected)
    expect(await seqs('oldest')).toStrictEqual(expected.toReversed())
    expect(await seqs('seq')).toStrictEqual(expected)
    expect(await seqs('seq_desc')).toStrictEqual(expected.toReversed())
  })

  test('[I4] exports contain every row, and no formula', async () => {
    const rows = (await (await get('/v1/unlocks/export?format=ndjson')).text()).trim().split('\n')
    // Those of today, the last of which happened first, after one of an earlier day.
    expect(rows.map((row) => (JSON.parse(row) as { seq: number }).seq)).toStrictEqual([
      SIZE - 1,
      ...Array.from({ length: SIZE - 1 }, (_, seq) => SIZE - 2 - seq),
    ])
    const csv = await (await get('/v1/unlocks/export?format=csv')).text()
    expect(csv.trim().split('\r\n')).toHaveLength(SIZE + 1)
    expect(csv).toContain("'=cmd()")
    expect(csv).not.toMatch(/[,\n"]=cmd/)
  })

  test('a stream resumes where it broke off', async () => {
    const stream = await follow(service.url, { ...owner, 'last-event-id': String(SIZE - 4) })
    await stream.until(() => stream.messages.length === 3)
    expect(stream.ids()).toStrictEqual([SIZE - 3, SIZE - 2, SIZE - 1])
    await stream.leave()
  })

  test('statistics count by day, hour, method and account in a named zone', async () => {
    const stats = await json<{
      days: { count: number }[]
      hours: number[]
      methods: { method: string; count: number }[]
      accounts: { count: number }[]
    }>(get('/v1/unlocks/stats?zone=Asia/Kathmandu'))
    const total = (counts: readonly number[]) => counts.reduce((sum, count) => sum + count, 0)
    expect(stats.hours).toHaveLength(24)
    expect(total(stats.hours)).toBe(SIZE)
    for (const rows of [stats.days, stats.methods, stats.accounts])
      expect(total(rows.map(({ count }) => count))).toBe(SIZE)
    expect((await get('/v1/unlocks/stats?zone=Mars/Olympus')).status).toBe(400)
  })

  test('a member reads only their own unlocks, and no leaves [A2]', async () => {
    await clientOf(service.url).post('/register', {
      username: 'eve',
      password: PASSWORD,
      phone: '1',
      address: 'x',
    })
    const eve = await logIn('eve')
    expect((await json<Page>(get('/v1/unlocks', eve))).unlocks).toStrictEqual([])
    expect(await (await get('/v1/unlocks/export?format=ndjson', eve)).text()).toBe('')
    expect((await get(`/v1/unlocks/${PHONE_ID}/receipt`, eve)).status).toBe(404)
    expect((await get('/v1/log/entries?start=0&end=1', eve)).status).toBe(403)
  })

  test('any two sizes are proven consistent, and verification on demand finds the log intact', async () => {
    const checkpointOf = async () => {
      const { verifier_key: text } = await json<{ verifier_key: string }>(get('/v1/log/key'))
      return openCheckpoint(await (await get('/v1/log/checkpoint')).text(), parseVerifierKey(text))
    }
    const before = await checkpointOf()
    await record([{ method: 'pin' }, { method: 'pin' }])
    const after = await checkpointOf()
    const { proof } = await json<{ proof: string[] }>(
      get(`/v1/log/consistency?from=${before.size}&to=${after.size}`),
    )
    const consistency = {
      from: before.size,
      to: after.size,
      fromRoot: before.root,
      toRoot: after.root,
      proof: proof.map((hash) => Buffer.from(hash, 'base64')),
    }
    expect(verifyConsistency(consistency)).toBe(true)
    expect(verifyConsistency({ ...consistency, fromRoot: after.root })).toBe(false)
    expect((await post('/v1/log/verification', {}, owner)).status).toBe(202)
    type Verdict = { state: string; scope: string; size: number; running: boolean }
    let verdict = await json<Verdict>(get('/v1/log/verification'))
    for (; verdict.running; verdict = await json<Verdict>(get('/v1/log/verification')))
      await Bun.sleep(20)
    expect(verdict).toMatchObject({ state: 'intact', scope: 'full', size: SIZE + 2 })
  })
})
