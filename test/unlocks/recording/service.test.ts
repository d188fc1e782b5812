import { describe, expect, test } from 'bun:test'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import canonicalize from 'canonicalize'
import { homeDatabase } from '../../support/home-database.ts'
import { DEFAULT_LOCK } from '../../../src/domain/access.ts'
import { derivedUuid } from '../../../src/storage/derived-uuid.ts'
import { personHash } from '../../../src/unlocks/log/entry.ts'
import { openCheckpoint, parseCheckpoint } from '../../../src/unlocks/tlog/checkpoint.ts'
import { verifyConsistency } from '../../../src/unlocks/tlog/merkle-proof.ts'
import { keptCheckpoint, parseReceipt, verifyReceipt } from '../../../src/unlocks/tlog/receipt.ts'
import { parseVerifierKey } from '../../../src/unlocks/tlog/signed-note.ts'
import { addAccount, tokenFor } from '../../support/accounts.ts'
import { PASSWORD, basic, bearer, clientOf, startApp } from '../../support/app.ts'
import { UNLIMITED, runCommand, startService, temporaryFolder } from '../../support/binary.ts'
import { IS_POSTGRES } from '../../support/test-server.ts'
import { claimed } from '../../support/unlock-log.ts'
import { until } from '../../support/until.ts'

type Outcome = {
  status: string
  id: string
  seq: number
  receipt: string
  detail: string
}

const UUID = '0193c6a8-5f0e-7c3a-9b1d-2e4f6a8b0c1d'

const signedIn = async (app: Awaited<ReturnType<typeof startApp>>, name = 'ada') => {
  const headers = bearer(await app.signIn(name))
  return {
    headers,
    record: async (body: unknown) => {
      const answer = await app.post('/v1/unlocks', body, headers)
      return { status: answer.status, body: (await answer.json()) as Outcome }
    },
    recordAll: async (body: unknown[]) => {
      const answer = await app.post('/v1/unlocks', body, headers)
      return ((await answer.json()) as { outcomes: Outcome[] }).outcomes
    },
  }
}

const entryOf = async (
  app: Awaited<ReturnType<typeof startApp>>,
  seq: number,
  headers: Record<string, string>,
): Promise<Uint8Array> => {
  const answer = await app.get(`/v1/log/entries?start=${seq}&end=${seq + 1}`, headers)
  const { entries } = (await answer.json()) as { entries: string[] }
  return Buffer.from(entries[0] ?? '', 'base64')
}

