import { describe, expect, test } from 'bun:test'
import { PASSWORD, type TestApp, bearer, startApp } from '../../support/app.ts'
import { heldHashes } from '../../support/held-hashes.ts'
import { until } from '../../support/until.ts'

const CORES = navigator.hardwareConcurrency
const HOME = '203.0.113.1'
const ELSEWHERE = '203.0.113.2'

type Login = { readonly username?: string; readonly address: string; readonly token?: string }

/** An app behind a trusted proxy, so that logins come from any address. */
const startHouse = async () => {
  const app = await startApp({ TRUSTED_PROXIES: '127.0.0.1' })
  const statuses: number[] = []
  const send = async ({ username = 'ada', address, token }: Login) => {
    const body = { username, password: PASSWORD, ...(token ? { device_token: token } : {}) }
    return app.post('/login', body, { 'x-forwarded-for': address })
  }
  return {
    ...app,
    statuses,
    /** Logs in, and returns the device cookie. */
    logInFrom: async (login: Login): Promise<string> =>
      ((await (await send(login)).json()) as { device_token: string }).device_token,
    /** Begins a login. */
    begin: (login: Login): void => void send(login).then(({ status }) => statuses.push(status)),
  }
}

type House = Awaited<ReturnType<typeof startHouse>>

/** Lets as many strangers as may wait guess the password of a name without an account. */
const strangersGuess = async ({ begin, accounts }: House, count = 128): Promise<void> => {
  for (let address = 0; address < count; address += 1)
    begin({ username: 'nobody', address: `192.0.2.${address}` })
  await until(() => accounts.passwordLoad().waiting === count - CORES)
}

/** Waits until that many more are running, and that many more are waiting, than the strangers. */
const untilAdded = async (
  { accounts }: Pick<TestApp, 'accounts'>,
  added: { readonly running: number; readonly waiting: number },
  strangers: number,
): Promise<void> => {
  const wanted = { running: CORES + added.running, waiting: strangers - CORES + added.waiting }
  await until(() => {
    const { running, waiting } = accounts.passwordLoad()
    return running === wanted.running && waiting === wanted.waiting
  })
}

describe('while strangers from 128 addresses guess passwords', () => {
  test('[G9] a known device and a known address log in at once; one more stranger is told when to try again', async () => {
    await using house = await startHouse()
    await house.signIn('ada')
    const token = await house.logInFrom({ address: HOME })
    using hashes = heldHashes()
    await strangersGuess(house)
    house.begin({ address: HOME })
    await untilAdded(house, { running: 1, waiting: 0 }, 128)
    house.begin({ address: ELSEWHERE, token })
    const running = Math.min(2, CORES)
    await untilAdded(house, { running, waiting: 2 - running }, 128)
    const refused = await house.post(
      '/login',
      { username: 'ada', password: PASSWORD },
      { 'x-forwarded-for': ELSEWHERE },
    )
    expect(refused.status).toBe(503)
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
    expect(await refused.json()).toStrictEqual({ msg: 'Server busy, try again' })
    hashes.release()
    await until(() => house.statuses.length === 130)
    expect(house.statuses.filter((status) => status === 200)).toHaveLength(2)
    expect(house.statuses.filter((status) => status === 401)).toHaveLength(128)
  })

  test('[G9] anyone who is logged in confirms a password at once', async () => {
    await using house = await startHouse()
    const ada = await house.signIn('ada')
    using hashes = heldHashes()
    await strangersGuess(house)
    const change = { current_password: PASSWORD, new_password: 'nine quiet green keys' }
    const changed = house.post('/v1/me/password', change, {
      ...bearer(ada),
      'x-forwarded-for': ELSEWHERE,
    })
    await untilAdded(house, { running: 1, waiting: 0 }, 128)
    hashes.release()
    expect((await changed).status).toBe(200)
    await until(() => house.statuses.length === 128)
  })

  test('[G9] a client is known to the accounts it has logged in to, and to no other', async () => {
    await using house = await startHouse()
    await house.signIn('ada')
    await house.signIn('mallory')
    const token = await house.logInFrom({ username: 'mallory', address: ELSEWHERE })
    using hashes = heldHashes()
    await strangersGuess(house, 100)
    house.begin({ address: ELSEWHERE, token })
    await untilAdded(house, { running: 0, waiting: 1 }, 100)
    house.begin({ username: 'mallory', address: ELSEWHERE })
    await untilAdded(house, { running: 1, waiting: 1 }, 100)
    hashes.release()
    await until(() => house.statuses.length === 102)
  })

  test('[G9, P6] an address from which someone guesses is not known, so that no name is told by the time of an answer; a device cookie still is', async () => {
    await using house = await startHouse()
    await house.signIn('ada')
    const token = await house.logInFrom({ address: HOME })
    const guess = { username: 'nobody', password: PASSWORD }
    for (let failure = 0; failure < 10; failure += 1)
      await house.post('/login', guess, { 'x-forwarded-for': HOME })
    using hashes = heldHashes()
    await strangersGuess(house, 100)
    house.begin({ address: HOME })
    await untilAdded(house, { running: 0, waiting: 1 }, 100)
    house.begin({ address: HOME, token })
    await untilAdded(house, { running: 1, waiting: 1 }, 100)
    hashes.release()
    await until(() => house.statuses.length === 102)
  })

  test('[G9] an account that nobody has let in yet, or that is disabled, gets no place of the known', async () => {
    await using house = await startHouse()
    const person = { username: 'grace', password: PASSWORD, phone: '1', address: 'x' }
    await house.post('/register', person, { 'x-forwarded-for': HOME })
    const token = await house.logInFrom({ username: 'grace', address: HOME })
    await house.signIn('dora')
    await house.logInFrom({ username: 'dora', address: ELSEWHERE })
    await house.db.run("UPDATE account SET disabled_at_ms = 1 WHERE username = 'dora'")
    using hashes = heldHashes()
    await strangersGuess(house, 100)
    house.begin({ username: 'grace', address: HOME, token })
    house.begin({ username: 'dora', address: ELSEWHERE })
    await untilAdded(house, { running: 0, waiting: 2 }, 100)
    hashes.release()
    await until(() => house.statuses.length === 102)
  })
})

