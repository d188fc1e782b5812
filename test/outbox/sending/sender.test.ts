import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../../src/domain/duration.ts'
import type { Channel, HomeEventKind, Message, SendResult } from '../../../src/domain/home-event.ts'
import { enqueueIn } from '../../../src/outbox/core/enqueue-store.ts'
import { guestsIn } from '../../../src/outbox/core/guest-store.ts'
import { deliveriesIn } from '../../../src/outbox/core/delivery-store.ts'
import { targetsIn } from '../../../src/outbox/core/target-store.ts'
import { type Sender, sender } from '../../../src/outbox/sending/sender.ts'
import type { Database } from '../../../src/storage/database.ts'
import { type TestApp, startApp } from '../../support/app.ts'
import { addTarget, deliveriesTo } from '../../support/outbox.ts'
import { until } from '../../support/until.ts'

/** The database, clock and audit of a real app, and a channel that answers as a test says. */
let app: TestApp
let outbox: Sender
let sent: { readonly target: string; readonly message: Message }[] = []
let answer: (target: string, message: Message) => SendResult | Promise<SendResult>
let channel: { -readonly [Part in keyof Channel]: Channel[Part] }
let people = 0

const open = (db: Parameters<typeof sender>[0]['db'] = app.db) =>
  sender({
    db,
    clock,
    logger: { warn: () => {}, error: () => {} } as never,
    auditIn: app.audit.auditIn,
    channels: { test: channel },
    unlockFacts: async (seq) => ({ seq, id: `evt-${seq}` }) as never,
    guestName: guestsIn(app.db).nameOf,
    countWaiting: async () => people,
    onAttempt: () => {},
    random: () => 0.5,
  })

const clock = {
  wallMs: () => app.clock.nowMs,
  monotonicMs: () => app.clock.passedMs,
  nonDecreasingMs: () => app.clock.nowMs,
}

beforeEach(async () => {
  app = await startApp({}, { nowMs: Date.UTC(2026, 10, 28, 12) })
  sent = []
  people = 0
  answer = () => ({ status: 'delivered', code: 200, answer: 'ok' })
  channel = {
    retriesMs: [5000, 5 * MINUTE_MS],
    freshMs: undefined,
    send: async ({ id: target }, message) => {
      const outcome = await answer(target, message)
      sent.push({ target, message })
      return outcome
    },
  }
  outbox = open()
})
afterEach(async () => {
  await outbox.stop()
  await app[Symbol.asyncDispose]()
})

let nextSeq = 0
const enqueue = async (targetId: string, count = 1, event: HomeEventKind = 'unlocked') => {
  const atMs = app.clock.nowMs
  const rows = Array.from({ length: count }, () => ({
    targetId,
    event,
    seq: nextSeq++,
    about: null,
    createdAtMs: atMs,
    dueAtMs: atMs,
  }))
  await app.db.transaction((tx) => enqueueIn(tx).add(rows))
  outbox.onCommit()
}

const failed = (): SendResult => ({ status: 'failed', code: 503, answer: 'busy' })

/** Lets time pass, and wakes the sender as its timer would. */
const pass = (ms: number): void => {
  app.clock.nowMs += ms
  app.clock.passedMs += ms
  outbox.wake()
}

const settled = (): Promise<void> => outbox.idle()

const waiting = async (id: string): Promise<number> =>
  (await deliveriesTo(app.db, id)).filter(({ state }) => state === 'waiting').length

const seqsTo = (id: string) =>
  sent.flatMap(({ target, message: { about } }) =>
    target === id && 'unlock' in about ? [about.unlock.seq] : [],
  )

beforeEach(() => {
  nextSeq = 0
})