describe('recording unlocks', () => {
  test('each event gets a sequence number and a receipt that proves it without the server', async () => {
    await using app = await startApp()
    const { record } = await signedIn(app)
    const admin = bearer(await app.signIn('amy', 'admin'))
    const key = (await (await app.get('/v1/log/key', admin)).json()) as { verifier_key: string }
    for (let seq = 0; seq < 5; seq++) {
      const { status, body } = await record({ method: `pin ${seq}` })
      expect([status, body.status, body.seq]).toStrictEqual([200, 'stored', seq])
      const entry = await entryOf(app, seq, admin)
      const proven = { receipt: body.receipt, entry, verifierKey: key.verifier_key }
      expect(verifyReceipt(proven)).toMatchObject({ ok: true, index: seq })
      const changed = Buffer.from(entry)
      changed[10] = 0x41
      expect(verifyReceipt({ ...proven, entry: changed })).toMatchObject({ failed: 'inclusion' })
    }
  })

  test('a member needs nothing but the key to verify their own receipt', async () => {
    await using app = await startApp()
    const { headers, record } = await signedIn(app)
    const { body } = await record({ method: 'fingerprint' })
    const answer = await app.get(`/v1/unlocks/${body.id}/receipt`, headers)
    for (const receipt of [body.receipt, await answer.text()]) {
      const extra = Buffer.from(parseReceipt(receipt).extra ?? []).toString()
      const { entry, person } = JSON.parse(extra) as {
        entry: string
        person: { account: string; username: string; method: string; salt: string }
      }
      const proven = {
        receipt,
        entry: Buffer.from(entry),
        verifierKey: app.unlocks.unlockLog.verifierKey,
      }
      expect(verifyReceipt(proven)).toMatchObject({ ok: true, index: 0 })
      const { salt, account, username, method } = person
      expect({ username, method }).toStrictEqual({ username: 'ada', method: 'fingerprint' })
      const hash = personHash(Buffer.from(salt, 'base64'), {
        accountPublicId: account,
        username,
        method,
      })
      expect(JSON.parse(entry)).toMatchObject({ person: Buffer.from(hash).toString('base64') })
    }
  })

  test('receipts are not counted against the unlocks of an account', async () => {
    await using app = await startApp({ RATE_LIMIT_UNLOCK: '1/minute' })
    const { headers, record } = await signedIn(app)
    const { body } = await record({ method: 'pin' })
    const path = `/v1/unlocks/${body.id}/receipt`
    expect((await app.get(path, headers)).status).toBe(200)
    expect((await app.get(path, headers)).status).toBe(200)
    expect((await record({ method: 'pin' })).status).toBe(429)
  })

  test('[I2] each event of an array has its own outcome, and an invalid one does not fail the others', async () => {
    await using app = await startApp()
    const { recordAll } = await signedIn(app)
    const outcomes = await recordAll([
      { method: 'a' },
      { method: 5 },
      'text',
      { method: 'b', id: UUID },
      { method: 'b', id: UUID },
      { method: 'c', id: UUID },
      { method: 'd', lock: 'Not A Label' },
      { method: 'e', result: 'denied' },
      { method: 'f', result: 'denied', reason: 'invalid_credential' },
      { method: 'g', occurred_at: '2026-02-31T99:00:00Z' },
    ])
    expect(outcomes.map(({ status, seq, detail }) => `${status} ${seq ?? detail}`)).toStrictEqual([
      'stored 0',
      'invalid Invalid method: text, 1 to 80 characters, no control characters',
      'invalid An unlock is a JSON object',
      'stored 1',
      'duplicate 1',
      'conflict Another unlock has this id',
      'invalid Invalid lock: 1 to 32 lower-case letters and digits, with hyphens between, such as front-door',
      'invalid A denied event has a reason, and an unlocked one has none',
      'stored 2',
      'invalid Invalid occurred_at: a time as in RFC 3339, such as 2026-11-22T18:30:00Z',
    ])
    expect((await app.unlocks.unlockLog.head()).size).toBe(3)
  })

  test('a phone can say neither that it was let in nor what the lock signed', async () => {
    await using app = await startApp()
    const { headers, recordAll } = await signedIn(app)
    const outcomes = await recordAll([
      ...['permitted', 'released', 'failed'].map((result) => ({ method: 'app', result })),
      ...['decided', 'reported', 'attested'].map((source) => ({ method: 'app', source })),
      { method: 'app', reporter: UUID, reporter_counter: 1, statement: 'hEOhASag' },
    ])
    expect(outcomes.map(({ status }) => status)).toStrictEqual([
      'invalid',
      'invalid',
      'invalid',
      'stored',
      'stored',
      'stored',
      'stored',
    ])
    const answer = await app.get('/v1/unlocks', headers)
    const { unlocks } = (await answer.json()) as { unlocks: object[] }
    expect(unlocks).toHaveLength(4)
    for (const unlock of unlocks)
      expect(unlock).toMatchObject({ source: 'claimed', result: 'unlocked', reporter: null })
  })

  test.each([
    ['2026-11-22T18:30:00.125+01:00', '2026-11-22T17:30:00.125Z'],
    ['2024-02-29T23:59:59Z', '2024-02-29T23:59:59.000Z'],
    ['0000-01-01T00:00:00Z', '0000-01-01T00:00:00.000Z'],
    ['9999-12-31T23:59:59.999999999Z', '9999-12-31T23:59:59.999Z'],
    ['2026-02-30T00:00:00Z', undefined],
    ['2025-02-29T00:00:00Z', undefined],
    ['2026-01-01T24:00:00Z', undefined],
    ['2026-01-01T00:00:00+24:00', undefined],
    ['9999-12-31T23:59:59-00:01', undefined],
    ['0000-01-01T00:00:00+00:01', undefined],
  ])('[I2] the phone’s time %s is kept as the moment that it is, or refused', async (at, kept) => {
    await using app = await startApp()
    const { headers, record } = await signedIn(app)
    const { status, body } = await record({ method: 'pin', occurred_at: at })
    const list = (await (await app.get('/v1/unlocks', headers)).json()) as {
      unlocks: { occurred_at: string }[]
    }
    expect([status, body.detail]).toStrictEqual(
      kept
        ? [200, undefined as never]
        : [400, 'Invalid occurred_at: a time as in RFC 3339, such as 2026-11-22T18:30:00Z'],
    )
    expect(list.unlocks.map(({ occurred_at }) => occurred_at)).toStrictEqual(kept ? [kept] : [])
    const since = await app.get(`/v1/unlocks?from=${encodeURIComponent(at)}`, headers)
    expect(since.status).toBe(kept?.startsWith('2') || kept?.startsWith('9') ? 200 : 400)
  })

  test('an event sent again gets the same answer as the first time, and an id of another person is a conflict', async () => {
    await using app = await startApp()
    const ada = await signedIn(app)
    const event = { id: UUID, method: 'pin', occurred_at: '2026-11-22T18:30:00+01:00' }
    const first = await ada.record(event)
    const again = await ada.record(event)
    expect(again.body).toMatchObject({ status: 'duplicate', seq: first.body.seq, id: UUID })
    expect((await ada.record({ ...event, method: 'card' })).status).toBe(409)
    const max = await signedIn(app, 'max')
    expect(await max.record(event)).toMatchObject({ status: 409, body: { code: 'conflict' } })
    expect((await app.unlocks.unlockLog.head()).size).toBe(1)
  })

  test('an id in upper case, as some phones write it, is the same id', async () => {
    await using app = await startApp()
    const { headers, record } = await signedIn(app)
    const first = await record({ id: UUID.toUpperCase(), method: 'pin' })
    expect(first).toMatchObject({ status: 200, body: { status: 'stored', id: UUID } })
    expect((await record({ id: UUID, method: 'pin' })).body.status).toBe('duplicate')
    for (const id of [UUID, UUID.toUpperCase()])
      expect((await app.get(`/v1/unlocks/${id}/receipt`, headers)).status).toBe(200)
    const { unlocks } = (await (await app.get('/v1/unlocks', headers)).json()) as {
      unlocks: { account: string }[]
    }
    const account = unlocks[0]?.account.toUpperCase()
    expect((await app.get(`/v1/unlocks?account=${account}`, headers)).status).toBe(200)
  })

  test('an Idempotency-Key records an unlock of the existing app once', async () => {
    await using app = await startApp()
    const { headers } = await signedIn(app)
    const unlock = (key: string, method = 'pin') =>
      app.post(
        '/logUnlocking',
        { 'unlocking-method': method },
        { ...headers, 'idempotency-key': key },
      )
    for (const _ of [1, 2]) {
      const answer = await unlock('one')
      expect(await answer.json()).toStrictEqual({ msg: 'Unlocking process logged successfully' })
    }
    expect((await unlock('one', 'card')).status).toBe(409)
    expect((await unlock('two')).status).toBe(200)
    expect((await unlock('x'.repeat(256))).status).toBe(400)
    expect((await app.unlocks.unlockLog.head()).size).toBe(2)
  })

  test('[G10] nobody can take the id of an unlock that another phone will send with its key', async () => {
    await using app = await startApp()
    const victim = await signedIn(app, 'ada')
    const squatter = await signedIn(app, 'mallory')
    const { id: account } = (await (await app.get('/v1/me', victim.headers)).json()) as {
      id: string
    }
    const id = derivedUuid(`${account}\nunlock-1`)
    expect((await squatter.record({ id, method: 'pin' })).body.status).toBe('stored')
    const unlock = () =>
      app.post(
        '/logUnlocking',
        { 'unlocking-method': 'pin' },
        { ...victim.headers, 'idempotency-key': 'unlock-1' },
      )
    for (const _ of [1, 2]) expect((await unlock()).status).toBe(200)
    expect((await app.unlocks.unlockLog.head()).size).toBe(2)
  })

  test('an unlock without an id gets a new one, with which it can be sent again', async () => {
    await using app = await startApp()
    const { record } = await signedIn(app)
    const [first, second] = [await record({ method: 'pin' }), await record({ method: 'pin' })].map(
      ({ body }) => body,
    )
    expect([first, second]).toMatchObject([
      { status: 'stored', seq: 0 },
      { status: 'stored', seq: 1 },
    ])
    expect(second?.id).not.toBe(first?.id)
    const again = await record({ id: first?.id, method: 'pin' })
    expect(again.body).toMatchObject({ status: 'duplicate', seq: 0 })
    expect((await app.unlocks.unlockLog.head()).size).toBe(2)
  })

  test('[G10] an unlock that was sent before an update is recorded once', async () => {
    await using app = await startApp()
    const { headers } = await signedIn(app)
    const { id: account } = (await (await app.get('/v1/me', headers)).json()) as {
      id: string
    }
    await app.unlocks.unlockLog.append([
      {
        id: derivedUuid(`${account}\nunlock-1`),
        method: 'pin',
        username: 'ada',
        accountPublicId: account,
        lock: DEFAULT_LOCK,
        result: 'unlocked',
        reason: null,
        source: 'claimed',
        occurredAtMs: null,
      },
    ])
    const unlock = async (method: string) => {
      const sent = { ...headers, 'idempotency-key': 'unlock-1' }
      return (await app.post('/logUnlocking', { 'unlocking-method': method }, sent)).status
    }
    expect(await unlock('pin')).toBe(200)
    expect(await unlock('card')).toBe(409)
    expect((await app.unlocks.unlockLog.head()).size).toBe(1)
  })

  test('[G10] an Idempotency-Key is known after a restart and in a restored backup', async () => {
    const [folder, restored] = [temporaryFolder(), temporaryFolder()]
    await addAccount('ada', { folder })
    /** Records an unlock with the same key, and returns how many unlocks there are. */
    const unlockIn = async (where: string): Promise<number> => {
      await using service = await startService({ folder: where, env: UNLIMITED })
      const { get, post } = clientOf(service.url)
      const token = bearer(await tokenFor(service.url, 'ada'))
      const sent = { ...token, 'idempotency-key': 'unlock-1' }
      expect((await post('/logUnlocking', { 'unlocking-method': 'pin' }, sent)).status).toBe(200)
      const { unlocks } = (await (await get('/v1/unlocks', token)).json()) as {
        unlocks: unknown[]
      }
      await service.stop()
      return unlocks.length
    }
    expect(await unlockIn(folder)).toBe(1)
    expect(await unlockIn(folder)).toBe(1)
    const backup = join(restored, 'door.tar.gz')
    expect((await runCommand(['backup', backup], { folder })).status).toBe(0)
    expect((await runCommand(['restore', backup], { folder: restored })).status).toBe(0)
    expect(await unlockIn(restored)).toBe(1)
    for (const path of [folder, restored]) rmSync(path, { recursive: true })
  })

  test('full queues that arrive together are committed one by one, and other requests are answered in between', async () => {
    await using app = await startApp()
    const { recordAll } = await signedIn(app)
    const sizes: number[] = []
    app.unlocks.unlockLog.onCommit((size) => sizes.push(size))
    const queue = Array.from({ length: 500 }, () => ({ method: 'pin' }))
    const outcomes = (await Promise.all(Array.from({ length: 4 }, () => recordAll(queue)))).flat()
    expect(sizes).toStrictEqual([500, 1000, 1500, 2000])
    expect(new Set(outcomes.map(({ seq }) => seq)).size).toBe(2000)
    expect(outcomes.every(({ seq, receipt }) => receipt.includes(`\nindex ${seq}\n`))).toBe(true)
  })

  test('an offline phone can submit a queue of 500 at once, but not 501', async () => {
    await using app = await startApp()
    const { recordAll, record } = await signedIn(app)
    const queue = Array.from({ length: 500 }, (_, n) => ({
      method: `method ${n} ${'x'.repeat(60)}`,
      id: Bun.randomUUIDv7(),
      lock: 'garden-gate',
      occurred_at: new Date(Date.now() - n * 60_000).toISOString(),
    }))
    const outcomes = await recordAll(queue)
    expect(outcomes.map(({ seq }) => seq)).toStrictEqual(queue.map((_, seq) => seq))
    expect(new Set(outcomes.map(({ status }) => status))).toStrictEqual(new Set(['stored']))
    const tooMany = await record([...queue, { method: 'one more' }])
    expect(tooMany).toMatchObject({
      status: 400,
      body: { detail: expect.stringContaining('500') as string },
    })
    expect(await recordAll([])).toStrictEqual([])
  })

  test('an event reported long after it happened is late, and has the phone’s time beside the server’s', async () => {
    await using app = await startApp()
    const { recordAll } = await signedIn(app)
    const before = (minutes: number) => new Date(app.clock.nowMs - minutes * 60_000).toISOString()
    await recordAll([
      { method: 'a', occurred_at: before(60) },
      { method: 'b', occurred_at: before(1) },
      { method: 'c' },
    ])
    const [late, prompt, unsaid] = await app.unlocks.store.page(-1, 3)
    expect([late?.isLate, prompt?.isLate, unsaid?.isLate]).toStrictEqual([true, false, false])
    expect(late?.occurredAtMs).toBe(app.clock.nowMs - 3_600_000)
    expect(unsaid?.occurredAtMs).toBeNull()
  })

  test('[D6] a clock jump keeps the order, and the event says that its time is uncertain', async () => {
    await using app = await startApp()
    const { headers } = await signedIn(app)
    const day = 86_400_000
    const start = app.clock.nowMs
    const recordAt = async (nowMs: number) => {
      app.clock.nowMs = nowMs
      const answer = await app.post('/v1/unlocks', { method: 'pin' }, headers)
      return answer.status
    }
    const times = [start, start - day, start + 1, 0, start + 2]
    for (const time of times) expect(await recordAt(time)).toBe(200)
    const events = await app.unlocks.store.page(-1, 9)
    expect(events.map(({ seq }) => seq)).toStrictEqual([0, 1, 2, 3, 4])
    // A clock behind the newest certain time stands at that; on a server, behind the newest leaf.
    const behind = IS_POSTGRES ? start + 1 : start
    const received = [start, start, start + 1, behind, start + 2]
    expect(events.map(({ receivedAtMs }) => receivedAtMs)).toStrictEqual(received)
    expect(events.map(({ isTimeUncertain }) => isTimeUncertain).slice(0, 4)).toStrictEqual([
      false,
      true,
      true,
      true,
    ])
  })

  test('[D6] setting the clock back does not revive an expired token', async () => {
    await using app = await startApp({ JWT_ACCESS_TOKEN_EXPIRES: '5' })
    const { record } = await signedIn(app)
    app.clock.nowMs += 6 * 60_000
    expect((await record({ method: 'pin' })).status).toBe(401)
    app.clock.nowMs -= 86_400_000
    expect((await record({ method: 'pin' })).status).toBe(401)
    expect((await app.post('/login', { username: 'ada', password: PASSWORD })).status).toBe(200)
  })
})

