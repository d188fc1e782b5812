import { describe, expect, test } from 'bun:test'
import { makeKeyPair, publicKeyOf } from '../../src/domain/statement/p256.ts'
import { codeOf, guestPhone, passIdOf } from '../support/guests.ts'
import { homeWithGuests } from '../support/home-with-guests.ts'

const newKey = async (): Promise<string> =>
  Buffer.from(await publicKeyOf(await makeKeyPair(false))).toString('base64')

const usedPass = async (...options: Parameters<typeof homeWithGuests>) => {
  const home = await homeWithGuests(...options)
  const made = await home.invite()
  const phone = guestPhone(home)
  await phone.bind(codeOf(made), await newKey())
  return { ...home, made, phone, [Symbol.asyncDispose]: home[Symbol.asyncDispose] }
}

describe('a phone that is removed at the same moment', () => {
  const rounds = Array.from({ length: 8 }, (_, round) => round)

  test('gets no new key', async () => {
    await using home = await usedPass()
    for (const _ of rounds) {
      const { link } = (await (
        await home.post(`/v1/passes/${passIdOf(home.made)}/link`, {}, home.as('oli'))
      ).json()) as { link: string }
      await home.phone.bind(codeOf({ link }), await newKey())
      const [renewed, ...asked] = await Promise.all([
        home.post(`/v1/passes/${passIdOf(home.made)}/link`, {}, home.as('oli')),
        home.phone.rekey(await newKey()),
        home.phone.bind(codeOf({ link }), await newKey()),
      ])
      expect(renewed.status).toBe(200)
      for (const { status } of asked) expect([200, 401, 404]).toContain(status)
    }
    const devices = await home.db.all(
      'SELECT public_key FROM pass_device WHERE removed_at_ms IS NOT NULL AND public_key IS NOT NULL',
    )
    expect(devices).toStrictEqual([])
    const records = await home.db.all<{ kind: string }>(
      "SELECT kind FROM log_record WHERE kind IN ('pass.bound', 'device.revoked', 'pass.rekeyed') ORDER BY seq",
    )
    const kinds = records.map(({ kind }) => kind)
    expect(
      kinds.filter((kind, n) => kind === 'pass.rekeyed' && kinds[n - 1] === 'device.revoked'),
    ).toStrictEqual([])
  })

  test('does not keep its cookie by the old link', async () => {
    await using home = await usedPass()
    const [renewed, bound] = await Promise.all([
      home.post(`/v1/passes/${passIdOf(home.made)}/link`, {}, home.as('oli')),
      home.phone.bind(codeOf(home.made)),
    ])
    expect(renewed.status).toBe(200)
    expect([200, 404]).toContain(bound.status)
    expect((await home.phone.pass()).status).toBe(401)
    expect((await home.phone.bind(codeOf(home.made))).status).toBe(404)
  })
})

test('nothing is decided on an erased guest, whose entries would stay', async () => {
  await using home = await usedPass()
  const attempts = Array.from({ length: 6 }, () => home.phone.unlock())
  const erased = home.delete(`/v1/passes/${passIdOf(home.made)}`, {}, home.as('oli'))
  for (const { status } of await Promise.all(attempts)) expect([200, 401]).toContain(status)
  expect((await erased).status).toBe(200)
  // As a request that passed the check of its cookie before.
  const late = home.locks.forGuests.locks.decide({
    caller: { address: '127.0.0.1', isAddressHidden: false } as never,
    passId: passIdOf(home.made),
    deviceId: crypto.randomUUID(),
    hostName: () => Promise.resolve(null),
    label: 'front-door',
    id: crypto.randomUUID(),
  })
  const fault = await late.then(
    () => undefined,
    (error: unknown) => error,
  )
  expect(fault).toMatchObject({ code: 'unauthorized' })
  for (const table of ['unlock_guest', 'attempt'])
    expect(await home.db.get(`SELECT count(*) AS n FROM ${table}`)).toStrictEqual({ n: 0 })
})

test('a guest does not learn that another door is switched off or locked down', async () => {
  await using home = await usedPass()
  await home.put('/v1/home/lockdown', { locks: ['garage'] }, home.as('oli'))
  const reasons = []
  for (const lock of ['garage', 'cellar'])
    reasons.push((await home.phone.unlock({ lock })).body.reason)
  expect(reasons).toStrictEqual(['no_grant', 'no_grant'])
  await home.put('/v1/home/lockdown', { locks: ['front-door'] }, home.as('oli'))
  expect((await home.phone.unlock()).body.reason).toBe('lockdown')
})

test('a phone gets 100 new keys a day, each of which is a record for good', async () => {
  await using home = await usedPass(
    {},
    { RATE_LIMIT_CHANGES: '1000/minute', RATE_LIMIT_DEFAULT: 'off' },
  )
  const statuses: number[] = []
  for (let n = 0; n < 101; n++) statuses.push((await home.phone.rekey(await newKey())).status)
  expect(statuses.indexOf(429)).toBe(100)
  // Only the phone that asks too often waits.
  const other = guestPhone(home)
  await other.bind(codeOf(home.made), await newKey())
  expect((await other.rekey(await newKey())).status).toBe(200)
  home.clock.passedMs += 24 * 60 * 60_000
  expect((await home.phone.rekey(await newKey())).status).toBe(200)
})

test('a phone may try 200 times a day, so that nobody fills the log or rings the host all day', async () => {
  await using home = await usedPass({}, { RATE_LIMIT_UNLOCK: '60/minute' })
  const statuses: number[] = []
  for (let n = 0; n < 201; n++) {
    if (n % 10 === 0) home.clock.passedMs += 60_000
    statuses.push((await home.phone.unlock()).status)
  }
  expect(statuses.lastIndexOf(200)).toBe(199)
  expect(statuses.at(-1)).toBe(429)
  home.clock.passedMs += 24 * 60 * 60_000
  expect((await home.phone.unlock()).status).toBe(200)
})