describe('what waits for a target', () => {
  test('is told in order, and saved as told', async () => {
    await addTarget(app.db, 'one', [])
    await enqueue('one', 120)
    outbox.start()
    await until(async () => (await waiting('one')) === 0)
    expect(seqsTo('one')).toStrictEqual(Array.from({ length: 120 }, (_, seq) => seq))
    expect((await deliveriesTo(app.db, 'one'))[0]).toMatchObject({
      state: 'delivered',
      attempts: 1,
      status: 200,
      answer: 'ok',
    })
  })

  test('waits behind what fails, is told again after the schedule, and is dead after the last attempt', async () => {
    await addTarget(app.db, 'one', [])
    answer = (_, { about }) =>
      'unlock' in about && about.unlock.seq === 0 ? failed() : { status: 'delivered' }
    await enqueue('one', 2)
    outbox.start()
    await settled()
    expect((await deliveriesTo(app.db, 'one'))[0]?.attempts).toBe(1)
    expect((await targetsIn(app.db).find('one'))?.failingSinceMs).toBe(app.clock.nowMs)
    pass(4999)
    await settled()
    expect(sent).toHaveLength(1)
    pass(1)
    await settled()
    expect(sent).toHaveLength(2)
    pass(5 * MINUTE_MS)
    await until(() => sent.length === 4)
    expect(seqsTo('one')).toStrictEqual([0, 0, 0, 1])
    expect(new Set(sent.slice(0, 3).map(({ message }) => message.id)).size).toBe(1)
    await until(async () => (await waiting('one')) === 0)
    expect((await deliveriesTo(app.db, 'one')).map(({ state }) => state)).toStrictEqual([
      'dead',
      'delivered',
    ])
    expect((await targetsIn(app.db).find('one'))?.failingSinceMs).toBeUndefined()
  })

  test('is settled whatever characters a service answers with', async () => {
    await addTarget(app.db, 'a', [])
    answer = () => ({ status: 'failed', code: 500, answer: `no\0\ud800${'ü'.repeat(300)}` })
    await enqueue('a')
    outbox.start()
    await until(async () => (await deliveriesTo(app.db, 'a'))[0]?.attempts === 1)
    const [{ answer: kept } = {}] = await deliveriesTo(app.db, 'a')
    expect(kept).toBe(`no\uFFFD\uFFFD${'ü'.repeat(196)}`)
  })

  test('does not wait for another target that hangs', async () => {
    for (const id of ['hangs', 'well']) await addTarget(app.db, id, [])
    const hanging = Promise.withResolvers<SendResult>()
    answer = (id) => (id === 'hangs' ? hanging.promise : { status: 'delivered' })
    await enqueue('hangs', 2)
    await enqueue('well', 3)
    outbox.start()
    await until(() => seqsTo('well').length === 3)
    expect(seqsTo('hangs')).toBeEmpty()
    hanging.resolve({ status: 'delivered' })
    await until(() => seqsTo('hangs').length === 2)
  })

  test('is told to four targets at a time, and one thing to each', async () => {
    const ids = Array.from({ length: 8 }, (_, n) => `target-${n}`)
    for (const id of ids) await addTarget(app.db, id, [])
    const running = new Map<string, number>()
    let most = 0
    answer = async (id) => {
      running.set(id, (running.get(id) ?? 0) + 1)
      most = Math.max(most, running.size)
      expect(running.get(id)).toBe(1)
      await Bun.sleep(5)
      running.delete(id)
      return { status: 'delivered' }
    }
    for (const id of ids) await enqueue(id, 5)
    outbox.start()
    await until(() => sent.length === 40)
    expect(most).toBe(4)
  })

  test('is told after a restart, and not before it is due', async () => {
    await addTarget(app.db, 'one', [])
    answer = failed
    await enqueue('one')
    outbox.start()
    await settled()
    await outbox.stop()
    outbox = open()
    answer = () => ({ status: 'delivered' })
    outbox.start()
    await settled()
    expect(sent).toHaveLength(1)
    pass(5000)
    await until(async () => (await waiting('one')) === 0)
    expect(sent).toHaveLength(2)
  })

  test('is told at once when somebody asks, although it failed before', async () => {
    await addTarget(app.db, 'one', [])
    answer = failed
    await enqueue('one')
    outbox.start()
    await settled()
    answer = () => ({ status: 'delivered' })
    outbox.wake('one')
    await until(async () => (await waiting('one')) === 0)
  })

  test('is not told to a target that is disabled or of a kind that is off', async () => {
    await addTarget(app.db, 'off', [], { disabledWhy: 'person' })
    await addTarget(app.db, 'mqtt', [], { kind: 'mqtt' })
    await enqueue('off')
    await enqueue('mqtt')
    outbox.start()
    await settled()
    expect(sent).toBeEmpty()
    expect([await waiting('off'), await waiting('mqtt')]).toStrictEqual([1, 1])
  })

  test('is told again after a crash of the channel itself', async () => {
    await addTarget(app.db, 'one', [])
    answer = () => Promise.reject(new Error('a bug'))
    await enqueue('one')
    outbox.start()
    await settled()
    answer = () => ({ status: 'delivered' })
    pass(5000)
    await until(async () => (await waiting('one')) === 0)
  })
})

test('a disk that saves nothing causes no repeated messages', async () => {
  await addTarget(app.db, 'one', [])
  await enqueue('one', 3)
  let isFull = true
  let refused = 0
  const full: Database['transaction'] = (work) => {
    if (!isFull) return app.db.transaction(work)
    refused += 1
    return Promise.reject(new Error('the disk is full'))
  }
  outbox = open({ ...app.db, transaction: full })
  outbox.start()
  await until(() => refused === 2)
  expect(seqsTo('one')).toStrictEqual([0, 1, 2])
  isFull = false
  await until(async () => (await waiting('one')) === 0)
  expect(seqsTo('one')).toStrictEqual([0, 1, 2])
})

