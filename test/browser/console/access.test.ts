import { describe, expect, test } from 'bun:test'
import { PASSWORD, bearer, clientOf } from '../../support/app.ts'
import { UNLIMITED } from '../../support/binary.ts'
import { IS_LEFT_OUT, useBrowser, useService } from '../chromium.ts'
import {
  ON_PHONE,
  addAccount,
  expectCalm,
  focusOn,
  look,
  noteOf,
  openAs,
  tokenFor,
} from './console.ts'

describe.skipIf(IS_LEFT_OUT)('who may open which door', () => {
  const browser = useBrowser()
  const service = useService({ env: UNLIMITED }, async (started) => {
    await addAccount(started, 'oli')
    await addAccount(started, 'adam', 'admin')
    await addAccount(started, 'mia', 'member')
  })

  const as = async (username: string) => bearer(await tokenFor(service(), username))

  type Grant = { readonly id: string; readonly words: string }

  const grants = async (query: string): Promise<readonly Grant[]> => {
    const answer = await clientOf(service().url).get(`/v1/grants?${query}`, await as('oli'))
    return ((await answer.json()) as { grants: Grant[] }).grants
  }

  const register = async (username: string): Promise<void> => {
    const person = { username, password: PASSWORD, phone: '1', address: 'x' }
    expect((await clientOf(service().url).post('/register', person)).status).toBe(200)
  }

  test('the first card says what an update opened, until that is kept or restricted', async () => {
    await using seen = await openAs(browser(), service(), 'oli', '/console', ON_PHONE)
    const { page } = seen
    const first = page.getByRole('region', { name: 'Members may open these doors at any time' })
    await first.waitFor()
    await look(page, 'today-first-access')
    await first.getByRole('link', { name: 'Restrict it' }).click()
    await page.getByRole('heading', { level: 1, name: 'Rule' }).waitFor()
    await page.getByRole('button', { name: 'Change' }).waitFor()
    await page.goBack()
    await first.getByRole('button', { name: 'Keep it as it is' }).click()
    await first.waitFor({ state: 'detached' })
    await page.reload()
    await page.getByText('All unlocks').or(page.getByText('No unlocks yet')).first().waitFor()
    await page.getByRole('region', { name: /well|look at|attention/ }).waitFor()
    expect(await first.count()).toBe(0)
    expectCalm(seen)
  })

  test('the sentence and the next openings follow what somebody types', async () => {
    await register('Eva')
    await using seen = await openAs(browser(), service(), 'adam', '/console/access', ON_PHONE)
    const { page } = seen
    await page.getByRole('link', { name: 'Give access' }).click()
    await page.getByRole('heading', { level: 1, name: 'Give access' }).waitFor()
    const preview = page.getByRole('status', { name: 'Preview' })
    await preview.getByText('Choose a person or role.').waitFor()
    // An admin gives access to members only.
    const who = page.getByLabel('Who')
    await who.locator('option', { hasText: 'Eva' }).waitFor({ state: 'attached' })
    expect(await who.locator('option').allInnerTexts()).toEqual([
      'Choose…',
      'All members, admins and owners',
      'Eva (waiting to be let in)',
      'mia',
    ])
    await who.selectOption({ label: 'Eva (waiting to be let in)' })
    await page.getByText('This also lets Eva in.').waitFor()
    await preview.getByText('Choose at least one door.').waitFor()
    await page.getByRole('button', { name: 'Give access' }).click()
    await page
      .getByRole('group', { name: 'Which doors' })
      .getByText('Choose at least one door.')
      .waitFor()
    await page.getByLabel('Front door').check()
    await preview.getByText(/^Eva · Front door/).waitFor()

    await page.getByRole('radio', { name: /^At certain hours/ }).check()
    for (const day of ['Monday', 'Wednesday', 'Friday']) await page.getByLabel(day).uncheck()
    const hours = page.getByRole('group', { name: 'When', exact: true }).first()
    await hours.getByLabel('From').fill('09:00')
    await hours.getByLabel('Until').fill('13:00')
    await preview.getByText(/Tue and Thu 09:00.13:00/).waitFor()
    const openings = preview.getByRole('list', { name: 'Next openings' }).getByRole('listitem')
    expect(await openings.count()).toBe(5)
    for (const opening of await openings.allInnerTexts()) expect(opening).toContain('09:00–13:00')
    await page.getByText('Holidays, number of visits').click()
    await page.getByLabel('On holidays').selectOption('Closed on holidays')
    await preview.getByText('closed on holidays').waitFor()
    // Hours do not keep out who may come at any time as a member.
    await preview.getByText('These rules hold for Eva too.').waitFor()
    await preview.getByText('All members · Front door · always').waitFor()
    await look(page, 'access-new')

    await page.getByLabel('Last day').fill('2020-01-01')
    await page.getByLabel('First day').fill('2020-02-01')
    await preview.getByText(/^Eva ·/).waitFor({ state: 'detached' })
    await preview.getByText('Something above is not right yet.').waitFor()
    expect(await noteOf(page, page.getByLabel('Last day'))).toBe('It would end before it starts.')
    expect(await page.getByText('Choose at least one door.').count()).toBe(0)
    await look(page, 'access-new-fault')
    await page.getByLabel('First day').fill('')
    await page.getByText('This day has passed.').waitFor()
    for (const day of ['Tuesday', 'Thursday']) await page.getByLabel(day).uncheck()
    await hours.getByText('Choose at least one day.').waitFor()
    for (const day of ['Tuesday', 'Thursday']) await page.getByLabel(day).check()
    await page.getByLabel('Last day').fill('2099-03-31')
    await preview.getByText(/until 31 March 2099/).waitFor()
    await page.getByRole('button', { name: 'Give access' }).click()
    await page.getByText('Access given.').waitFor()
    await page.getByRole('heading', { level: 1, name: 'Rule' }).waitFor()
    await focusOn(page, 'Rule')
    await page.getByText(/Eva.*until 31 March 2099/).waitFor()
    await page.getByRole('link', { name: 'All members · Front door · always' }).waitFor()
    expect(await page.getByRole('link', { name: /^Eva ·/ }).count()).toBe(0)
    await look(page, 'access-grant')
    const eva = await clientOf(service().url).get('/v1/me', await as('Eva'))
    expect(await eva.json()).toMatchObject({ admitted: true })

    await page.getByRole('link', { name: 'Eva’s page' }).click()
    const mayOpen = page.getByRole('region', { name: 'May open' })
    await mayOpen.getByRole('list', { name: 'Doors' }).getByText('Front door').waitFor()
    await mayOpen
      .getByRole('list', { name: 'Access' })
      .getByText(/Tue and Thu/)
      .waitFor()
    await look(page, 'person-may-open')
    await mayOpen.getByRole('link', { name: 'Give Eva access' }).click()
    await who.locator('option', { hasText: 'Eva' }).waitFor({ state: 'attached' })
    expect(
      await who.evaluate(
        (select: { selectedOptions: ArrayLike<{ text: string }> }) =>
          select.selectedOptions[0]?.text,
      ),
    ).toBe('Eva')
    // How often the preview asked depends on how fast somebody types.
    expectCalm({ ...seen, faults: seen.faults.filter((fault) => !fault.includes('status of 400')) })
  })

  test('two people change it at once: the second is told to reload', async () => {
    const [grant] = await grants('state=now')
    await using seen = await openAs(browser(), service(), 'oli', `/console/access/${grant?.id}`)
    const { page } = seen
    await page.getByRole('button', { name: 'Change' }).click()
    // What it uses is not folded away.
    await page.getByLabel('Number of visits').waitFor()
    const { get, patch } = clientOf(service().url)
    const path = `/v1/grants/${grant?.id}`
    const { version } = (await (await get(path, await as('adam'))).json()) as { version: number }
    const change = { ...(await as('adam')), 'if-match': `"${version}"` }
    expect((await patch(path, { uses: 7 }, change)).status).toBe(200)
    await page.getByLabel('Number of visits').fill('3')
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByText('Somebody changed this a moment ago.').waitFor()
    await look(page, 'access-outdated')
    await page.getByRole('button', { name: 'Reload' }).click()
    await page.getByText('used 0 of 7').waitFor()
    expect(await page.getByLabel('Number of visits').inputValue()).toBe('7')
    await page.getByLabel('Number of visits').fill('3')
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByText('used 0 of 3').waitFor()
    expectCalm(seen, [412])
  })

  test('it is revoked for a reason, and stays in the list of revoked rules', async () => {
    const [grant] = await grants('state=now')
    await using seen = await openAs(
      browser(),
      service(),
      'oli',
      `/console/access/${grant?.id}`,
      ON_PHONE,
    )
    const { page } = seen
    await page.getByRole('button', { name: 'Revoke', exact: true }).click()
    await page.getByLabel('Why?').fill('The job is done')
    await look(page, 'access-revoke')
    await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click()
    await page.getByText('It can no longer be changed.').waitFor()
    await page.getByText('Revoked because: The job is done').waitFor()
    await page.getByRole('link', { name: 'All access' }).click()
    const list = page.getByRole('list', { name: 'Access' })
    await list.getByText(/^All members/).waitFor()
    expect(await list.getByText('Eva').count()).toBe(0)
    await look(page, 'access')
    await page.getByRole('link', { name: 'Revoked' }).click()
    await list.getByText('Eva').waitFor()
    await page.getByRole('link', { name: 'Later' }).click()
    await page.getByText('No rule starts later.').waitFor()
    expectCalm(seen)
  })

  test('a member sees what they may open, and nothing about others', async () => {
    await using seen = await openAs(browser(), service(), 'mia', '/console/myself', ON_PHONE)
    const { page } = seen
    const own = page.getByRole('region', { name: 'What I may open' })
    await own.getByText('open now').waitFor()
    await look(page, 'myself-may-open')
    await own.getByRole('link', { name: 'Front door' }).click()
    await page.getByRole('heading', { name: 'Yes' }).waitFor()
    for (const path of ['access', 'access/new', 'holidays']) {
      await page.goto(`/console/${path}`)
      await page.getByRole('heading', { name: 'Page not found' }).waitFor()
    }
    await page.goto('/console/doors/front-door')
    await page.getByText('When you may open it').first().waitFor()
    expect(await page.getByText('Settings').count()).toBe(0)
    await look(page, 'door-member')
    expectCalm(seen)
  })
})
