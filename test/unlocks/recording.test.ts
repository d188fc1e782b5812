import { describe, expect, test } from 'bun:test'
import { Database } from 'bun:sqlite'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import canonicalize from 'canonicalize'
import { openCheckpoint } from '../../src/unlocks/checkpoint.ts'
import { verifyConsistency } from '../../src/unlocks/merkle-verifier.ts'
import { parseReceipt, verifyReceipt } from '../../src/unlocks/receipt.ts'
import { parseVerifierKey } from '../../src/unlocks/signed-note.ts'
import { PASSWORD, basic, bearer, clientOf, recordsOf, startApp } from '../support/app.ts'
import { SOMEBODY } from '../support/unlock-log.ts'
import { UNLIMITED, startService, temporaryFolder } from '../support/binary.ts'

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

  test('[I2] of an array each event has its own outcome, and a bad one does not fail its neighbours', async () => {
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
      'invalid Invalid method',
      'invalid An event is a JSON object',
      'stored 1',
      'duplicate 1',
      'conflict Another unlock has this id',
      'invalid Invalid lock',
      'invalid A denied event has a reason, and an unlocked one has none',
      'stored 2',
      'invalid Invalid occurred_at',
    ])
    expect((await app.log.head()).size).toBe(3)
  })

  test('an event sent again is answered as the first time, and one of another person is a conflict', async () => {
    await using app = await startApp()
    const ada = await signedIn(app)
    const event = { id: UUID, method: 'pin', occurred_at: '2026-11-22T18:30:00+01:00' }
    const first = await ada.record(event)
    const again = await ada.record(event)
    expect(again.body).toMatchObject({ status: 'duplicate', seq: first.body.seq, id: UUID })
    expect((await ada.record({ ...event, method: 'card' })).status).toBe(409)
    const max = await signedIn(app, 'max')
    expect(await max.record(event)).toMatchObject({ status: 409, body: { code: 'conflict' } })
    expect((await app.log.head()).size).toBe(1)
  })

  test('an Idempotency-Key records an unlock of the older app once', async () => {
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
    expect((await app.log.head()).size).toBe(2)
  })

  test('an offline phone empties a queue of 500, and not of 501', async () => {
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

  test('what happened long before it came is late, and the phone’s time stands beside ours', async () => {
    await using app = await startApp()
    const { recordAll } = await signedIn(app)
    const before = (minutes: number) => new Date(app.clock.nowMs - minutes * 60_000).toISOString()
    await recordAll([
      { method: 'a', occurred_at: before(60) },
      { method: 'b', occurred_at: before(1) },
      { method: 'c' },
    ])
    const [late, prompt, unsaid] = await app.unlocks.page(-1, 3)
    expect([late?.isLate, prompt?.isLate, unsaid?.isLate]).toStrictEqual([true, false, false])
    expect(late?.occurredAtMs).toBe(app.clock.nowMs - 3_600_000)
    expect(unsaid?.occurredAtMs).toBeNull()
  })

  test('[D6] a clock that jumps keeps the order, and the event says that its time is uncertain', async () => {
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
    const events = await app.unlocks.page(-1, 9)
    expect(events.map(({ seq }) => seq)).toStrictEqual([0, 1, 2, 3, 4])
    expect(events.map(({ receivedAtMs }) => receivedAtMs)).toStrictEqual(times)
    expect(events.map(({ isTimeUncertain }) => isTimeUncertain).slice(0, 4)).toStrictEqual([
      false,
      true,
      true,
      true,
    ])
  })

  test('[D6] a clock set back brings no expired token back to life', async () => {
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
  test('the bytes of a leaf are RFC 8785 JSON, and hold no text of a person', async () => {
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

  test('any two sizes are proved consistent, and checkpoints are signed notes of this gateway', async () => {
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

  test('[I2] parameters that are unknown, repeated or wrong are named and never repeated', async () => {
    await using app = await startApp()
    const { headers } = await signedIn(app)
    const said = async (query: string) => {
      const answer = await app.get(`/v1/log/consistency${query}`, headers)
      return ((await answer.json()) as { detail: string }).detail
    }
    expect(await said('')).toBe('Missing from, to')
    expect(await said('?from=0&to=kanarienvogel')).toBe('Invalid to')
    expect(await said('?from=0&from=0&to=0')).toBe('Invalid from')
    expect(await said('?from=0&to=0&kanarienvogel=1')).toBe('Unknown parameter; there are from, to')
    expect(await said('?from=0&to=1')).toBe('Needs 0 <= from <= to <= 0, the size of the log')
    expect(await said('?from=-1&to=1e3')).toBe('Invalid from, to')
  })

  test('[A2] a member gets receipts of their own unlocks alone; an admin those of all', async () => {
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

  test('[D7, O3] a person who is erased is gone from the tables, on record, and every proof still holds', async () => {
    await using app = await startApp({ DEBUG: 'true' })
    const { record, headers } = await signedIn(app, 'kanarienvogel')
    const admin = bearer(await app.signIn('amy', 'admin'))
    const { body } = await record({ method: 'geheim' })
    const [before] = await app.unlocks.page(-1, 1)
    const entry = await entryOf(app, 0, admin)
    const account = before?.person?.accountPublicId ?? ''
    expect(await app.log.eraseAccount(account, SOMEBODY)).toStrictEqual({ events: 1, isGone: true })
    expect(recordsOf(app.logLines, 'unlocks.erase')).toMatchObject([
      { who: 'amy', from: '192.0.2.7', request_id: 'r1', result: 'done', account, events: 1 },
    ])
    expect(await entryOf(app, 0, admin)).toStrictEqual(entry)
    const { verifier_key: verifierKey } = (await (
      await app.get('/v1/log/key', headers)
    ).json()) as { verifier_key: string }
    expect(verifyReceipt({ receipt: body.receipt, entry, verifierKey })).toMatchObject({ ok: true })
    expect(await app.watch.checkAll()).toMatchObject({ ok: true, size: 1 })
    const logs = await (await app.get('/getLogs')).text()
    expect(logs).toContain('(erased)')
    expect(logs).not.toMatch(/kanarienvogel|geheim/)
  })
})

describe('watching the log', () => {
  test('a log that was tampered with shows in /readyz and the process log, takes no more events, and is not repaired', async () => {
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

    const path = join(folder, 'data/secure-lock.db')
    using db = new Database(path)
    db.run("UPDATE unlock SET username = 'eve' WHERE seq = 1")
    const after = await startService({ folder, env: UNLIMITED })
    const ready = await clientOf(after.url).get('/readyz')
    expect(ready.status).toBe(503)
    expect(await ready.json()).toStrictEqual({
      msg: 'The unlock log does not verify. Event 1: its account, name or method was changed',
    })
    expect(after.output().log).toContain('log is broken')
    expect((await clientOf(after.url).get('/getLogs', basic('ada', PASSWORD))).status).toBe(401)
    await after.stop()
    expect(db.query('SELECT username FROM unlock WHERE seq = 1').get()).toStrictEqual({
      username: 'eve',
    })

    db.run('DELETE FROM unlock WHERE seq = 2')
    const cut = await startService({ folder, env: UNLIMITED })
    const refused = await clientOf(cut.url).post(
      '/v1/unlocks',
      { method: 'd' },
      await signIn(cut.url),
    )
    expect(refused.status).toBe(503)
    expect(await refused.json()).toMatchObject({
      detail: 'The unlock log does not hold together: its rows and its head differ',
    })
    await cut.stop()
    rmSync(folder, { recursive: true })
  })
})