describe('what came too late', () => {
  test('is told as one digest, and what is still news after it', async () => {
    channel.freshMs = 15 * MINUTE_MS
    await addTarget(app.db, 'one', [])
    const fromMs = app.clock.nowMs
    await enqueue('one', 120)
    await enqueue('one', 3, 'denied')
    app.clock.nowMs += MINUTE_MS
    await enqueue('one', 1, 'log.problem')
    const toMs = app.clock.nowMs
    pass(20 * MINUTE_MS)
    await enqueue('one', 1)
    outbox.start()
    await until(async () => (await waiting('one')) === 0)
    expect(sent.map(({ message }) => message.about)).toMatchObject([
      { event: 'digest', unlocked: 120, denied: 3, others: 1, dropped: 0, fromMs, toMs },
      { event: 'unlocked' },
    ])
  })

  test('waits until its target wants to be told, such as after its quiet hours', async () => {
    let isQuiet = true
    channel.waitMs = () => (isQuiet ? HOUR_MS : 0)
    await addTarget(app.db, 'one', [])
    await enqueue('one')
    outbox.start()
    await settled()
    expect(sent).toBeEmpty()
    isQuiet = false
    pass(15 * MINUTE_MS)
    await until(() => sent.length === 1)
    await until(async () => (await deliveriesTo(app.db, 'one'))[0]?.attempts === 1)
  })
})

describe('too much', () => {
  test('drops the oldest of 10,000 that wait, and tells of the gap first', async () => {
    await addTarget(app.db, 'one', [])
    answer = failed
    await enqueue('one', 10_100)
    outbox.start()
    await settled()
    expect(await deliveriesIn(app.db).countWaiting()).toBe(10_000)
    answer = () => ({ status: 'delivered' })
    const before = sent.length
    pass(10 * MINUTE_MS)
    await until(async () => (await waiting('one')) === 0)
    const [gap, ...rest] = sent.slice(before)
    expect(gap?.message.about).toMatchObject({ event: 'digest', dropped: 100, unlocked: 0 })
    expect(rest).toHaveLength(10_000)
    expect(seqsTo('one').slice(-10_000)).toStrictEqual(
      Array.from({ length: 10_000 }, (_, n) => n + 100),
    )
    expect(await deliveriesIn(app.db).gap('one')).toBeUndefined()
  })

  test('[G3] is not dropped because of another target, for which more waits', async () => {
    for (const id of ['one', 'member']) await addTarget(app.db, id, [])
    answer = failed
    await enqueue('one', 10)
    await enqueue('member', 10_100)
    outbox.start()
    await settled()
    expect(await waiting('one')).toBe(10)
    expect(await waiting('member')).toBe(9990)
  })

  test('is deleted after 30 days once it is settled', async () => {
    await addTarget(app.db, 'one', [])
    await enqueue('one', 3)
    outbox.start()
    await until(async () => (await waiting('one')) === 0)
    pass(29 * DAY_MS)
    await settled()
    expect(await deliveriesTo(app.db, 'one')).toHaveLength(3)
    pass(DAY_MS + HOUR_MS)
    await until(async () => (await deliveriesTo(app.db, 'one')).length === 0)
  })
})

describe('a target that fails', () => {
  const failAgain = async (): Promise<void> => {
    const before = sent.length
    pass(HOUR_MS)
    await settled()
    expect(sent.length).toBeGreaterThan(before)
  }

  beforeEach(async () => {
    channel.retriesMs = Array.from({ length: 1000 }, () => HOUR_MS / 2)
    await addTarget(app.db, 'one', [])
    answer = failed
    await enqueue('one', 2)
    outbox.start()
    await until(() => sent.length === 1)
    await settled()
  })

  test('for five days is disabled, which is audited, and keeps what waits', async () => {
    pass(5 * DAY_MS - 2 * HOUR_MS)
    await settled()
    await failAgain()
    expect((await targetsIn(app.db).find('one'))?.disabledWhy).toBeUndefined()
    await failAgain()
    expect((await targetsIn(app.db).find('one'))?.disabledWhy).toBe('failing')
    expect(await waiting('one')).toBe(2)
    expect(app.logLines.join('')).toContain('target.disable')
  })

  test('is not disabled if its channel never gives up, such as that of the broker', async () => {
    channel.givesUp = false
    pass(5 * DAY_MS - 2 * HOUR_MS)
    await settled()
    for (let hour = 0; hour < 4; hour++) await failAgain()
    expect((await targetsIn(app.db).find('one'))?.disabledWhy).toBeUndefined()
  })

  test('is not disabled by a clock that jumps a year ahead, nor left alone by one that jumps back', async () => {
    for (const jumpMs of [365 * DAY_MS, -365 * DAY_MS]) {
      app.clock.nowMs += jumpMs
      await failAgain()
      await failAgain()
      expect((await targetsIn(app.db).find('one'))?.disabledWhy).toBeUndefined()
    }
    // One attempt for each hour that passed, however far the clock went.
    expect(sent).toHaveLength(5)
  })
})

