import { describe, expect, test } from 'bun:test'
import { commandQueue } from '../../../src/controllers/online/commands.ts'
import { lines as pollLines } from '../../../src/controllers/online/lines.ts'
import { makeKeyPair, publicKeyOf, signWith } from '../../../src/domain/statement/p256.ts'
import { openStatement } from '../../../src/domain/statement/statement.ts'
import { until } from '../../support/until.ts'

const LOCK = '0193c6a8-5f0e-7c3a-9b1d-2e4f6a8b0c1d'

const DECIDED_MS = 1_800_000_000_000

type Given = Partial<Parameters<typeof commandQueue>[0]>

/** Commands for the controllers `one` and `two` of a lock, which poll, with operations that are only remembered. */
const queueWith = async (given: Given = {}) => {
  const clock = { nowMs: 0, monotonicMs: () => clock.nowMs, wallMs: () => DECIDED_MS + clock.nowMs }
  const pair = await makeKeyPair(false)
  const publicKey = await publicKeyOf(pair)
  const key = async () => ({ publicKey, sign: signWith(pair.privateKey) })
  const lines = pollLines(clock)
  const settled: string[] = []
  const outcomes: string[] = []
  const commands = commandQueue({
    clock,
    lines,
    operations: {
      stateOf: async () => 'asked',
      settle: async (id, state, detail) => {
        settled.push([id, state, detail ?? ''].join(' ').trim())
        return true
      },
    },
    controllersOf: () => ['one', 'two'],
    stillPermitted: async (ids) => new Set(ids),
    onCommand: (outcome) => outcomes.push(outcome),
    onError: (error) => {
      throw error
    },
    // Longer than any test.
    commandMs: 100_000,
    unheardMs: 200_000,
    ...given,
  })
  return {
    commands,
    settled,
    outcomes,
    clock,
    lines,
    operate: (id: string = crypto.randomUUID()) =>
      commands.operate({ id, lockId: LOCK, decidedAtMs: DECIDED_MS }).then(() => id),
    /** The attempts of the commands that a controller gets for a nonce, or `not for it`. */
    take: async (id: string, nonce = new Uint8Array(16)) => {
      const taken = await commands.take({ id, lockId: LOCK }, nonce, key)
      return Promise.all(
        taken.map(async (bytes) => {
          const claims = await openStatement('command', bytes, publicKey)
          return claims && Bun.deepEquals(claims.nonce, nonce) ? claims.attempt : 'not for it'
        }),
      )
    },
    [Symbol.dispose]: commands.stop,
  }
}

/** A controller of the lock. */
const of = (id: string) => ({ id, lockId: LOCK })