test('[G9] a member who floods an account keeps nobody else waiting, known or not', async () => {
  await using house = await startHouse()
  await house.signIn('ada')
  await house.signIn('mallory')
  const tokens = { ada: '', mallory: '' }
  tokens.ada = await house.logInFrom({ address: HOME })
  tokens.mallory = await house.logInFrom({ username: 'mallory', address: ELSEWHERE })
  using hashes = heldHashes()
  // From as many addresses as it likes: one account has one turn.
  for (let address = 0; address < 100; address += 1)
    house.begin({ username: 'mallory', address: `192.0.2.${address}`, token: tokens.mallory })
  await until(() => house.accounts.passwordLoad().refused === 80)
  house.begin({ address: HOME, token: tokens.ada })
  house.begin({ username: 'nobody', address: HOME })
  await until(() => {
    const { running, waiting } = house.accounts.passwordLoad()
    return running === CORES + 1 && waiting === 20 + 1 - CORES
  })
  hashes.release()
  await until(() => house.statuses.length === 102)
  expect(house.statuses.filter((status) => status === 200)).toHaveLength(21)
})

test('[G9] behind a proxy that is not trusted, a flood from the same address keeps no known device waiting', async () => {
  await using app = await startApp()
  await app.signIn('ada')
  const body = { username: 'ada', password: PASSWORD }
  const { device_token: token } = (await (await app.post('/login', body)).json()) as {
    device_token: string
  }
  using hashes = heldHashes()
  const flood = Array.from({ length: 60 }, () => app.post('/login', { ...body, password: 'wrong' }))
  await until(() => app.accounts.passwordLoad().refused === 40)
  const device = app.post('/login', { ...body, device_token: token })
  await until(() => app.accounts.passwordLoad().waiting === 20 + 1 - CORES)
  hashes.release()
  expect((await device).status).toBe(200)
  await Promise.all(flood)
})

test('[G9, P7] malformed logins take the turn of their client, and the excess is refused', async () => {
  await using app = await startApp()
  using hashes = heldHashes()
  const login = app.post('/login', { username: 'nobody', password: PASSWORD })
  await until(() => hashes.begun() === 1)
  const malformed = Array.from({ length: 30 }, async () => (await app.post('/login', {})).status)
  await until(() => app.accounts.passwordLoad().refused === 11)
  expect(app.accounts.passwordLoad()).toStrictEqual({ running: 1, waiting: 19, refused: 11 })
  hashes.release()
  expect((await login).status).toBe(401)
  const statuses = await Promise.all(malformed)
  expect(statuses.filter((status) => status === 400)).toHaveLength(19)
  expect(statuses.filter((status) => status === 503)).toHaveLength(11)
})
