import { expect, test } from 'bun:test'
import { livePasses, reapplyPassesIn } from '../../src/guests/restore/restore-store.ts'
import { codeOf, guestPhone, passIdOf } from '../support/guests.ts'
import { homeWithGuests } from '../support/home-with-guests.ts'

/** A home where a host has removed one of two phones and made a new link, with the passes as they were before. */
const withdrawnSince = async () => {
  const home = await homeWithGuests()
  const made = await home.invite()
  const [kept, stolen] = [guestPhone(home), guestPhone(home)]
  for (const phone of [kept, stolen]) await phone.bind(codeOf(made))
  const before = await livePasses({ ...home.db, schemaVersion: 18 })
  const path = `/v1/passes/${passIdOf(made)}`
  const { devices } = (await home.pass(made)).body
  await home.delete(`${path}/devices/${devices[1]?.id}`, {}, home.as('oli'))
  return { ...home, made, kept, stolen, before, [Symbol.asyncDispose]: home[Symbol.asyncDispose] }
}

test('a phone that was removed before the backup stays so, if older data was there', async () => {
  await using home = await withdrawnSince()
  const { db, before, kept, stolen } = home
  await db.transaction((tx) => reapplyPassesIn(tx, before, { isNewer: false }))
  expect((await stolen.pass()).status).toBe(401)
  expect((await kept.pass()).status).toBe(200)
  expect((await guestPhone(home).look(codeOf(home.made))).status).toBe(200)
})

test('a link that was replaced before the backup stays so, and neither leads anywhere', async () => {
  await using home = await withdrawnSince()
  const { db, before, made } = home
  const renewed = await home.post(`/v1/passes/${passIdOf(made)}/link`, {}, home.as('oli'))
  const { link } = (await renewed.json()) as { link: string }
  const changed = await db.transaction((tx) => reapplyPassesIn(tx, before, { isNewer: false }))
  expect(changed).toStrictEqual({ changed: 1, erased: [] })
  for (const one of [made, { link }])
    expect((await guestPhone(home).look(codeOf(one))).status).toBe(404)
  for (const phone of [home.kept, home.stolen]) expect((await phone.pass()).status).toBe(401)
})

test('what was withdrawn since the backup is withdrawn again, and what was added stays', async () => {
  await using home = await withdrawnSince()
  const { db, before, kept, stolen } = home
  const added = guestPhone(home)
  await added.bind(codeOf(home.made))
  const now = await livePasses({ ...db, schemaVersion: 18 })
  await db.transaction(async (tx) => {
    await reapplyPassesIn(tx, before, { isNewer: true })
    await reapplyPassesIn(tx, now, { isNewer: true })
  })
  expect((await stolen.pass()).status).toBe(401)
  for (const phone of [kept, added]) expect((await phone.pass()).status).toBe(200)
})
