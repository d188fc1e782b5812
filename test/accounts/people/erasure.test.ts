import { describe, expect, test } from 'bun:test'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { findAccountState } from '../../../src/accounts/core/account-state-store.ts'
import { accountTransaction } from '../../../src/accounts/people/account-transaction.ts'
import { erasureStore } from '../../../src/accounts/people/erasure-store.ts'
import { erasureService } from '../../../src/accounts/people/erasure.ts'
import { COMMAND_LINE } from '../../../src/domain/audit-event.ts'
import { clockFrom } from '../../../src/domain/clock.ts'
import { PASSWORD, bearer, clientOf, startApp } from '../../support/app.ts'
import { UNLIMITED, runCommand, startService, temporaryFolder } from '../../support/binary.ts'
import { homeDatabase } from '../../support/home-database.ts'
import { isOnDisk } from '../../support/on-disk.ts'
import { claimed, openLog } from '../../support/unlock-log.ts'

const NAME = 'Persephone-Quill'
const PERSON = {
  username: NAME,
  password: PASSWORD,
  phone: '0700-555-0199',
  address: '7 Pomegranate Row',
  email: 'quill@example.org',
}

const DAY_MS = 86_400_000

const inFolder = async (work: (folder: string, dataDir: string) => Promise<void>) => {
  const folder = temporaryFolder()
  try {
    await work(folder, join(folder, 'data'))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

describe('erasing your account', () => {
  test('[D7] leaves nothing personal on disk, while every proof and every audit event stays', () =>
    inFolder(async (folder, dataDir) => {
      const env = { ...UNLIMITED, TRUSTED_PROXIES: '127.0.0.1' }
      await using service = await startService({ folder, env })
      const { post, get } = clientOf(service.url)
      const at = { 'x-forwarded-for': '203.0.113.77' }
      await post('/register', PERSON, at)
      await post('/register', { ...PERSON, username: 'ada', phone: '1', address: 'x' })
      const logIn = async (username: string) =>
        (
          (await (await post('/login', { username, password: PASSWORD }, at)).json()) as {
            access_token: string
          }
        ).access_token
      const headers = { ...bearer(await logIn(NAME)), ...at }
      const kept: string[] = []
      for (const method of ['fingerprint', 'pin of Quill']) {
        const { id } = (await (await post('/v1/unlocks', { method }, headers)).json()) as {
          id: string
        }
        const receipt = await get(`/v1/unlocks/${id}/receipt`, headers)
        const path = join(folder, `receipt-${kept.length}`)
        writeFileSync(path, await receipt.text())
        kept.push('--checkpoint', path)
      }
      const { id } = (await (await get('/v1/me', headers)).json()) as { id: string }
      const client = clientOf(service.url)
      // From elsewhere, because the address of a failed login is kept for a day.
      const { authorization } = headers
      const wrong = await client.delete(
        '/v1/me',
        { password: 'wrong horse battery' },
        { authorization },
      )
      expect(wrong.status).toBe(403)
      expect((await client.delete('/v1/me', {}, headers)).status).toBe(400)
      const erased = await client.delete('/v1/me', { password: PASSWORD }, headers)
      expect(await erased.json()).toStrictEqual({ msg: 'Account erased' })
      // From elsewhere, because an address without an account is not erased.
      expect((await get('/v1/me', { authorization })).status).toBe(401)
      expect((await post('/login', { username: NAME, password: PASSWORD })).status).toBe(401)
      await service.stop()

      for (const text of [NAME, PERSON.phone, PERSON.address, '203.0.113.77', 'pin of Quill'])
        expect(`${text} ${await isOnDisk(dataDir, text)}`).toBe(`${text} false`)
      const verified = await runCommand(['log', 'verify', ...kept], { folder })
      expect(verified).toMatchObject({ status: 0, words: '' })
      await using db = await homeDatabase(folder)
      const trail = await db.all(
        'SELECT action, result, address FROM audit_event WHERE actor = ? ORDER BY seq',
        id,
      )
      expect(trail).toMatchObject([
        { action: 'login', result: 'success', address: null },
        { action: 'account.erase', result: 'failure', address: null },
        { action: 'account.erase', result: 'success', address: null },
      ])
      for (const table of ['session', 'refresh_token'])
        expect(await db.get(`SELECT count(*) AS n FROM ${table}`)).toStrictEqual({ n: 0 })
      // The name is free again, for another account.
      expect(await db.all('SELECT username FROM account')).toStrictEqual([{ username: 'ada' }])
    }))
})

describe('an interrupted erasure', () => {
  /** Adds an account and an unlock, and begins to erase them on a server that crashes half-way. */
  const halfErased = async (dataDir: string) => {
    const app = await openLog(dataDir)
    await app.accounts.newAccounts.add(PERSON, 'member')
    const account = await app.accounts.authentication.find(NAME)
    const publicId = account?.publicId ?? ''
    await app.unlocks.unlockLog.append([{ ...claimed(0, NAME), accountPublicId: publicId }])
    const from = { address: '203.0.113.77', userAgent: '', requestId: undefined, account }
    await app.audit.record(from, { action: 'login', result: 'success' })
    const { db } = app
    const clock = clockFrom()
    const interrupted = erasureService({
      store: erasureStore(db),
      traces: [() => Promise.reject(new Error('killed'))],
      finishTraces: async () => {},
      eraseAccessIn: async () => {},
      auditIn: () => ({ record: async () => {} }),
      clock,
      report: () => {},
    })
    await db.transaction(async (tx) => {
      const found = await accountTransaction(tx, clock).find(publicId)
      if (!found) throw new Error('the account is missing')
      await interrupted.eraseIn(tx, COMMAND_LINE, found)
    })
    const finishing = interrupted.finish(publicId)
    expect(String(await finishing.catch((error: unknown) => error))).toContain('killed')
    interrupted.stop()
    await app[Symbol.asyncDispose]()
    return publicId
  }

  test('[D7] has deleted the account, and is finished by the next start', () =>
    inFolder(async (folder, dataDir) => {
      await halfErased(dataDir)
      const words = [NAME, '203.0.113.77']
      const onDisk = () => Promise.all(words.map((word) => isOnDisk(dataDir, word)))
      expect(await onDisk()).toStrictEqual([true, true])
      expect(await isOnDisk(dataDir, PERSON.phone)).toBe(false)
      await using service = await startService({ folder, env: UNLIMITED })
      const login = { username: NAME, password: PASSWORD }
      expect((await clientOf(service.url).post('/login', login)).status).toBe(401)
      await service.stop()
      expect(await onDisk()).toStrictEqual([false, false])
    }))

  test('[D7] is finished by the next round, and can be finished again', () =>
    inFolder(async (_, dataDir) => {
      const publicId = await halfErased(dataDir)
      const app = await openLog(dataDir)
      await app.accounts.erasures.apply()
      expect((await app.unlocks.store.page(-1, 9))[0]?.person).toBeUndefined()
      await app.accounts.erasures.apply()
      await app[Symbol.asyncDispose]()
      expect(await isOnDisk(dataDir, publicId)).toBe(true)
      expect(await isOnDisk(dataDir, NAME)).toBe(false)
    }))

  test('[G7] removes the marks of many erasures', async () => {
    await using app = await startApp()
    await app.db.transaction(async (tx) => {
      for (let mark = 0; mark < 2500; mark += 1)
        await tx.run('INSERT INTO erasure VALUES (?, ?)', `${mark}`, mark)
    })
    await erasureStore(app.db).removeMarks(2400)
    expect(await erasureStore(app.db).pending()).toHaveLength(100)
  })

  test('[G7] repeats nothing of the erasures before it', async () => {
    const erased: string[] = []
    await using app = await startApp()
    const erasures = erasureService({
      store: erasureStore(app.db),
      traces: [async (publicId) => erased.push(publicId)],
      finishTraces: async () => {},
      eraseAccessIn: async () => {},
      auditIn: app.audit.auditIn,
      clock: { nonDecreasingMs: () => app.clock.nowMs },
      report: () => {},
    })
    for (const name of ['ada', 'bob', 'eve']) {
      await app.signIn(name)
      const publicId = (await app.accounts.authentication.find(name))?.publicId ?? ''
      await app.db.transaction(async (tx) => {
        const account = await findAccountState(tx, publicId)
        if (account) await erasures.eraseIn(tx, COMMAND_LINE, account)
      })
      await erasures.finish(publicId)
    }
    expect(new Set(erased).size).toBe(3)
    expect(erased).toHaveLength(3)
    erasures.stop()
  })
})

test('[D7] what an account may open is erased in the same transaction, or the account stays', async () => {
  await using app = await startApp()
  await app.signIn('ada')
  const publicId = (await app.accounts.authentication.find('ada'))?.publicId ?? ''
  const erase = async (eraseAccessIn: Parameters<typeof erasureService>[0]['eraseAccessIn']) => {
    const erasures = erasureService({
      store: erasureStore(app.db),
      traces: [],
      finishTraces: async () => {},
      eraseAccessIn,
      auditIn: app.audit.auditIn,
      clock: { nonDecreasingMs: () => app.clock.nowMs },
      report: () => {},
    })
    const erased = app.db.transaction(async (tx) => {
      const account = await findAccountState(tx, publicId)
      if (account) await erasures.eraseIn(tx, COMMAND_LINE, account)
    })
    await erased.finally(erasures.stop)
  }
  const refusal = erase(() => Promise.reject(new Error('no grant was revoked')))
  expect(String(await refusal.catch((error: unknown) => error))).toContain('no grant was revoked')
  expect((await findAccountState(app.db, publicId))?.username).toBe('ada')
  const seen: unknown[] = []
  await erase(async (tx, id) => {
    // While the account is still there, and its grants can name it.
    seen.push(id, (await findAccountState(tx, id))?.username)
  })
  expect(seen).toStrictEqual([publicId, 'ada'])
  expect(await findAccountState(app.db, publicId)).toBeUndefined()
})

test('[A2] the id of an erased account is never used again', async () => {
  await using app = await startApp()
  await app.signIn('ada')
  const eve = bearer(await app.signIn('eve'))
  const owner = bearer(await app.signIn('oli', 'owner'))
  const idsOf = async (): Promise<string[]> =>
    Object.keys((await (await app.get('/getUsers', owner)).json()) as object)
  expect(await idsOf()).toStrictEqual(['1', '2', '3'])
  const bob = bearer(await app.signIn('bob'))
  for (const gone of [bob, eve])
    expect((await app.delete('/v1/me', { password: PASSWORD }, gone)).status).toBe(200)
  await app.signIn('mia')
  expect(await idsOf()).toStrictEqual(['1', '3', '5'])
})

test('[D7] an unlock received during the erasure is erased in the next round', async () => {
  await using app = await startApp()
  await app.signIn('ada')
  const publicId = (await app.accounts.authentication.find('ada'))?.publicId ?? ''
  const late = () =>
    app.unlocks.unlockLog.append([{ ...claimed(0, 'ada'), accountPublicId: publicId }])
  const names = async () =>
    (await app.unlocks.store.page(-1, 9)).map(({ person }) => person?.username)
  await app.accounts.administration.erase({ by: COMMAND_LINE, publicId })
  await late()
  expect(await names()).toStrictEqual(['ada'])
  await app.accounts.erasures.apply()
  expect(await names()).toStrictEqual([undefined])
  app.clock.nowMs += 2 * DAY_MS
  await app.accounts.erasures.apply()
  await late()
  await app.accounts.erasures.apply()
  // No unlock is received for two days, so the mark is removed.
  expect(await names()).toStrictEqual([undefined, 'ada'])
})

test('[D7] a single-use invitation loses its label, a shared one keeps it', () =>
  inFolder(async (folder, dataDir) => {
    const app = await openLog(dataDir)
    await using db = await homeDatabase(folder)
    for (const [username, usesMax] of [
      ['ada', 1],
      ['eve', 5],
    ] as const) {
      await app.accounts.newAccounts.add({ ...PERSON, username }, 'member')
      await db.run(
        `INSERT INTO invitation (id, code_hash, role, label, made_by, created_at_ms, expires_at_ms,
           uses, uses_max) VALUES (?, ?, 'member', ?, 'somebody', 0, 0, 1, ?)`,
        username,
        new TextEncoder().encode(username),
        `for ${username}`,
        usesMax,
      )
      await db.run('UPDATE account SET invitation_id = ?1 WHERE username = ?1', username)
      const publicId = (await app.accounts.authentication.find(username))?.publicId ?? ''
      await app.accounts.administration.erase({ by: COMMAND_LINE, publicId })
    }
    expect(await db.all('SELECT label FROM invitation ORDER BY id')).toStrictEqual([
      { label: '' },
      { label: 'for eve' },
    ])
    await app[Symbol.asyncDispose]()
  }))

test('an account that returns with the same public id keeps what is recorded from then on', () =>
  inFolder(async (folder, dataDir) => {
    const app = await openLog(dataDir)
    await using db = await homeDatabase(folder)
    const erase = async () => {
      const publicId = (await app.accounts.authentication.find('ada'))?.publicId ?? ''
      await app.accounts.administration.erase({ by: COMMAND_LINE, publicId })
      return publicId
    }
    const names = async () =>
      (await app.unlocks.store.page(-1, 9)).map(({ person }) => person?.username)
    await app.accounts.newAccounts.add({ ...PERSON, username: 'ada' }, 'member')
    const publicId = await erase()
    // As an import from the legacy server does.
    await app.accounts.newAccounts.add({ ...PERSON, username: 'ada' }, 'member')
    await db.run("UPDATE account SET public_id = ? WHERE username = 'ada'", publicId)
    await app.unlocks.unlockLog.append([{ ...claimed(0, 'ada'), accountPublicId: publicId }])
    await app.accounts.erasures.apply()
    expect(await names()).toStrictEqual(['ada'])
    expect(await erase()).toBe(publicId)
    expect(await names()).toStrictEqual([undefined])
    await app[Symbol.asyncDispose]()
  }))

test('erasing an account with many unlocks lets new unlocks in between', async () => {
  await using app = await startApp()
  await app.signIn('ada')
  const publicId = (await app.accounts.authentication.find('ada'))?.publicId ?? ''
  for (let round = 0; round < 5; round += 1)
    await app.unlocks.unlockLog.append(
      Array.from({ length: 2000 }, () => ({ ...claimed(0, 'ada'), accountPublicId: publicId })),
    )
  let isErased = false
  const erasing = app.unlocks.unlockLog.eraseAccount(publicId).then((events) => {
    isErased = true
    return events
  })
  await Bun.sleep(0)
  const [outcome] = await app.unlocks.unlockLog.append([claimed(1, 'eve')])
  expect([outcome?.status, isErased]).toStrictEqual(['stored', false])
  expect(await erasing).toStrictEqual({ events: 10_000, isWalTruncated: true })
})