describe('waiting accounts', () => {
  const registered = async () => {
    await app.db.transaction((tx) => app.outbox.announceIn(tx, { event: 'account.waiting' }))
    outbox.onCommit()
  }

  beforeEach(async () => {
    await addTarget(app.db, 'one', [{ on: 'account.waiting' }, { on: 'unlocked' }])
    outbox.start()
    people = 1
    await registered()
    await until(() => sent.length === 1)
    await settled()
  })

  test('are told of once an hour, as a number, and hold up nothing else', async () => {
    expect(sent[0]?.message.about).toStrictEqual({ event: 'account.waiting', count: 1 })
    for (people = 2; people < 9; people += 1) await registered()
    await enqueue('one')
    await until(() => sent.length === 2)
    expect(sent[1]?.message.about).toMatchObject({ event: 'unlocked' })
    pass(HOUR_MS)
    await until(() => sent.length === 3)
    expect(sent[2]?.message.about).toStrictEqual({ event: 'account.waiting', count: 9 })
    await until(async () => (await waiting('one')) === 0)
  })

  test('are not told of once nobody waits any more', async () => {
    await registered()
    people = 0
    pass(HOUR_MS)
    await until(async () => (await waiting('one')) === 0)
    expect(sent).toHaveLength(1)
    expect((await deliveriesTo(app.db, 'one')).at(-1)?.state).toBe('dropped')
  })
})

test('a problem of the log is told once a day while it is the same one', async () => {
  await addTarget(app.db, 'one', [{ on: 'log.problem' }])
  const announce = (says: string) => app.outbox.announce({ event: 'log.problem', says })
  await announce('The unlock log is broken: x')
  await announce('The unlock log is broken: x')
  await announce('The unlock log is broken: y')
  app.clock.nowMs += DAY_MS
  await announce('The unlock log is broken: y')
  expect((await deliveriesTo(app.db, 'one')).map(({ about }) => about?.at(-1))).toStrictEqual([
    'x',
    'y',
    'y',
  ])
})

describe('a guest who asks for help', () => {
  const passId = crypto.randomUUID()
  const asks = async () => {
    await app.outbox.announce({ event: 'guest.problem', problem: 'asks', passId })
    outbox.onCommit()
  }

  beforeEach(async () => {
    await app.signIn('ada')
    await app.db.run(
      `INSERT INTO pass (id, label, made_by, devices_max, created_at_ms)
       SELECT ?, 'Plumber', public_id, 2, 0 FROM account`,
      passId,
    )
    const host = await app.db.get<{ id: string }>('SELECT public_id AS id FROM account')
    const rules = [{ on: 'guest.problem' }] as const
    await addTarget(app.db, 'home', rules)
    await addTarget(app.db, 'host', rules, { accountPublicId: host?.id ?? '' })
    await addTarget(app.db, 'other', rules, { accountPublicId: crypto.randomUUID() })
  })

  test('is told to the home and to the host, by the name that the pass has then', async () => {
    await asks()
    await app.db.run("UPDATE pass SET label = 'Eve'")
    outbox.start()
    await until(() => sent.length === 2)
    const about = { event: 'guest.problem', says: 'Eve asks for help with their pass.' } as const
    expect(sent.map(({ target }) => target).toSorted()).toStrictEqual(['home', 'host'])
    expect(sent.map(({ message }) => message.about)).toStrictEqual([about, about])
  })

  test('is told once an hour, and of another phone at once', async () => {
    outbox.start()
    await asks()
    await asks()
    const other = { event: 'guest.problem', problem: 'another_device', passId } as const
    await app.outbox.announce(other)
    app.clock.nowMs += HOUR_MS
    await app.outbox.announce(other)
    expect((await deliveriesTo(app.db, 'home')).map(({ about }) => about)).toStrictEqual([
      `asks ${passId}`,
      `another_device ${passId}`,
      `another_device ${passId}`,
    ])
  })

  test('is not told once the pass is erased, and no name was stored', async () => {
    await asks()
    await app.db.run('UPDATE pass SET label = NULL')
    outbox.start()
    await until(async () => (await deliveriesTo(app.db, 'home'))[0]?.state === 'dropped')
    expect(sent).toBeEmpty()
  })
})
