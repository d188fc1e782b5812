import { expect, test } from 'bun:test'
import { addAccount } from '../support/accounts.ts'
import { PASSWORD } from '../support/app.ts'
import { UNLIMITED, startService } from '../support/binary.ts'
import { clientFrom } from '../support/from-address.ts'
import { until } from '../support/until.ts'
import { IS_LONG, SHARE, spread, tell } from './evidence.ts'

const ATTACKERS = 50

/** More than an address may have waiting, so that some are refused at any time. */
const CONNECTIONS = 22

/** How long an attacker waits after a refusal, instead of the time that it is told. */
const IMPATIENT_MS = 250

const KNOWN = 10
const ROUNDS = IS_LONG ? 30 * SHARE : 1

/** How often a stranger tries before it gives up. */
const TRIES_MAX = 10

type Attack = {
  readonly url: string
  readonly index: number
  readonly connections?: number
  /** How often each status was answered. */
  readonly answers: Map<number, number>
  /** Called after each answer. */
  readonly onAnswer?: (status: number) => void
}

/** Guesses passwords from an address until the service ends. */
const attack = ({
  url,
  index,
  connections = CONNECTIONS,
  answers,
  onAnswer = () => {},
}: Attack): Promise<unknown> => {
  const { post } = clientFrom(url, `127.1.${index >> 7}.${(index & 127) + 1}`)
  // Half of them guess at names that exist.
  const username = index % 2 === 0 ? `known${index % KNOWN}` : 'nobody'
  const guess = async (): Promise<void> => {
    for (;;) {
      const { status } = await post('/login', { username, password: 'not the password' })
      answers.set(status, (answers.get(status) ?? 0) + 1)
      onAnswer(status)
      if (status === 503) await Bun.sleep(IMPATIENT_MS)
    }
  }
  return Promise.allSettled(Array.from({ length: connections }, guess))
}

/** Logs in from an address that has never asked before; returns the number of tries. */
const triesOfStranger = async (url: string, index: number): Promise<number> => {
  const { post } = clientFrom(url, `127.4.0.${index + 1}`)
  for (let tries = 1; ; tries += 1) {
    expect(tries).toBeLessThan(TRIES_MAX)
    const answer = await post('/login', { username: 'guest', password: PASSWORD })
    if (answer.status === 200) return tries
    expect(answer.status).toBe(503)
    await Bun.sleep(answer.retryAfterSeconds * 1000)
  }
}

test('[G9] with 50 addresses guessing passwords, every known device logs in at the first try, and strangers do soon', async () => {
  await using service = await startService({ env: { ...UNLIMITED, LOG_LEVEL: 'error' } })
  const { url, folder } = service
  for (let index = 0; index < KNOWN; index += 1) await addAccount(`known${index}`, { folder })
  await addAccount('guest', { folder })
  // Half of the devices send their cookie from anywhere, and half come from a known address.
  const devices: (() => Promise<number>)[] = []
  for (let index = 0; index < KNOWN; index += 1) {
    const credentials = { username: `known${index}`, password: PASSWORD }
    const home = clientFrom(url, `127.2.0.${index + 1}`)
    const { status, body } = await home.post('/login', credentials)
    expect(status).toBe(200)
    const isAtHome = index % 2 === 0
    const { post } = isAtHome ? home : clientFrom(url, `127.3.0.${index + 1}`)
    const cookie = isAtHome ? {} : { device_token: body['device_token'] }
    devices.push(async () => (await post('/login', { ...credentials, ...cookie })).status)
  }

  const answers = new Map<number, number>()
  const attackers = Promise.all(
    Array.from({ length: ATTACKERS }, (_, index) => attack({ url, index, answers })),
  )
  const [knownMs, strangersMs]: [number[], number[]] = [[], []]
  let tries = 0
  try {
    for (let round = 0; round < ROUNDS; round += 1) {
      await Promise.all(
        devices.map(async (logIn) => {
          const begun = performance.now()
          expect(await logIn()).toBe(200)
          knownMs.push(performance.now() - begun)
        }),
      )
      const begun = performance.now()
      tries += await triesOfStranger(url, round)
      strangersMs.push(performance.now() - begun)
    }
  } finally {
    await service.stop('SIGKILL')
    await attackers
  }
  tell(
    `${ATTACKERS} addresses guess passwords: known devices log in within ${spread(knownMs)}, ` +
      `strangers within ${spread(strangersMs)} in ${tries} tries for ${ROUNDS}; ` +
      `the attackers were answered ${JSON.stringify(Object.fromEntries(answers))}`,
  )
  expect(new Set(answers.keys())).toStrictEqual(new Set([401, 503]))
})

/** Twice as many addresses as there are places to wait. */
const MANY = 256

/** How long it may take until each of them has had a turn, each of which is the hash of a password. */
const ALL_MS_MAX = 10 * 60_000

test(
  '[G9] strangers log in at the first try, however many addresses guess passwords again and again',
  async () => {
    await using service = await startService({ env: { ...UNLIMITED, LOG_LEVEL: 'error' } })
    const { url, folder } = service
    await addAccount('guest', { folder })
    const answers = new Map<number, number>()
    /** Addresses that have had a turn. */
    const known = new Set<number>()
    const attackers = Promise.all(
      Array.from({ length: MANY }, (_, index) => {
        const onAnswer = (status: number) => status === 401 && known.add(index)
        return attack({ url, index, connections: 2, answers, onAnswer })
      }),
    )
    const strangersMs: number[] = []
    try {
      await until(() => known.size === MANY, ALL_MS_MAX)
      for (let round = 0; round < ROUNDS; round += 1) {
        const begun = performance.now()
        expect(await triesOfStranger(url, round)).toBe(1)
        strangersMs.push(performance.now() - begun)
      }
    } finally {
      await service.stop('SIGKILL')
      await attackers
    }
    tell(
      `${MANY} addresses guess passwords: strangers log in within ${spread(strangersMs)}; ` +
        `the attackers were answered ${JSON.stringify(Object.fromEntries(answers))}`,
    )
    expect(answers.get(503)).toBeGreaterThan(0)
  },
  2 * ALL_MS_MAX,
)