describe('proving the log', () => {
  test('the bytes of a leaf are RFC 8785 JSON without personal text', async () => {
    await using app = await startApp()
    const { record } = await signedIn(app, 'kanarienvogel')
    const admin = bearer(await app.signIn('amy', 'admin'))
    await record({ method: 'geheim 😀', lock: 'cellar', occurred_at: '2026-11-22T18:30:00Z' })
    const text = Buffer.from(await entryOf(app, 0, admin)).toString()
    expect(text).toBe(canonicalize(JSON.parse(text)) ?? '')
    expect(text).not.toMatch(/kanarienvogel|geheim/)
    expect(JSON.parse(text)).toMatchObject({
      seq: 0,
      lock: 'cellar',
      result: 'unlocked',
      source: 'claimed',
      v: 1,
    })
  })

  test('any two sizes are proven consistent, and checkpoints are notes signed by this gateway', async () => {
    await using app = await startApp()
    const { record, headers } = await signedIn(app)
    const { verifier_key: vkey } = (await (await app.get('/v1/log/key', headers)).json()) as {
      verifier_key: string
    }
    const checkpoints = []
    for (let size = 0; size <= 9; size++) {
      const note = await (await app.get('/v1/log/checkpoint', headers)).text()
      checkpoints.push(openCheckpoint(note, parseVerifierKey(vkey)))
      await record({ method: 'pin' })
    }
    for (const [from, old] of checkpoints.entries())
      for (const [to, newer] of checkpoints.entries()) {
        const answer = await app.get(`/v1/log/consistency?from=${from}&to=${to}`, headers)
        expect(answer.status).toBe(from <= to ? 200 : 400)
        if (from > to) continue
        const { proof } = (await answer.json()) as { proof: string[] }
        const hashes = proof.map((hash) => new Uint8Array(Buffer.from(hash, 'base64')))
        expect(
          verifyConsistency({ from, to, proof: hashes, fromRoot: old.root, toRoot: newer.root }),
        ).toBe(true)
      }
  })

  test('[I2] unknown, repeated or wrong parameters are named, but their values never echoed', async () => {
    await using app = await startApp()
    const { headers } = await signedIn(app)
    const said = async (query: string) => {
      const answer = await app.get(`/v1/log/consistency${query}`, headers)
      return ((await answer.json()) as { detail: string }).detail
    }
    const SIZE = 'a whole number, at least 0'
    expect(await said('')).toBe('Missing from, to')
    expect(await said('?from=0&to=kanarienvogel')).toBe(`Invalid to: ${SIZE}`)
    expect(await said('?from=0&from=0&to=0')).toBe('Invalid from: at most once')
    expect(await said('?from=0&to=0&kanarienvogel=1')).toBe('Unknown parameter; there are from, to')
    for (const inherited of ['__proto__', 'constructor', 'toString'])
      expect(await said(`?from=0&to=0&${inherited}=1`)).toStartWith('Unknown parameter')
    expect(await said('?from=0&to=1')).toBe('Needs 0 <= from <= to <= 0, the size of the log')
    expect(await said('?from=-1&to=1e3')).toBe(`Invalid from: ${SIZE}; to: ${SIZE}`)
  })

  test('[A2] a member gets receipts of their own unlocks only; an admin those of all', async () => {
    await using app = await startApp()
    const ada = await signedIn(app)
    const max = await signedIn(app, 'max')
    const amy = bearer(await app.signIn('amy', 'admin'))
    const { body } = await ada.record({ method: 'pin' })
    await max.record({ method: 'pin' })
    const receipt = (headers: Record<string, string>, id = body.id) =>
      app.get(`/v1/unlocks/${id}/receipt`, headers)
    const own = await receipt(ada.headers)
    expect(parseReceipt(await own.text())).toMatchObject({ index: 0 })
    expect((await receipt(amy)).status).toBe(200)
    const foreign = await receipt(max.headers)
    const absent = await receipt(max.headers, UUID)
    expect([foreign.status, absent.status]).toStrictEqual([404, 404])
    expect(await foreign.text()).toBe(await absent.text())
  })

  test('[D7] an erased person is gone from the tables, and every proof stays valid', async () => {
    await using app = await startApp({ DEBUG: 'true', HOST: '127.0.0.1' })
    const { record, headers } = await signedIn(app, 'kanarienvogel')
    const admin = bearer(await app.signIn('amy', 'admin'))
    const { body } = await record({ method: 'geheim' })
    const [before] = await app.unlocks.store.page(-1, 1)
    const entry = await entryOf(app, 0, admin)
    const account = before?.person?.accountPublicId ?? ''
    expect(await app.unlocks.unlockLog.eraseAccount(account)).toStrictEqual({
      events: 1,
      isWalTruncated: true,
    })
    expect(await entryOf(app, 0, admin)).toStrictEqual(entry)
    const { verifier_key: verifierKey } = (await (
      await app.get('/v1/log/key', headers)
    ).json()) as { verifier_key: string }
    expect(verifyReceipt({ receipt: body.receipt, entry, verifierKey })).toMatchObject({ ok: true })
    expect(await app.unlocks.verification.verifyAll()).toMatchObject({ ok: true, size: 1 })
    const logs = await (await app.get('/getLogs')).text()
    expect(logs).toContain('(erased)')
    expect(logs).not.toMatch(/kanarienvogel|geheim/)
  })
})

