import { expect, test } from 'bun:test'
import type { Asked } from '../../../src/cli/controller/door.ts'
import { pollCommands } from '../../../src/cli/controller/poll.ts'
import { runsIn } from '../../../src/cli/controller/reporter.ts'
import { lockClaim } from '../../../src/domain/statement/claims.ts'
import { signStatement } from '../../../src/domain/statement/statement.ts'
import { testKey } from '../../support/statements.ts'

const LOCK_ID = '0198a3f0-7c1d-7e52-8a5b-e4c76e2f13d0'
const A = '0198a3f0-7c1d-7e52-8a5b-000000000001'

/** Polls once, and has the gateway answer after so many milliseconds of the monotonic clock. */
const askedAfter = async (waitMs: number) => {
  const { sign, publicKey } = await testKey()
  const over = new AbortController()
  const asked: Asked[] = []
  const said: string[] = []
  let nowMs = 5000
  await pollCommands({
    gateway: {
      ask: async ({ path }) => {
        const nonce = new URL(path, 'http://lock').searchParams.get('nonce') ?? ''
        const command = await signStatement(
          {
            kind: 'command',
            lock: lockClaim(LOCK_ID),
            issuedAtS: 1,
            nonce: Uint8Array.fromBase64(nonce, { alphabet: 'base64url' }),
            attempt: A,
          },
          sign,
        )
        nowMs += waitMs
        return { status: 200, body: { commands: [command.toBase64()], successions: [], want: [] } }
      },
    },
    token: 'slc_test',
    lockId: LOCK_ID,
    doorKey: publicKey,
    door: {
      ask: (one) => {
        asked.push(one)
        over.abort()
        return true
      },
    },
    reporter: { idle: () => Promise.resolve(), want: () => {} },
    monotonicMs: () => nowMs,
    storeDoorKey: () => {},
    backOff: () => Promise.resolve(),
    signal: over.signal,
    say: (line) => {
      said.push(line)
      over.abort()
    },
  })
  return { asked, said, letPass: (ms: number) => (nowMs += ms) }
}

test('a command counts until 30 s after the poll that it answers', async () => {
  const { asked, said, letPass } = await askedAfter(30_000)
  expect(said).toStrictEqual([])
  expect(asked.map(({ attempt }) => attempt)).toStrictEqual([A])
  // It may have to wait until the door is shut again.
  expect(asked[0]?.isFresh()).toBe(true)
  letPass(1)
  expect(asked[0]?.isFresh()).toBe(false)
})

test('a later one does not, whatever the time of day', async () => {
  const { asked, said } = await askedAfter(30_001)
  expect(said).toStrictEqual(['A command came too late: ignored'])
  expect(asked).toStrictEqual([])
})

test('an answer with more than a gateway sends at once keeps nobody busy', async () => {
  const run = (first: number) => [first, first]
  const want = Array.from({ length: 100_000 }, (_, at) => run(at))
  expect(runsIn({ want }, 'want')).toHaveLength(100)

  const over = new AbortController()
  const { publicKey } = await testKey()
  const said: string[] = []
  await pollCommands({
    gateway: {
      ask: () => {
        if (said.length > 0) over.abort()
        const commands = Array.from({ length: 100_000 }, () => 'AAAA')
        return Promise.resolve({ status: 200, body: { commands } })
      },
    },
    token: 'slc_test',
    lockId: LOCK_ID,
    doorKey: publicKey,
    door: { ask: () => true },
    reporter: { idle: () => Promise.resolve(), want: () => {} },
    monotonicMs: () => 0,
    storeDoorKey: () => {},
    backOff: () => Promise.resolve(),
    signal: over.signal,
    say: (line) => said.push(line),
  })
  expect(said.length).toBeLessThanOrEqual(200)
})
