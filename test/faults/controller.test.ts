import { expect, test } from 'bun:test'
import { lockClaim } from '../../src/domain/statement/claims.ts'
import { signStatement } from '../../src/domain/statement/statement.ts'
import { bearer } from '../support/app.ts'
import { controlledDoor } from '../support/controlled-door.ts'
import { type NewPass, codeOf, guestPhone } from '../support/guests.ts'
import { CAN_FAKE, fakeTime } from '../support/faketime.ts'
import { FORWARD } from '../support/middle.ts'
import { testKey } from '../support/statements.ts'
import { until } from '../support/until.ts'
import { SHARE } from './evidence.ts'

const COMMANDS = '/v1/controller/commands'
const REPORTS = '/v1/controller/reports'

type Door = Awaited<ReturnType<typeof controlledDoor>>

/** What the log says of the attempts at a door, in its order. */
const said = async (door: Door) =>
  (await door.events())
    .toSorted((one, other) => one.seq - other.seq)
    .map(
      ({ source, result, reason }) =>
        `${source} ${reason === null ? result : `${result}, ${reason}`}`,
    )

/** The commands of an answer to a poll. */
const commandsIn = (body: string): readonly string[] =>
  body === '' ? [] : (JSON.parse(body) as { commands: string[] }).commands

const withCommands = (commands: readonly string[]) => ({
  status: 200,
  body: JSON.stringify({ commands, successions: [], want: [] }),
})

/** Holds polls before the gateway gets them, and ends the one that it has: it takes the controller to be online, but
 * cannot reach it. Returns what lets them go. */
const holdPolls = async (door: Door): Promise<() => void> => {
  const { promise: isHeld, resolve: held } = Promise.withResolvers<void>()
  const { promise: mayGo, resolve: go } = Promise.withResolvers<void>()
  await door.between(async ({ path, forward }) => {
    if (path.startsWith(COMMANDS)) {
      held()
      await mayGo
    }
    return forward()
  })
  await isHeld
  return go
}

test('the network is cut between command and report: the door opened once, and the report comes later', async () => {
  await using door = await controlledDoor()
  const { promise: isCut, resolve: cut } = Promise.withResolvers<void>()
  await door.between(async ({ path, forward }) => {
    if (!path.startsWith(REPORTS)) return forward()
    cut()
    return 'cut'
  })
  const { id, ...decision } = await door.ask()
  expect(decision).toMatchObject({ decision: 'permitted', delivery: 'asked' })
  await isCut
  await until(() => door.openings() === 1)
  expect(await door.attempt(id)).toMatchObject({ delivery: 'asked', lock_says: null })

  await door.between(FORWARD)
  expect(await door.ended(id)).toMatchObject({ delivery: 'happened', lock_says: 'released' })
  expect(await said(door)).toEqual(['decided permitted', 'attested released'])
  expect(await door.end()).toEqual([0, 0])
  expect(door.place.bolt()).toEqual(['close', 'open', 'close', 'close'])
})

test('the same command arrives twice, and again at later polls: the door opens once', async () => {
  await using door = await controlledDoor()
  const seen: string[] = []
  let replays = 0
  const { promise: mayReport, resolve: report } = Promise.withResolvers<void>()
  await door.between(async ({ path, forward }) => {
    if (path.startsWith(REPORTS)) await mayReport
    if (!path.startsWith(COMMANDS)) return forward()
    const [recorded] = seen
    if (recorded !== undefined && (replays += 1) <= 3) return withCommands([recorded])
    const answer = await forward()
    seen.push(...commandsIn(answer.body))
    return seen.length === 0 ? answer : withCommands(seen.flatMap((command) => [command, command]))
  })
  const { id } = await door.ask()
  // The gateway itself repeats it, signed for each poll anew, until it has a report.
  await until(() => seen.length >= 3)
  report()
  expect(await door.ended(id)).toMatchObject({ delivery: 'happened', lock_says: 'released' })
  expect(door.openings()).toBe(1)
  expect(await said(door)).toEqual(['decided permitted', 'attested released'])
  expect(new Set(seen).size).toBe(seen.length)
})

test('a command that was recorded and never arrived opens nothing at a later poll, nor after a restart', async () => {
  await using door = await controlledDoor()
  const { promise: isTaken, resolve: take } = Promise.withResolvers<void>()
  let replays = 0
  let taken: string | undefined
  await door.between(async ({ path, forward }) => {
    if (!path.startsWith(COMMANDS)) return forward()
    if (taken !== undefined) {
      replays += 1
      return withCommands([taken])
    }
    const answer = await forward()
    taken = commandsIn(answer.body)[0]
    if (taken === undefined) return answer
    take()
    return { status: 204, body: '' }
  })
  const { id } = await door.ask()
  await isTaken
  await until(() => replays >= 3)
  await door.killController()
  const before = replays
  door.startController()
  await until(() => replays >= before + 3)
  expect(door.openings()).toBe(0)
  expect(door.controller().output.words).toContain('A command is for another poll')

  // The gateway still wants the door to open: its own next command does, unless it has died meanwhile.
  await door.between(FORWARD)
  const { delivery } = await door.ended(id)
  expect([delivery, door.openings()]).toEqual(
    delivery === 'happened' ? ['happened', 1] : ['unknown', 0],
  )
})

