import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { PASSWORD } from '../support/app.ts'
import {
  type Service,
  UNLIMITED,
  freePort,
  runCommand,
  startService,
  temporaryFolder,
} from '../support/binary.ts'
import {
  type LockClient,
  LockServerError,
  LoggedOutError,
  fetchAuthority,
  flush,
  lockClient,
  loginWithCode,
  newUnlock,
  provenUnlock,
  unlockStore,
} from '../support/phone.ts'
import { codeAt, nextCode } from '../support/second-factor.ts'

const faultOf = async (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => undefined,
    (error: unknown) => error,
  )

describe('a phone app, as the manual describes it, talking to the executable over TLS', () => {
  const folder = temporaryFolder()
  const person = { username: 'ada', password: PASSWORD, phone: '1', address: 'x' }
  const store = unlockStore()
  let service: Service
  let caSha256 = ''
  let ca = ''
  let phone: LockClient
  let verifierKey = ''

  beforeAll(async () => {
    const port = String(await freePort())
    const { out } = await runCommand(['tls', 'init'], { folder, env: { PORT: port } })
    caSha256 = /#ca-sha256=(\w+)/.exec(out)?.[1] ?? ''
    service = await startService({
      folder,
      env: {
        ...UNLIMITED,
        RATE_LIMIT_UNLOCK: '12/second',
        PORT: port,
        TLS_CERT_FILE: join(folder, 'data/tls/server.pem'),
        TLS_KEY_FILE: join(folder, 'data/tls/server-key.pem'),
      },
    })
  })

  afterAll(async () => {
    await service.stop()
    rmSync(folder, { recursive: true })
  })

  test('pins the CA of the QR code, and trusts no other', async () => {
    expect(String(await faultOf(fetchAuthority(service.url, '0'.repeat(64))))).toContain('QR code')
    ca = await fetchAuthority(service.url, caSha256)
    phone = lockClient(service.url, ca)
    const elsewhere = temporaryFolder()
    await runCommand(['tls', 'init'], { folder: elsewhere })
    const other = lockClient(service.url, await Bun.file(join(elsewhere, 'data/tls/ca.pem')).text())
    expect(await faultOf(other.send('GET', '/livez'))).toMatchObject({
      code: expect.stringMatching(/CERT|SIGNATURE/) as string,
    })
    rmSync(elsewhere, { recursive: true })
  })

  test('registers and logs in, and sends its device cookie with the next login', async () => {
    expect(await phone.register(person)).toStrictEqual({ msg: 'User registered successfully' })
    await runCommand(['user', 'admit', 'ada'], { folder })
    await phone.login('ada', PASSWORD)
    expect([...phone.secrets.keys()].toSorted()).toStrictEqual([
      'access_token',
      'device_token',
      'refresh_token',
    ])
    await phone.login('ada', PASSWORD)
    expect(await faultOf(phone.login('ada', 'wrong horse'))).toMatchObject({
      status: 401,
      code: undefined,
      message: 'Invalid username or password',
    })
    verifierKey = (await phone.call('GET', '/v1/log/key'))['verifier_key'] as string
  })

  test('an expired access token is refreshed once, however many requests notice', async () => {
    const before = phone.secrets.get('refresh_token')
    phone.secrets.set('access_token', 'expired')
    phone.sent.length = 0
    const answers = await Promise.all(Array.from({ length: 5 }, () => phone.call('GET', '/v1/me')))
    expect(answers.map((answer) => answer['username'])).toStrictEqual(
      Array.from({ length: 5 }, () => 'ada'),
    )
    expect(phone.sent.filter((path) => path.endsWith('/refresh'))).toHaveLength(1)
    expect(phone.secrets.get('refresh_token')).not.toBe(before)
    // The answer was lost: an immediate retry with the old one gets the same successor.
    const repeated = await phone.send('POST', '/v1/session/refresh', { refresh_token: before })
    expect(repeated['refresh_token']).toBe(phone.secrets.get('refresh_token'))
  })

  test('an offline queue: stored, and after a lost answer a duplicate with its receipt', async () => {
    store.waiting.push(...['pin', 'fingerprint', 'face'].map(newUnlock))
    const sent = [...store.waiting]
    await flush(phone, store)
    const first = new Map(store.receipts)
    expect(first.size).toBe(3)
    store.waiting.push(...sent)
    await flush(phone, store)
    for (const { id } of sent)
      expect(provenUnlock(store.receipts.get(id) ?? '', verifierKey)).toStrictEqual(
        provenUnlock(first.get(id) ?? '', verifierKey),
      )
    const { total } = (await phone.call('GET', '/v1/unlocks/stats')) as { total: number }
    expect(total).toBe(3)
  })

  test('an unlock that the server will never accept does not hold up the others', async () => {
    const [taken] = store.receipts.keys()
    const good = newUnlock('pin')
    const bad = { ...newUnlock('pin'), method: '' }
    const conflicting = { ...newUnlock('key'), id: taken ?? '' }
    store.waiting.push(bad, conflicting, good)
    await flush(phone, store)
    expect(store.rejected.get(bad.id)).toBe(
      'Invalid method: text, 1 to 80 characters, no control characters',
    )
    expect(store.rejected.get(conflicting.id)).toBe('Another unlock has this id')
    expect(store.receipts.has(good.id)).toBe(true)
    expect(store.waiting).toHaveLength(0)
  })

  test('501 are sent as 500 and 1; more than 500 at once are all refused', async () => {
    store.waiting.push(...Array.from({ length: 501 }, () => newUnlock('pin')))
    const before = store.receipts.size
    expect(await faultOf(phone.call('POST', '/v1/unlocks', store.waiting))).toMatchObject({
      status: 400,
      code: 'invalid',
    })
    await flush(phone, store)
    // The second batch may have to wait for the limit of this service.
    expect(store.receipts.size).toBe(before + 501)
    expect(store.rejected.size).toBe(2)
  })

  test('over the limit, it waits as long as Retry-After says, and loses nothing', async () => {
    store.waiting.push(...Array.from({ length: 30 }, () => newUnlock('pin')))
    const before = store.receipts.size
    const faults: unknown[] = []
    for (let at = 0; at < 30; at++)
      faults.push(
        await faultOf(phone.send('POST', '/v1/unlocks', [], phone.secrets.get('access_token'))),
      )
    expect(faults.find((fault) => fault instanceof LockServerError)).toMatchObject({
      status: 429,
      retryAfter: 1,
    })
    await flush(phone, store, 2)
    expect(store.receipts.size).toBe(before + 30)
  })

  test('every receipt proves its unlock without the server, and no altered one does', () => {
    for (const [id, receipt] of store.receipts)
      expect(provenUnlock(receipt, verifierKey)).toMatchObject({ id, username: 'ada' })
    const [receipt = ''] = store.receipts.values()
    const [, extra = ''] = /^extra (.+)$/m.exec(receipt) ?? []
    const forged = Buffer.from(
      Buffer.from(extra, 'base64').toString().replace('"username":"ada"', '"username":"eve"'),
    ).toString('base64')
    expect(() => provenUnlock(receipt.replace(extra, forged), verifierKey)).toThrow('not what was')
    expect(() => provenUnlock(receipt.replace(/^index \d+$/m, 'index 1'), verifierKey)).toThrow()
    expect(() => provenUnlock(receipt.replace(/\n(\d+)\n/, '\n9$1\n'), verifierKey)).toThrow()
    const other = `${verifierKey.split('+')[0]}+00000000+${verifierKey.split('+').slice(2).join('+')}`
    expect(() => provenUnlock(receipt, other)).toThrow('does not match')
  })

  test('the command line accepts the same receipt', async () => {
    const [receipt = ''] = store.receipts.values()
    await Bun.write(join(folder, 'receipt'), receipt)
    const checked = await runCommand(
      ['log', 'verify', '--receipt', 'receipt', '--key', verifierKey],
      { folder },
    )
    expect(checked).toMatchObject({ status: 0, out: expect.stringContaining('ada') as string })
  })

  test('a session that was ended elsewhere requires a login, and the queue waits', async () => {
    const other = lockClient(service.url, ca)
    await other.login('ada', PASSWORD)
    await other.call('DELETE', '/v1/sessions')
    store.waiting.push(newUnlock('pin'))
    expect(await faultOf(flush(phone, store))).toBeInstanceOf(LoggedOutError)
    expect(store.waiting).toHaveLength(1)
    await phone.login('ada', PASSWORD)
    await flush(phone, store)
    expect(store.waiting).toHaveLength(0)
    await phone.logout()
    expect(await faultOf(phone.call('GET', '/v1/me'))).toBeInstanceOf(LoggedOutError)
  })

  test('an account with a second factor is asked for a code until one is right', async () => {
    await phone.login('ada', PASSWORD)
    const begun = await phone.call('POST', '/v1/me/second-factor', { password: PASSWORD })
    const secret = begun['secret'] as string
    await phone.call('POST', '/v1/me/second-factor/confirm', { otp: codeAt(secret, Date.now()) })
    const retries: boolean[] = []
    await loginWithCode(phone, 'ada', PASSWORD, (isRetry) => {
      retries.push(isRetry)
      return isRetry ? nextCode(secret, Date.now()) : 'no code'
    })
    expect(retries).toStrictEqual([false, true])
    expect((await phone.call('GET', '/v1/me'))['username']).toBe('ada')
    expect(await faultOf(loginWithCode(phone, 'ada', 'wrong horse', () => ''))).toMatchObject({
      status: 401,
      code: undefined,
    })
  })
})
