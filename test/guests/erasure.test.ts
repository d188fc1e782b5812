import { describe, expect, test } from 'bun:test'
import { codeOf, guestPhone, passIdOf } from '../support/guests.ts'
import { homeWithGuests } from '../support/home-with-guests.ts'
import { tableNames, textOf } from '../support/tables.ts'
import { until } from '../support/until.ts'
import { raiseUses } from '../../src/locks/restore/uses-store.ts'
import { makeKeyPair, publicKeyOf } from '../../src/domain/statement/p256.ts'

const DAY_MS = 24 * 60 * 60_000

type Home = Awaited<ReturnType<typeof homeWithGuests>>

/** Everything in the database but the audit events, as text. */
const everything = async ({ db }: Home): Promise<string> =>
  textOf(
    db,
    (await tableNames()).filter((name) => name !== 'audit_event'),
  )

const visited = async (home: Home, given: object = {}) => {
  const made = await home.invite({ holder: { pass: { label: 'Zorro' } }, ...given })
  const phone = guestPhone(home)
  const key = await publicKeyOf(await makeKeyPair(false))
  await phone.bind(codeOf(made), Buffer.from(key).toString('base64'))
  // Without a statement it is refused, which is recorded too.
  const { body } = await phone.unlock()
  return { made, phone, key: Buffer.from(key).toString('hex'), receipt: body.receipt ?? '' }
}

const nothingLeft = async (home: Home, { made, key }: Awaited<ReturnType<typeof visited>>) => {
  const left = await everything(home)
  for (const trace of ['Zorro', key, 'iPhone']) expect(left).not.toContain(trace)
  const [grant] = await home.db.all<Record<string, unknown>>(
    'SELECT * FROM access_grant WHERE id = ?',
    made.id,
  )
  expect(grant).toMatchObject({
    holder: null,
    terms: null,
    used_by: null,
    key: null,
    made_by: null,
  })
  for (const table of ['pass_device', 'unlock_guest'])
    expect(await home.db.get(`SELECT count(*) AS n FROM ${table}`)).toStrictEqual({ n: 0 })
  expect(await home.db.get('SELECT count(*) AS n FROM attempt')).toStrictEqual({ n: 0 })
}

/** Lets that much time pass, and erases those who are due. */
const pass = async (home: Home, ms: number): Promise<void> => {
  home.clock.nowMs += ms
  home.clock.passedMs += ms
  await home.guests.erasure.apply()
}

describe('a guest is erased', () => {
  test('at once, by the host: what stays says nothing of the person, and the log holds', async () => {
    await using home = await homeWithGuests()
    const guest = await visited(home)
    const path = `/v1/passes/${passIdOf(guest.made)}`
    expect(await everything(home)).toContain('Zorro')
    expect((await home.delete(path, {}, home.as('eva'))).status).toBe(404)
    expect((await home.delete(path, {}, home.as('oli'))).status).toBe(200)
    await nothingLeft(home, guest)
    expect((await guest.phone.pass()).status).toBe(401)
    expect((await guest.phone.look(codeOf(guest.made))).status).toBe(404)
    expect((await home.pass(guest.made)).status).toBe(404)
    expect((await home.passes()).body.passes).toStrictEqual([])
    expect((await home.delete(path, {}, home.as('oli'))).status).toBe(404)
    expect(await home.logged()).toMatchObject([
      { result: 'denied', reason: 'bad_signature', username: null, guest: null, grant: null },
    ])
    await home.post('/v1/log/verification', { scope: 'full' }, home.as('oli'))
    await until(async () => home.unlocks.verification.last() !== undefined)
    expect(home.unlocks.verification.last()).toMatchObject({ ok: true })
    await home.logged()
  })

  test('GUEST_KEEP_DAYS after the end, and not before', async () => {
    await using home = await homeWithGuests({}, { GUEST_KEEP_DAYS: '5' })
    const guest = await visited(home, { ends_at: '2040-03-20T00:00:00Z' })
    const other = await home.invite()
    await pass(home, 5 * DAY_MS)
    expect(await everything(home)).toContain('Zorro')
    await pass(home, DAY_MS)
    await nothingLeft(home, guest)
    const left = await home.db.all('SELECT id FROM pass WHERE label IS NOT NULL')
    expect(left).toStrictEqual([{ id: passIdOf(other) }])
    const events = await home.db.all<{ subject: string }>(
      "SELECT subject FROM audit_event WHERE action = 'pass.erase'",
    )
    expect(events).toStrictEqual([{ subject: `pass:${passIdOf(guest.made)}` }])
  })

  test('GUEST_KEEP_DAYS after the end, if a restore has used up a pass that was never used', async () => {
    await using home = await homeWithGuests({}, { GUEST_KEEP_DAYS: '5' })
    const made = await home.invite({ uses: 2, ends_at: '2040-03-20T00:00:00Z' })
    await home.db.transaction((tx) => raiseUses(tx, [{ id: made.id, uses: 2 }]))
    await pass(home, 3 * DAY_MS)
    expect(await everything(home)).toContain('Plumber')
    await pass(home, 3 * DAY_MS)
    expect(await everything(home)).not.toContain('Plumber')
  })

  test('to the end in the next round, if that was interrupted', async () => {
    await using home = await homeWithGuests()
    const guest = await visited(home)
    await home.revoke(guest.made.id)
    // As a crash leaves it after the first of several transactions.
    await home.db.run(
      'UPDATE pass SET label = NULL, code_hash = NULL, erased_at_ms = 1 WHERE id = ?',
      passIdOf(guest.made),
    )
    await home.db.run('DELETE FROM pass_device')
    expect(await everything(home)).toContain('Zorro')
    await home.guests.erasure.apply()
    await nothingLeft(home, guest)
  })
})