describe('a tampered log', () => {
  test('a node planted where the tree would grow stops the log, and is never signed over', async () => {
    await using app = await startApp()
    const { record } = await signedIn(app)
    expect((await record({ method: 'pin' })).status).toBe(200)
    const hash = new Uint8Array(32)
    await app.unlocks.store.transaction((writes) =>
      writes.insertNodes([{ level: 1, index: 0, hash }]),
    )
    expect(await record({ method: 'pin' })).toMatchObject({
      status: 503,
      body: { detail: expect.stringContaining('its tree has a node that belongs to no event') },
    })
    expect(await app.unlocks.verification.verifyAll()).toMatchObject({ ok: false, seq: 1 })
    expect((await app.unlocks.unlockLog.head()).size).toBe(1)
  })

  test('a log that was tampered with shows in /readyz and the process log, accepts no more events, and is not repaired', async () => {
    const folder = temporaryFolder()
    const person = { username: 'ada', password: PASSWORD, phone: '1', address: 'x' }
    const signIn = async (url: string) => {
      const answer = await clientOf(url).post('/login', person)
      return bearer(((await answer.json()) as { access_token: string }).access_token)
    }
    const before = await startService({ folder, env: UNLIMITED })
    await clientOf(before.url).post('/register', person)
    const headers = await signIn(before.url)
    for (const method of ['a', 'b', 'c'])
      await clientOf(before.url).post('/v1/unlocks', { method }, headers)
    await before.stop()

    await using db = await homeDatabase(folder)
    await db.run("UPDATE unlock_event SET username = 'eve' WHERE seq = 1")
    const after = await startService({ folder, env: UNLIMITED })
    const ready = await clientOf(after.url).get('/readyz')
    expect(ready.status).toBe(503)
    expect(await ready.json()).toStrictEqual({
      msg: 'The unlock log does not verify. Event 1: its account, name or method was changed',
    })
    await until(() => after.output().log.includes('log is broken'))
    expect((await clientOf(after.url).get('/getLogs', basic('ada', PASSWORD))).status).toBe(401)
    await after.stop()
    expect(await db.get('SELECT username FROM unlock_event WHERE seq = 1')).toStrictEqual({
      username: 'eve',
    })

    await db.run('DELETE FROM unlock_event WHERE seq = 2')
    const cut = await startService({ folder, env: UNLIMITED })
    const refused = await clientOf(cut.url).post(
      '/v1/unlocks',
      { method: 'd' },
      await signIn(cut.url),
    )
    expect(refused.status).toBe(503)
    expect(await refused.json()).toMatchObject({
      detail: 'The unlock log is broken: its rows and its head differ',
    })
    await cut.stop()
    rmSync(folder, { recursive: true })
  })
})

