import { describe, expect, test } from 'bun:test'
import { codeOf, guestPhone } from '../support/guests.ts'
import { homeWithGuests } from '../support/home-with-guests.ts'
import { addTarget, deliveriesTo } from '../support/outbox.ts'

const GUESTS = [{ on: 'guest.opened' }, { on: 'guest.problem' }] as const

/** A home whose members may invite guests, with targets of the home, of the host Eva, and of Max. */
const home = async () => {
  const app = await homeWithGuests({}, { GUEST_PASSES: 'members' })
  await app.grant({ holder: { role: 'member' }, locks: ['front-door'] })
  await addTarget(app.db, 'home', GUESTS)
  await addTarget(app.db, 'everything', [{ on: 'unlocked' }, { on: 'denied' }])
  await addTarget(app.db, 'eva', GUESTS, { accountPublicId: app.idOf('eva') })
  await addTarget(app.db, 'max', GUESTS, { accountPublicId: app.idOf('max') })
  const pass = await app.invite({ holder: { pass: { label: 'Plumber', devices_max: 1 } } }, 'eva')
  return {
    ...app,
    pass,
    phone: guestPhone(app),
    told: async (target: string) =>
      (await deliveriesTo(app.db, target)).map(({ event, about }) =>
        about === null ? event : `${event}: ${about.split(' ')[0] ?? ''}`,
      ),
    [Symbol.asyncDispose]: app[Symbol.asyncDispose],
  }
}

describe('what a guest does', () => {
  test('is told to the home and to the host when the guest is let in, and to no other member', async () => {
    await using app = await home()
    await app.phone.bind(codeOf(app.pass))
    expect((await app.phone.unlock()).body).toMatchObject({ decision: 'permitted' })
    expect(await app.told('home')).toStrictEqual(['guest.opened'])
    expect(await app.told('eva')).toStrictEqual(['guest.opened'])
    expect(await app.told('max')).toBeEmpty()
    // Nobody has opened the door yet, as far as the gateway knows.
    expect(await app.told('everything')).toBeEmpty()
    const [row] = await deliveriesTo(app.db, 'home')
    expect(await app.outbox.unlockFacts(row?.seq ?? -1)).toMatchObject({
      who: 'Plumber',
      user_id: null,
      method: 'guest',
      result: 'permitted',
      lock_name: 'Front door',
    })
  })

  test('is told when a forwarded link is tried, and when the guest asks for help', async () => {
    await using app = await home()
    await app.phone.bind(codeOf(app.pass))
    expect((await guestPhone(app).bind(codeOf(app.pass))).status).toBe(409)
    await app.phone.ask()
    const told = ['guest.problem: another_device', 'guest.problem: asks']
    expect(await app.told('home')).toStrictEqual(told)
    expect(await app.told('eva')).toStrictEqual(told)
    expect(await app.told('max')).toBeEmpty()
  })

  test('is not told to a host who was disabled', async () => {
    await using app = await home()
    await app.phone.bind(codeOf(app.pass))
    await app.db.run("UPDATE account SET disabled_at_ms = 1 WHERE username = 'eva'")
    await app.phone.ask()
    expect(await app.told('home')).toStrictEqual(['guest.problem: asks'])
    expect(await app.told('eva')).toBeEmpty()
  })
})