test('a stolen token delays the door and never opens it', async () => {
  await using door = await controlledDoor()
  const thief = bearer(door.identity().token)
  const stolen: string[] = []
  const caught = new AbortController()
  const stealing = (async () => {
    while (!caught.signal.aborted) stolen.push(...(await door.takeCommands(thief)))
  })()
  // The thief is always faster, and passes on what it gets to the controller, for whose poll it is not.
  await door.between(async ({ path, forward }) => {
    if (!path.startsWith(COMMANDS)) return forward()
    await Bun.sleep(20)
    return stolen.length > 0 ? withCommands(stolen) : { status: 204, body: '' }
  })
  const { id, ...decision } = await door.ask()
  expect(decision).toMatchObject({ decision: 'permitted', delivery: 'asked' })
  await until(() => door.controller().output.words.includes('A command is for another poll'))
  expect(door.openings()).toBe(0)
  const forged = { statements: ['hEOhASagRKEBAQFYQA=='] }
  expect((await door.post(REPORTS, forged, thief)).status).toBe(400)
  expect((await door.get('/v1/unlocks', thief)).status).toBe(401)

  caught.abort()
  await stealing
  await door.between(FORWARD)
  const { delivery } = await door.ended(id)
  expect([delivery, door.openings()]).toEqual(
    delivery === 'happened' ? ['happened', 1] : ['unknown', 0],
  )
  expect((await said(door))[0]).toBe('decided permitted')
})

test('the gateway is killed after COMMIT, before the answer and the command: the attempt is decided, and opens nothing', async () => {
  await using door = await controlledDoor()
  const go = await holdPolls(door)
  const id = crypto.randomUUID()
  const { promise: isDecided, resolve: decided } = Promise.withResolvers<void>()
  await using phone = await door.middleForPhone(async ({ forward }) => {
    await forward()
    decided()
    return 'cut'
  })
  const asking = phone.ask(id).catch(() => 'no answer')
  await isDecided
  await door.killGateway()
  expect(await asking).toBe('no answer')
  await door.restartGateway()
  go()
  await door.between(FORWARD)
  await door.online()

  const again = await door.ask(id)
  expect(again).toMatchObject({ decision: 'permitted', repeat: true })
  expect(await door.ended(id)).toMatchObject({ delivery: 'unknown', lock_says: null })
  expect(await said(door)).toEqual(['decided permitted'])
  const { id: next } = await door.ask()
  expect(await door.ended(next)).toMatchObject({ delivery: 'happened' })
  expect(door.openings()).toBe(1)
})

test('the gateway is killed while the door opens: its report is stored after the restart, and a repeat opens nothing', async () => {
  await using door = await controlledDoor()
  const { promise: isReporting, resolve: reporting } = Promise.withResolvers<void>()
  await door.between(async ({ path, forward }) => {
    if (!path.startsWith(REPORTS)) return forward()
    reporting()
    return 'cut'
  })
  const { id } = await door.ask()
  await isReporting
  await until(() => door.openings() === 1)
  await door.killGateway()
  await door.restartGateway()
  await door.between(FORWARD)
  await until(async () => (await door.attempt(id)).lock_says === 'released')
  expect(await door.ask(id)).toMatchObject({ decision: 'permitted', repeat: true })
  expect(await said(door)).toEqual(['decided permitted', 'attested released'])
  expect(door.openings()).toBe(1)
})

test('a controller killed between opening and unlocked closes the door at its start, and says that it was interrupted', async () => {
  await using door = await controlledDoor({ args: ['--sense', 'false', '--sense-seconds', '60'] })
  const { id } = await door.ask()
  await until(async () => (await door.attempt(id)).delivery === 'accepted')
  await until(() => door.openings() === 1)
  await door.killController()
  const before = door.place.bolt()
  door.startController()
  expect(await door.ended(id)).toMatchObject({ delivery: 'failed', lock_says: 'interrupted' })
  expect(door.place.bolt()).toEqual([...before, 'close'])
  expect(await said(door)).toEqual(['decided permitted', 'attested failed, interrupted'])
})

test.skipIf(!CAN_FAKE).each([
  ['in 1970', '@1970-01-01 00:00:30'],
  ['a day ahead', '+1d'],
])('a controller whose clock is %s opens, and its time is not believed', async (_, time) => {
  await using door = await controlledDoor({ env: fakeTime(time) })
  const { id } = await door.ask()
  expect(await door.ended(id)).toMatchObject({ delivery: 'happened', lock_says: 'released' })
  expect(door.openings()).toBe(1)
  const [decided, released] = (await door.events()).toSorted((one, other) => one.seq - other.seq)
  expect(released).toMatchObject({ result: 'released', occurred_at: null, attempt: id })
  expect(Date.parse(released?.received_at ?? '')).toBeGreaterThanOrEqual(
    Date.parse(decided?.received_at ?? ''),
  )
})