describe('earlier heads', () => {
  test('an earlier head is the one that was signed then', async () => {
    await using app = await startApp()
    const { unlockLog } = app.unlocks
    const heads = [await unlockLog.head()]
    for (let seq = 0; seq < 40; seq += 1) {
      const [outcome] = await unlockLog.appendWithReceipts([claimed(seq)])
      heads.push(await unlockLog.head())
      expect(keptCheckpoint(outcome?.receipt ?? '')).toBe((await unlockLog.head()).checkpoint)
    }
    for (const [size, head] of heads.entries())
      expect(await unlockLog.headAt(size)).toStrictEqual(head)
    expect(await unlockLog.headAt(41)).toStrictEqual(await unlockLog.head())
  })

  test('events that share a commit get receipts for what was before them, not for each other', async () => {
    await using app = await startApp()
    const { unlockLog } = app.unlocks
    const appended = await Promise.all(
      [0, 1, 2].map((seq) => unlockLog.appendWithReceipts([claimed(seq)])),
    )
    for (const [at, [one]] of appended.entries()) {
      const { checkpoint } = parseReceipt(one?.receipt ?? '')
      expect(parseCheckpoint(checkpoint.slice(0, checkpoint.indexOf('\n\n') + 1)).size).toBe(at + 1)
    }
  })

  test('nothing is signed that the newest head does not cover', async () => {
    await using app = await startApp()
    const { unlockLog } = app.unlocks
    await unlockLog.append([0, 1, 2, 3, 4].map((seq) => claimed(seq)))
    await app.db.run('UPDATE unlock_event SET leaf_hash = person_hash WHERE seq = 2')
    expect(unlockLog.headAt(3)).rejects.toMatchObject({ code: 'unavailable' })
    expect((await unlockLog.headAt(2)).size).toBe(2)
  })
})