describe('a command', () => {
  test('goes to every controller that is online, signed for the nonce of its poll', async () => {
    using queue = await queueWith()
    queue.lines.open('one', 'home')
    queue.lines.open('two', 'home')
    const id = await queue.operate()
    expect(await queue.take('one', new Uint8Array(16).fill(1))).toStrictEqual([id])
    expect(await queue.take('two', new Uint8Array(16).fill(2))).toStrictEqual([id])
    expect(
      await queue.commands.take(
        { id: 'one', lockId: 'another' },
        new Uint8Array(16),
        async () => undefined,
      ),
    ).toStrictEqual([])
  })

  test('is not queued for a controller that is offline', async () => {
    using queue = await queueWith()
    const id = await queue.operate()
    expect(queue.settled).toStrictEqual([`${id} offline`])
    queue.lines.open('one', 'home')
    expect(await queue.take('one')).toStrictEqual([])
  })

  test('waits for the next poll of a controller that was here a moment ago, and no longer', async () => {
    using queue = await queueWith()
    queue.lines.open('one', 'home').close()
    queue.clock.nowMs += 4999
    const id = await queue.operate()
    expect(await queue.take('one')).toStrictEqual([id])
    queue.lines.open('one', 'home').close()
    queue.clock.nowMs += 5000
    const late = await queue.operate()
    expect(queue.settled).toStrictEqual([`${late} offline`])
  })

  test('comes again at each poll, for its new nonce, until the controller has reported', async () => {
    using queue = await queueWith()
    queue.lines.open('one', 'home')
    const id = await queue.operate()
    expect(await queue.take('one', new Uint8Array(16).fill(1))).toStrictEqual([id])
    expect(await queue.take('one', new Uint8Array(16).fill(2))).toStrictEqual([id])
    queue.commands.heard(id, 'one', false)
    expect(await queue.take('one', new Uint8Array(16).fill(3))).toStrictEqual([])
  })

  test('expires, however often the controller polls', async () => {
    using queue = await queueWith()
    queue.lines.open('one', 'home')
    await queue.operate()
    queue.clock.nowMs += 99_999
    expect(await queue.take('one')).toHaveLength(1)
    queue.clock.nowMs += 1
    expect(await queue.take('one')).toStrictEqual([])
  })

  test('that no controller got before it expired certainly opened nothing', async () => {
    using queue = await queueWith({ commandMs: 1 })
    queue.lines.open('one', 'home')
    const id = await queue.operate()
    await until(() => queue.settled.length > 0)
    expect(queue.settled).toStrictEqual([`${id} offline`])
  })

  test('that a controller has taken may have opened: without a report, nobody knows', async () => {
    using queue = await queueWith({ commandMs: 100_000, unheardMs: 20 })
    queue.lines.open('one', 'home')
    const id = await queue.operate()
    await queue.take('one')
    await until(() => queue.settled.length > 0)
    expect(queue.settled).toStrictEqual([`${id} unknown`])
    expect(queue.outcomes).toStrictEqual(['sent', 'unheard'])
  })

  test('is withdrawn if the attempt is no longer permitted, and nobody gets it', async () => {
    let isPermitted = true
    using queue = await queueWith({
      stillPermitted: async (ids) => new Set(isPermitted ? ids : []),
    })
    queue.lines.open('one', 'home').close()
    const id = await queue.operate()
    isPermitted = false
    expect(await queue.take('one')).toStrictEqual([])
    expect(queue.settled).toStrictEqual([`${id} failed withdrawn`])
    isPermitted = true
    expect(await queue.take('one')).toStrictEqual([])
  })

  test('that is on its way when it is withdrawn goes to nobody else, and the report says what happened', async () => {
    let isPermitted = true
    using queue = await queueWith({
      stillPermitted: async (ids) => new Set(isPermitted ? ids : []),
    })
    queue.lines.open('one', 'home')
    queue.lines.open('two', 'home')
    const id = await queue.operate()
    expect(await queue.take('one')).toStrictEqual([id])
    isPermitted = false
    expect(await queue.take('two')).toStrictEqual([])
    expect(await queue.take('one')).toStrictEqual([])
    expect(queue.settled).toStrictEqual([])
  })

  test('has failed once no controller can still open', async () => {
    using queue = await queueWith()
    queue.lines.open('one', 'home')
    queue.lines.open('two', 'home')
    const id = await queue.operate()
    expect(queue.commands.isLast(id, of('one'))).toBe(false)
    await queue.take('one')
    await queue.take('two')
    queue.commands.heard(id, 'one', true)
    expect(queue.commands.isLast(id, of('one'))).toBe(false)
    expect(queue.commands.isLast(id, of('two'))).toBe(true)
  })

  test('has not failed by the late report of one of two controllers: the other may have opened', async () => {
    let controllers = ['one', 'two']
    using queue = await queueWith({ controllersOf: () => controllers })
    const id = crypto.randomUUID()
    expect(queue.commands.isLast(id, of('one'))).toBe(false)
    controllers = ['one']
    expect(queue.commands.isLast(id, of('one'))).toBe(true)
  })

  test('is one of a thousand: each poll gets some of those that it has not had', async () => {
    using queue = await queueWith()
    queue.lines.open('one', 'home')
    const ids = await Promise.all(Array.from({ length: 1000 }, () => queue.operate()))
    const taken = new Set<string>()
    for (let polls = 0; polls < 10; polls += 1)
      for (const id of await queue.take('one')) taken.add(id)
    expect(taken).toStrictEqual(new Set(ids))
    for (const id of ids) queue.commands.heard(id, 'one', true)
    expect(await queue.take('one')).toStrictEqual([])
  })
})