test('a lockdown that begins before the controller has the command keeps the door shut', async () => {
  await using door = await controlledDoor()
  const go = await holdPolls(door)
  const { id, ...decision } = await door.ask()
  expect(decision).toMatchObject({ decision: 'permitted', delivery: 'asked' })
  expect(await door.lockDown()).toBe(200)
  go()
  await door.between(FORWARD)
  expect(await door.ended(id)).toMatchObject({ delivery: 'failed', lock_says: 'withdrawn' })
  expect(await door.ask()).toMatchObject({ decision: 'denied', reason: 'lockdown' })
  expect(await said(door)).toEqual(['decided permitted', 'decided denied, lockdown'])
  expect(door.openings()).toBe(0)
})

test('a lockdown that begins when the command is on its way: the door opens, and its report says so', async () => {
  await using door = await controlledDoor()
  const { promise: isOnItsWay, resolve: onItsWay } = Promise.withResolvers<void>()
  const { promise: mayArrive, resolve: arrive } = Promise.withResolvers<void>()
  await door.between(async ({ path, forward }) => {
    const answer = await forward()
    if (!path.startsWith(COMMANDS) || commandsIn(answer.body).length === 0) return answer
    onItsWay()
    await mayArrive
    return answer
  })
  const { id } = await door.ask()
  await isOnItsWay
  expect(await door.lockDown()).toBe(200)
  arrive()
  await door.between(FORWARD)
  expect(await door.ended(id)).toMatchObject({ delivery: 'happened', lock_says: 'released' })
  expect(await said(door)).toEqual(['decided permitted', 'attested released'])
  expect(door.openings()).toBe(1)
})

const PASSES = Math.ceil(200 * SHARE)
const PHONES = 5
const USES = 4

test(`${PASSES * PHONES} guests ask at once: each pass is used as often as it may be, and the lock answers for each use`, async () => {
  await using door = await controlledDoor()
  const holder = { pass: { label: 'Guest', devices_max: PHONES } }
  const passes = await inBatches(PASSES, async () => {
    const body = { holder, locks: ['front-door'], uses: USES }
    const made = await door.post('/v1/grants', body, door.oli)
    expect(made.status).toBe(201)
    const code = codeOf((await made.json()) as NewPass)
    // The first phone of each has a key, and must sign.
    const key = await testKey()
    return Promise.all(
      Array.from({ length: PHONES }, async (_, at) => {
        const phone = guestPhone(door)
        const bound = await phone.bind(code, at === 0 ? key.publicKey.toBase64() : undefined)
        expect(bound.status).toBe(200)
        return { phone, key: at === 0 ? key : undefined }
      }),
    )
  })
  const lock = lockClaim(door.identity().lock.id)
  const answers = await Promise.all(
    passes.flat().map(async ({ phone, key }) => {
      const id = crypto.randomUUID()
      const knock = { kind: 'knock', lock, counter: 1, attempt: id } as const
      const statement = key && (await signStatement(knock, key.sign)).toBase64()
      const asking = { id, ...(statement === undefined ? {} : { statement }) }
      return { phone, id, ...(await phone.unlock(asking)).body }
    }),
  )
  const permitted = answers.filter(({ decision }) => decision === 'permitted')
  const denied = answers.filter(({ decision }) => decision !== 'permitted')
  expect(permitted).toHaveLength(PASSES * USES)
  expect(denied.map(({ reason }) => reason)).toEqual(denied.map(() => 'uses_spent'))
  await inBatches(permitted.length, async (at) => {
    const { phone, id } = permitted[at] ?? { id: '' }
    await until(async () => (await phone?.attempt(id))?.body.delivery === 'happened')
  })

  const events = await door.allEvents()
  const attemptsOf = (result: string) =>
    events.flatMap((event) => (event.result === result ? (event.attempt ?? []) : [])).toSorted()
  const ids = permitted.map(({ id }) => id).toSorted()
  expect(attemptsOf('permitted')).toEqual(ids)
  expect(attemptsOf('released')).toEqual(ids)
  // Those who ask while the door is open share the next opening.
  expect(door.openings()).toBeWithin(1, ids.length)
})

const BATCH = 20

const inBatches = async <Result>(
  count: number,
  work: (number: number) => Promise<Result>,
): Promise<readonly Result[]> => {
  const results: Result[] = []
  for (let first = 0; first < count; first += BATCH) {
    const numbers = Array.from({ length: Math.min(BATCH, count - first) }, (_, at) => first + at)
    results.push(...(await Promise.all(numbers.map(work))))
  }
  return results
}
