import { describe, expect, test } from 'bun:test'
import { PASSWORD, bearer, clientOf } from '../../support/app.ts'
import { UNLIMITED } from '../../support/binary.ts'
import { IS_LEFT_OUT, useBrowser, useService, visit } from '../chromium.ts'
import { PHONE } from '../looks.ts'
import { ON_PHONE, addAccount, expectCalm, focusOn, look, openAs, tokenFor } from './console.ts'

describe.skipIf(IS_LEFT_OUT)('people who wait to be let in', () => {
  const browser = useBrowser()
  const service = useService({ env: { ...UNLIMITED, TRUSTED_PROXIES: '127.0.0.1' } }, (started) =>
    addAccount(started, 'oli'),
  )

  const register = async (
    username: string,
    phone: string,
    address: string,
    headers: Record<string, string> = {},
  ) => {
    const body = { username, password: PASSWORD, phone, address }
    expect((await clientOf(service().url).post('/register', body, headers)).status).toBe(200)
  }

  const me = async (token: string) =>
    (await clientOf(service().url).get('/v1/me', bearer(token))).json()

  test('are shown today with phone, address and time, and are let in or refused', async () => {
    await using seen = await openAs(browser(), service(), 'oli', '/console', ON_PHONE)
    const { page } = seen
    await page.getByText('No unlocks in the last 30 days.').waitFor()
    expect(await page.getByText('want in').count()).toBe(0)

    await register('Grace', '0151 2345678', '1 Lock Lane, Little Doorstep')
    const grace = await tokenFor(service(), 'Grace')
    await page.reload()
    const one = page.getByRole('region', { name: 'Grace wants in' })
    await one.waitFor()
    for (const text of ['0151 2345678', '1 Lock Lane, Little Doorstep', /Registered (just now|\d)/])
      await one.getByText(text).waitFor()
    await look(page, 'today-waiting')

    await register('maximilianofthelongnameandhiswholefamilyandfriends', '', '')
    await register('eve', '0170 9999999', '66 Elsewhere Street')
    await page.reload()
    await page.getByRole('heading', { name: '3 people want in' }).waitFor()
    await page.getByText('No phone number').waitFor()
    await look(page, 'today-waiting-several')

    await page.getByRole('button', { name: 'Let in: Grace' }).click()
    await page.getByText('Grace is in.').waitFor()
    await page.getByRole('heading', { name: '2 people want in' }).waitFor()
    await focusOn(page, '2 people want in')
    expect(await me(grace)).toMatchObject({ admitted: true })

    const eve = await tokenFor(service(), 'eve')
    await page.getByRole('button', { name: 'Refuse: eve' }).click()
    await page.getByRole('dialog', { name: 'Refuse eve?' }).waitFor()
    await look(page, 'today-refuse')
    await page.keyboard.press('Escape')
    await focusOn(page, 'Refuse')
    await page.getByRole('button', { name: 'Refuse: eve' }).click()
    await page.getByRole('button', { name: 'Refuse eve' }).click()
    await page.getByText('eve is refused.').waitFor()
    await page.getByRole('heading', { name: /^maximilian.* wants in$/ }).waitFor()
    expect((await clientOf(service().url).get('/v1/me', bearer(eve))).status).toBe(401)

    await page.getByRole('button', { name: /^Let in: maximilian/ }).click()
    await page.getByRole('heading', { name: 'Nobody is waiting' }).waitFor()
    await focusOn(page, 'Nobody is waiting')
    await page.reload()
    await page.getByText('No unlocks in the last 30 days.').waitFor()
    expect(await page.getByText('Nobody is waiting').count()).toBe(0)
    expectCalm(seen)
  })

  test('are marked in the list of people, found by status, let in on their page, and made to wait again', async () => {
    await register('kay', '0160 1', '7 Key Court')
    await addAccount(service(), 'amy', 'admin')
    await using seen = await openAs(browser(), service(), 'amy', '/console/people')
    const { page } = seen
    await page.getByRole('heading', { name: 'kay wants in' }).waitFor()
    const list = page.getByRole('list', { name: 'People' })
    await list.getByText('waiting', { exact: true }).waitFor()
    await look(page, 'people-waiting')
    await page.getByLabel('Status').selectOption({ label: 'Waiting to be let in' })
    await page.waitForURL('**/people?**admitted=false**')
    await list.getByText('oli', { exact: true }).waitFor({ state: 'detached' })
    await list.getByText('kay', { exact: true }).waitFor()
    expect(await list.getByRole('listitem').count()).toBe(1)

    await list.getByText('kay', { exact: true }).click()
    await page.getByText('kay is waiting to be let in.').waitFor()
    await look(page, 'person-waiting')
    await page.getByRole('button', { name: 'Let in' }).click()
    await page.getByText('kay has been let in.').waitFor()
    await focusOn(page, 'Admission')
    await page.getByRole('button', { name: 'Make wait' }).click()
    await page.getByRole('button', { name: 'Make kay wait' }).click()
    await page.getByText('kay is waiting to be let in.', { exact: true }).first().waitFor()
    expect(await me(await tokenFor(service(), 'kay'))).toMatchObject({ admitted: false })
    expectCalm(seen)
  })

  test('are told so in one sentence, and no longer once they are in', async () => {
    await register('ben', '0160 2', '8 Key Court')
    await using seen = await openAs(browser(), service(), 'ben', '/console', ON_PHONE)
    const { page } = seen
    const note = page.getByText('no door opens for you until an owner or admin lets you in')
    await note.waitFor()
    await look(page, 'waiting-member')
    const { get, patch } = clientOf(service().url)
    const owner = bearer(await tokenFor(service(), 'oli'))
    const found = (await (await get('/v1/people?text=ben', owner)).json()) as {
      people: { id: string }[]
    }
    await patch(`/v1/people/${found.people[0]?.id}`, { admitted: true }, owner)
    await page.reload()
    await page.getByRole('heading', { level: 1 }).waitFor()
    expect(await note.count()).toBe(0)
    expectCalm(seen)
  })

  test('are all one link away if there are more than five', async () => {
    for (let person = 1; person <= 6; person += 1)
      await register(`visitor-${person}`, `0170 ${person}`, '9 Key Court')
    await using seen = await openAs(browser(), service(), 'oli')
    const { page } = seen
    await page.getByRole('heading', { name: 'More than 5 people want in' }).waitFor()
    await page.getByRole('link', { name: 'Everyone who is waiting' }).click()
    const list = page.getByRole('list', { name: 'People' })
    for (let person = 1; person <= 6; person += 1)
      await list.getByText(`visitor-${person}`, { exact: true }).waitFor()
    expect(await list.getByText('oli', { exact: true }).count()).toBe(0)
    expectCalm(seen)
  })

  test('are erased at once if they are a flood: those from one address, or everyone', async () => {
    const proxied = { 'x-forwarded-for': '2001:db8:1234:5678::7' }
    for (let person = 1; person <= 9; person += 1)
      await register(`squat-${person}`, '0', '0', person % 3 === 0 ? proxied : undefined)
    await using seen = await openAs(browser(), service(), 'oli', '/console', ON_PHONE)
    const { page } = seen
    await page.getByRole('heading', { name: 'More than 5 people want in' }).waitFor()
    await page.getByText('from 127.0.0.1').first().waitFor()
    await look(page, 'today-waiting-flood')

    await page.getByRole('button', { name: 'Erase everyone from 2001:db8:1234:5678::' }).click()
    await page.getByRole('dialog', { name: 'Erase everyone from 2001:db8:1234:5678::?' }).waitFor()
    await look(page, 'today-erase-waiting')
    await page.keyboard.press('Escape')
    await focusOn(page, 'Erase everyone from')
    await page.getByRole('button', { name: 'Erase everyone from 2001:db8:1234:5678::' }).click()
    await page.getByRole('button', { name: 'Erase everyone', exact: true }).click()
    await page.getByText('3 people are erased.').waitFor()
    await focusOn(page, 'More than 5 people want in')

    await page.getByRole('button', { name: 'Erase everyone who is waiting' }).click()
    await page.getByRole('button', { name: 'Erase everyone', exact: true }).click()
    await page
      .getByText(/^\d+ people are erased\.$/)
      .last()
      .waitFor()
    const owner = bearer(await tokenFor(service(), 'oli'))
    const list = await clientOf(service().url).get('/v1/people?text=squat', owner)
    expect(await list.json()).toMatchObject({ people: [] })
    expectCalm(seen)
  })

  test('learn it when they register on the page', async () => {
    await using seen = await visit(browser(), service().url, { viewport: PHONE })
    const { page } = seen
    await page.goto('/join')
    await page.getByLabel('User name').fill('ned')
    await page.getByLabel('Password', { exact: true }).fill(PASSWORD)
    await page.getByRole('button', { name: 'Register' }).click()
    await page.getByText('Welcome, ned!').waitFor()
    await page.getByText('An owner or admin still has to let you in.').waitFor()
    expectCalm(seen)
  })
})
