import { describe, expect, test } from 'bun:test'
import { lockClaim } from '../../../src/domain/statement/claims.ts'
import { makeKeyPair, signWith } from '../../../src/domain/statement/p256.ts'
import { signStatement } from '../../../src/domain/statement/statement.ts'
import { recordsOf } from '../../support/app.ts'
import { controlledHome } from '../../support/controlled-home.ts'
import { untilTaken } from '../../support/until.ts'

const codeOf = async (answer: Response): Promise<string> =>
  `${answer.status} ${((await answer.json()) as { code?: string }).code}`

type Home = Awaited<ReturnType<typeof controlledHome>>

/** Reports that nobody asked for, signed one after another. */
const several = async (controller: Awaited<ReturnType<Home['enrolled']>>, count: number) => {
  const statements: Uint8Array[] = []
  while (statements.length < count) statements.push(await controller.next('started'))
  return statements
}

/** Adds a webhook that is called on alarms. */
const onAlarm = (home: Home) =>
  home.post(
    '/v1/targets',
    {
      kind: 'webhook',
      name: 'Alarm',
      settings: { url: 'http://127.0.0.1:1/' },
      rules: [{ on: 'controller.alarm' }],
      password: 'correct horse battery',
    },
    home.as('oli'),
  )

describe('reports of a controller', () => {
  test('a gap is found, asked for, and filled by late reports in any order', async () => {
    await using home = await controlledHome()
    const controller = await home.enrolled()
    const [one, two, three, four, five] = await several(controller, 5)
    const send = async (...statements: (Uint8Array | undefined)[]) =>
      (await controller.send(...statements.filter((each) => each !== undefined))).json()
    expect(await send(one)).toStrictEqual({ through: 1, missing: [] })
    expect(await send(five)).toStrictEqual({ through: 1, missing: [[2, 4]] })
    expect((await controller.poll())?.want).toStrictEqual([[2, 4]])
    expect(await home.listed()).toMatchObject([{ through: 1, missing: [[2, 4]] }])
    expect(await send(three)).toStrictEqual({
      through: 1,
      missing: [
        [2, 2],
        [4, 4],
      ],
    })
    expect(await send(two, four)).toStrictEqual({ through: 5, missing: [] })
    expect(await home.records()).toStrictEqual([
      'door_key.made',
      'device.enrolled',
      'gap.found',
      'gap.filled',
    ])
  })

  test('a report that comes twice is stored once, and is no error', async () => {
    await using home = await controlledHome()
    const controller = await home.enrolled()
    const polling = controller.poll({ wait: 20 })
    await home.online()
    const { id } = await home.ask()
    await polling
    const report = await controller.next('unlocked', { attempt: id })
    const size = async () => home.unlocks.size()
    expect((await controller.send(report)).status).toBe(200)
    const before = await size()
    expect(await (await controller.send(report, report)).json()).toStrictEqual({
      through: 1,
      missing: [],
    })
    expect(await size()).toBe(before)
  })

  test('a report that is signed a second time, with the same payload, is no fork', async () => {
    await using home = await controlledHome()
    const controller = await home.enrolled()
    const [first, again] = [
      await controller.signReport('started', { counter: 1 }),
      await controller.signReport('started', { counter: 1 }),
    ]
    expect(again).not.toStrictEqual(first)
    for (const report of [first, again])
      expect(await (await controller.send(report)).json()).toStrictEqual({
        through: 1,
        missing: [],
      })
    expect(await home.records()).not.toContain('device.forked')
  })

  test('two reports with the same counter show a copied key: no trust, no commands, and an alarm', async () => {
    await using home = await controlledHome()
    const controller = await home.enrolled()
    const before = controller.chain()
    expect((await controller.send(await controller.next('started'))).status).toBe(200)
    controller.rewind(before)
    const other = await controller.next('opened_unasked')
    expect(await codeOf(await controller.send(other))).toBe('409 forked')
    expect(await codeOf(await controller.send(await controller.next('started')))).toBe('409 forked')
    expect(await home.listed()).toMatchObject([{ state: 'forked', through: 1 }])
    expect(await home.records()).toContain('device.forked')
    expect(recordsOf(home.logLines, 'controller.fork')).toMatchObject([
      { result: 'failure', subject: 'front-door', detail: { counter: 1 } },
    ])
    expect(await home.ask()).toMatchObject({ decision: 'permitted', delivery: 'offline' })
    const polled = await fetch(`${home.url}/v1/controller/commands?nonce=PpmMh9Xt8Wf3wMcAJd4v8A`, {
      headers: controller.headers(),
    })
    expect(await codeOf(polled)).toBe('409 forked')
  })

  test('the log keeps what proves the fork', async () => {
    await using home = await controlledHome()
    const controller = await home.enrolled()
    const start = controller.chain()
    await controller.send(await controller.next('started'))
    controller.rewind(start)
    const other = await controller.next('opening')
    await controller.send(other)
    const row = await home.db.get<{ body: string }>(
      "SELECT body FROM log_record WHERE kind = 'device.forked'",
    )
    expect(JSON.parse(row?.body ?? '{}')).toMatchObject({
      controller: controller.id(),
      counter: 1,
      statement: other.toBase64(),
    })
  })

  test('only what this controller signed about its lock is a report', async () => {
    await using home = await controlledHome()
    const controller = await home.enrolled()
    const good = await controller.signReport('started', { counter: 1 })
    const stranger = await makeKeyPair(false)
    const claims = {
      kind: 'report',
      lock: lockClaim(controller.lockId()),
      issuedAtS: 1,
      counter: 1,
      previous: new Uint8Array(32),
      result: 'started',
      clockUnsure: false,
    } as const
    const flipped = Uint8Array.from(good, (byte, at) => (at === good.length - 1 ? byte ^ 1 : byte))
    for (const bad of [
      await signStatement(claims, signWith(stranger.privateKey)),
      await controller.signReport('started', { counter: 1, lock: '0011223344556677' }),
      await signStatement(
        { kind: 'succession', issuedAtS: 1, publicKey: controller.publicKey },
        controller.sign,
      ),
      flipped,
      good.slice(0, -1),
      new Uint8Array(),
    ])
      expect(await codeOf(await controller.send(bad))).toBe('400 bad_statement')
    // All or nothing.
    expect(await codeOf(await controller.send(good, flipped))).toBe('400 bad_statement')
    expect(await home.listed()).toMatchObject([{ through: 0 }])
    expect((await controller.send(good)).status).toBe(200)
  })

  test('a batch has at most a hundred statements, each of bounded length, in Base64', async () => {
    await using home = await controlledHome()
    const controller = await home.enrolled()
    const report = await controller.next('started')
    const post = (statements: unknown) =>
      home.post('/v1/controller/reports', { statements }, controller.headers())
    const text = report.toBase64()
    for (const bad of [
      [],
      Array.from({ length: 101 }, () => text),
      ['A'.repeat(1000)],
      [`${text}!`],
      text,
      [1],
    ])
      expect(await codeOf(await post(bad))).toBe('400 invalid')
    expect((await post(Array.from({ length: 100 }, () => text))).status).toBe(200)
  })

  test('are at most 3,600 an hour, and repeats do not count', async () => {
    await using home = await controlledHome()
    const controller = await home.enrolled()
    for (let batch = 0; batch < 36; batch += 1) {
      const reports = await several(controller, 100)
      expect((await untilTaken(() => controller.send(...reports))).status).toBe(200)
      if (batch === 35) {
        expect((await controller.send(...reports)).status).toBe(429)
        expect((await controller.send(await controller.next('started'))).status).toBe(429)
      } else if (batch < 3)
        expect((await untilTaken(() => controller.send(...reports))).status).toBe(200)
    }
    expect(await home.listed()).toMatchObject([{ through: 3600, missing: [] }])
  })

  test('what became of an attempt: released, or failed with its reason', async () => {
    await using home = await controlledHome()
    const controller = await home.enrolled()
    for (const [result, delivery] of [
      ['released', 'happened'],
      ['motor_blocked', 'failed'],
      ['command_failed', 'failed'],
      ['interrupted', 'failed'],
    ] as const) {
      const polling = controller.poll({ wait: 20 })
      await home.online()
      const { id } = await home.ask()
      await polling
      expect((await controller.send(await controller.next(result, { attempt: id }))).status).toBe(
        200,
      )
      expect(await home.attempt(id)).toMatchObject({ delivery, lock_says: result })
    }
  })

  test('an opening for somebody who was let in and then erased raises no alarm, and one for an attempt that never was does', async () => {
    await using home = await controlledHome()
    const controller = await home.enrolled()
    await onAlarm(home)
    const alarms = () => home.db.all('SELECT event FROM delivery')
    const polling = controller.poll({ wait: 20 })
    await home.online()
    const { id: attempt } = await home.ask()
    await polling
    await home.db.run('DELETE FROM attempt')
    await controller.send(await controller.next('released', { attempt }))
    expect(await home.newestEvent()).toMatchObject({ result: 'released', username: '' })
    expect(await alarms()).toStrictEqual([])
    const alarm = { event: 'controller.alarm' }
    await controller.send(await controller.next('released', { attempt: crypto.randomUUID() }))
    expect(await alarms()).toStrictEqual([alarm])
    await home.db.run('DELETE FROM delivery')
    // After a thousand others, it is too old to look for.
    const later = Array.from({ length: 1000 }, (_, at) => `(${at + 1000}, '${at}')`)
    await home.db.run(`INSERT INTO unlock_decision (seq, attempt_id) VALUES ${later.join()}`)
    await controller.send(await controller.next('released', { attempt }))
    expect(await alarms()).toStrictEqual([alarm])
  })

  test('an opening that nobody asked for is an event without a person, and an alarm', async () => {
    await using home = await controlledHome()
    const controller = await home.enrolled()
    await onAlarm(home)
    await controller.send(await controller.next('opened_unasked'))
    expect(await home.newestEvent()).toMatchObject({ result: 'unlocked', username: '' })
    const told = await home.db.all<{ event: string; about: string }>(
      'SELECT event, about FROM delivery',
    )
    expect(told).toMatchObject([{ event: 'controller.alarm' }])
    expect(told[0]?.about).toContain('opened although nobody was let in')

    // Nobody's, even if it names an attempt that was permitted.
    const polling = controller.poll({ wait: 20 })
    await home.online()
    const { id: attempt } = await home.ask()
    await polling
    await controller.send(await controller.next('opened_unasked', { attempt }))
    const unasked = { result: 'unlocked', username: '', attempt: null }
    expect(await home.newestEvent()).toMatchObject(unasked)
  })

  test('with any time leave the log readable, in the order of receipt', async () => {
    await using home = await controlledHome()
    const controller = await home.enrolled()
    for (const [issuedAtS, occurredAt] of [
      [253_402_300_799, '9999-12-31T23:59:59.000Z'],
      [253_402_300_800, null],
      [8_640_000_000_001, null],
      [Number.MAX_SAFE_INTEGER - 1, null],
      [0, '1970-01-01T00:00:00.000Z'],
    ] as const) {
      const report = await controller.next('opened_unasked', { issuedAtS })
      expect((await controller.send(report)).status).toBe(200)
      expect(await home.newestEvent()).toMatchObject({ occurred_at: occurredAt })
    }
    const listed = await home.get('/v1/unlocks?limit=5', home.as('oli'))
    const { unlocks } = (await listed.json()) as { unlocks: { seq: number }[] }
    const seqs = unlocks.map(({ seq }) => seq)
    expect(seqs).toStrictEqual(seqs.toSorted((one, other) => other - one))
    expect(seqs).toHaveLength(5)
  })
})