describe('with several replicas', () => {
  /** The operations of a home as stored on its server, and what other replicas see of them. */
  const home = () => {
    const stored = new Map<string, { state: string; isSent: boolean }>()
    const reports: { controllerId: string; attemptId: string; isOver: boolean }[] = []
    const online = new Set<string>()
    return {
      stored,
      reports,
      online,
      permit: (): string => {
        const id = crypto.randomUUID()
        stored.set(id, { state: 'asked', isSent: false })
        return id
      },
      given: {
        operations: {
          stateOf: async (id: string) => stored.get(id)?.state,
          settle: async (id: string, state: string) => {
            const one = stored.get(id)
            if (one?.state !== 'asked' || (state !== 'unknown' && one.isSent)) return false
            one.state = state
            return true
          },
        },
        elsewhere: {
          isOnline: async () => online.size > 0,
          open: async (sinceMs: number) =>
            [...stored.entries()]
              .filter(([, { state }]) => state === 'asked' && DECIDED_MS >= sinceMs)
              .map(([id]) => ({ id, lockId: LOCK, decidedAtMs: DECIDED_MS })),
          claim: async (ids: readonly string[]) => {
            const open = ids.filter((id) => stored.get(id)?.state === 'asked')
            for (const id of open) stored.set(id, { state: 'asked', isSent: true })
            return new Set(open)
          },
          heard: async (id: string) => reports.filter(({ controllerId }) => controllerId === id),
        },
      },
    }
  }

  test('a controller gets the command for an attempt where it polls, whichever replica permitted it', async () => {
    const { stored, online, given, permit } = home()
    online.add('one')
    using deciding = await queueWith({ ...given, commandMs: 300, unheardMs: 100_000 })
    using polled = await queueWith(given)
    polled.lines.open('one', 'door')
    const id = permit()
    await deciding.operate(id)
    await polled.commands.refresh()
    await polled.commands.refresh()
    expect(await polled.take('one')).toStrictEqual([id])
    // The command dies where nobody polls, which says nothing of the other.
    await Bun.sleep(400)
    expect(stored.get(id)).toStrictEqual({ state: 'asked', isSent: true })
    expect(deciding.outcomes).toBeEmpty()
  })

  test('a controller gets the command again, at any replica, until it has reported to any', async () => {
    const { online, given, permit, reports } = home()
    online.add('one')
    using deciding = await queueWith(given)
    using polled = await queueWith(given)
    deciding.lines.open('one', 'door')
    const id = permit()
    await deciding.operate(id)
    expect(await deciding.take('one')).toStrictEqual([id])
    // The answer was lost, and the controller asks the other replica.
    polled.lines.open('one', 'door')
    await polled.commands.refresh()
    expect(await polled.take('one')).toStrictEqual([id])
    reports.push({ controllerId: 'one', attemptId: id, isOver: false })
    for (const { commands, take } of [deciding, polled]) {
      await commands.refresh()
      expect(await take('one')).toStrictEqual([])
    }
  })

  test('a replica that starts with its clock behind sends no command for an attempt from before', async () => {
    const { given, permit } = home()
    using restarted = await queueWith(given)
    restarted.clock.nowMs = -60_000
    permit()
    await restarted.commands.begin()
    const id = permit()
    restarted.lines.open('one', 'door')
    await restarted.commands.refresh()
    expect(await restarted.take('one')).toStrictEqual([id])
  })

  test('a controller gets no command that another replica has recorded as delivered to nobody', async () => {
    const { stored, online, given, permit } = home()
    online.add('one')
    using deciding = await queueWith({ ...given, commandMs: 20, unheardMs: 100_000 })
    using polled = await queueWith(given)
    polled.lines.open('one', 'door')
    const id = permit()
    await polled.operate(id)
    await deciding.operate(id)
    await until(() => stored.get(id)?.state === 'offline')
    expect(await polled.take('one')).toStrictEqual([])
    expect([...deciding.outcomes, ...polled.outcomes]).toStrictEqual(['offline'])
  })

  test('an attempt whose controllers poll no replica is offline at once', async () => {
    const { stored, given, permit } = home()
    using deciding = await queueWith(given)
    const id = permit()
    await deciding.operate(id)
    expect(stored.get(id)?.state).toBe('offline')
    expect(deciding.outcomes).toStrictEqual(['offline'])
  })
})
