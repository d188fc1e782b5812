import { describe, expect, test } from 'bun:test'
import type { Page } from 'playwright-core'
import { PASSWORD, bearer, clientOf } from '../../support/app.ts'
import { UNLIMITED } from '../../support/binary.ts'
import { enrol } from '../../support/second-factor.ts'
import { IS_LEFT_OUT, useBrowser, useService } from '../chromium.ts'
import {
  ON_PHONE,
  PASSWORD_RULE,
  WEAK_PASSWORD,
  addAccount,
  expectCalm,
  expectFault,
  focusOn,
  look,
  noteOf,
  openAs,
  openConsole,
  tokenFor,
} from './console.ts'

describe.skipIf(IS_LEFT_OUT)('people and invitations', () => {
  const browser = useBrowser()
  const service = useService({ env: UNLIMITED }, (started) => addAccount(started, 'oli'))

  const register = (username: string, more: Readonly<Record<string, string>> = {}) =>
    clientOf(service().url).post('/register', {
      username,
      password: PASSWORD,
      phone: '0151 2345678',
      address: '1 Lock Lane',
      ...more,
    })

  const openPerson = async (page: Page, username: string): Promise<void> => {
    await page.getByRole('navigation', { name: 'Console' }).getByText('People').click()
    await page.getByRole('list', { name: 'People' }).getByText(username, { exact: true }).click()
    await page.getByRole('heading', { level: 1, name: username }).waitFor()
  }

  test('an invitation is shown once, registers people as the app does, and lists them', async () => {
    await using seen = await openAs(browser(), service(), 'oli', '/console/invitations')
    const { page } = seen
    await page.getByText('No invitations yet.').waitFor()
    await page.getByLabel('For whom').fill('Grace’s phone')
    await page.getByLabel('Valid for').selectOption({ label: '1 day' })
    await page.getByLabel('Number of accounts').fill('2')
    await look(page, 'invitation-form')
    await page.getByRole('button', { name: 'Create invitation' }).click()

    const heading = page.getByRole('heading', { name: 'Invitation for Grace’s phone' })
    await heading.waitFor()
    await focusOn(page, 'Invitation for Grace’s phone')
    const [code = '', link = ''] = await page.locator('.once code').allInnerTexts()
    expect(link).toBe(`${service().url}/join#invitation=${code}`)
    await page.getByRole('img', { name: `QR code of ${link}` }).waitFor()
    await look(page, 'invitation-once')
    expect((await register('grace', { invitation: code })).status).toBe(200)
    // As over plain HTTP, where browsers offer no clipboard.
    await page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    await page.getByRole('button', { name: 'Copy link' }).click()
    await page.getByText('Copied.').waitFor()
    await focusOn(page, 'Copy link')
    await page.getByRole('button', { name: 'Done' }).click()
    await page.getByText('Invite someone').waitFor()
    expect(await page.content()).not.toContain(code)
    await focusOn(page, 'Invite someone')
    await page.getByLabel('For whom').press('Control+V')
    expect(await page.getByLabel('For whom').inputValue()).toBe(link)

    await page.reload()
    await page.getByText('Used 1 of 2 times.').waitFor()
    await look(page, 'invitations')
    await page.getByRole('button', { name: 'Revoke: Grace’s phone' }).click()
    await page.getByRole('button', { name: 'Revoke', exact: true }).click()
    await page.getByText('revoked', { exact: true }).waitFor()
    await focusOn(page, 'All invitations')
    expect((await register('eve', { invitation: code })).status).toBe(403)

    await page.getByRole('link', { name: 'grace' }).click()
    await page.getByText('the invitation “Grace’s phone”').waitFor()
    expectCalm(seen)
  })

  test('a person is found, disabled, refused at once, and enabled again [T3]', async () => {
    for (const name of ['ada', 'bert', 'carla']) await register(name)
    await register('dora', { email: 'dora@example.org' })
    const token = await tokenFor(service(), 'ada')
    await using seen = await openAs(browser(), service(), 'oli', '/console/people', ON_PHONE)
    const { page } = seen
    const list = page.getByRole('list', { name: 'People' })
    await list.getByText('carla').waitFor()
    await look(page, 'people-list')
    await page.getByLabel('Search').fill('EXAMPLE.org')
    await page.getByRole('button', { name: 'Search' }).click()
    await page.waitForURL('**/people?text=EXAMPLE.org')
    await list.getByText('carla').waitFor({ state: 'detached' })
    await list.getByText('dora', { exact: true }).waitFor()
    expect(await list.getByRole('listitem').count()).toBe(1)
    await page.getByLabel('Role').selectOption('admin')
    await page.getByText('No matches.').waitFor()
    await page.getByRole('link', { name: 'Show all' }).click()

    await list.getByText('ada', { exact: true }).click()
    await page.getByRole('heading', { level: 1, name: 'ada' }).waitFor()
    await page.getByRole('button', { name: 'Disable', exact: true }).click()
    await page.getByRole('dialog').waitFor()
    await page.keyboard.press('Escape')
    await focusOn(page, 'Disable')
    await page.getByRole('button', { name: 'Disable', exact: true }).click()
    await look(page, 'person-disable')
    await page.getByRole('button', { name: 'Disable ada' }).click()
    await page.getByText('cannot log in or record unlocks').waitFor()
    await focusOn(page, 'Login')
    const { post } = clientOf(service().url)
    const unlocking = await post('/logUnlocking', { 'unlocking-method': 'x' }, bearer(token))
    expect(unlocking.status).toBe(401)
    await look(page, 'person-disabled')

    await page.getByRole('link', { name: 'All people' }).click()
    await list.getByText('disabled', { exact: true }).waitFor()
    await focusOn(page, 'ada')
    await page.getByLabel('Status').selectOption({ label: 'Disabled' })
    await list.getByText('carla').waitFor({ state: 'detached' })
    await list.getByText('ada', { exact: true }).click()
    await page.getByRole('button', { name: 'Enable' }).click()
    await page.getByText('ada can log in again.').waitFor()
    expect(await tokenFor(service(), 'ada')).toBeString()
    expectCalm(seen)
  })

  test('an owner changes roles; the last owner cannot be demoted, and the page says why', async () => {
    await addAccount(service(), 'rosa', 'member')
    await using seen = await openAs(browser(), service(), 'oli', '/console/people')
    const { page } = seen
    await openPerson(page, 'rosa')
    await page.getByRole('radio', { name: /^Admin/ }).check()
    await page.getByRole('button', { name: 'Change role' }).click()
    await page.getByText('rosa is now an admin.').waitFor()
    await look(page, 'person')

    await openPerson(page, 'oli')
    await page.getByText('This is you.').waitFor()
    for (const name of ['Disable', 'Create a code', 'Erase oli'])
      expect(await page.getByRole('button', { name, exact: true }).count()).toBe(0)
    await page.getByRole('radio', { name: /^Member/ }).check()
    await page.getByRole('button', { name: 'Change role' }).click()
    await page.getByText('This is the last owner').waitFor()
    await focusOn(page, 'Change role')
    await look(page, 'person-last-owner')
    expectCalm(seen, [409])
  })

  test('an admin manages members, and sees nothing beyond that', async () => {
    await addAccount(service(), 'adam', 'admin')
    await using seen = await openAs(browser(), service(), 'adam', '/console/people')
    const { page } = seen
    await openPerson(page, 'oli')
    await page.getByText('Only an owner can change admins and owners.').waitFor()
    for (const name of ['Disable', 'Create a code', 'Erase oli', 'Change role'])
      expect(await page.getByRole('button', { name, exact: true }).count()).toBe(0)
    expect(await page.getByText('Where they are logged in').count()).toBe(0)
    await page.goto('/console/security')
    await page.getByText('Nobody is locked out.').waitFor()
    await page.getByText('this session').waitFor()
    expect(await page.getByRole('heading', { level: 2 }).allInnerTexts()).toEqual([
      'Lockouts',
      'Where you are logged in',
    ])
    await page.goto('/console/security/audit')
    await page.getByRole('heading', { name: 'Page not found' }).waitFor()
    await page.goto('/console/invitations')
    await page.getByLabel('For whom').waitFor()
    expect(await page.getByLabel('Role').count()).toBe(0)
    expectCalm(seen)
  })

  test('a forgotten password: the code is shown once, and its link sets a new one [T3]', async () => {
    await addAccount(service(), 'mia', 'member')
    const token = await tokenFor(service(), 'mia')
    await using seen = await openAs(browser(), service(), 'oli', '/console/people')
    const { page } = seen
    await openPerson(page, 'mia')
    await page.getByRole('button', { name: 'Create a code' }).click()
    await page.getByRole('heading', { name: 'Code for mia' }).waitFor()
    await look(page, 'person-reset')
    const [, link = ''] = await page.locator('.once code').allInnerTexts()

    await using other = await openConsole(browser(), service(), link, ON_PHONE)
    const phone = other.page
    expect(phone.url()).toBe(`${service().url}/console/new-password`)
    expect(await phone.getByLabel('User name').inputValue()).toBe('mia')
    const password = phone.getByLabel('New password', { exact: true })
    expect(await noteOf(phone, password)).toBe(PASSWORD_RULE)
    await password.fill('mia')
    await phone.getByRole('button', { name: 'Save password' }).click()
    await expectFault(phone, password, WEAK_PASSWORD)
    expect(await phone.locator('input:focus').getAttribute('autocomplete')).toBe('new-password')
    await look(phone, 'new-password')
    await phone.getByLabel('New password', { exact: true }).fill('nine quiet green keys')
    await phone.getByRole('button', { name: 'Save password' }).click()
    await phone.getByRole('heading', { name: 'Your new password is set' }).waitFor()
    const { get, post } = clientOf(service().url)
    expect((await get('/v1/me', bearer(token))).status).toBe(401)
    const again = await post('/login', { username: 'mia', password: 'nine quiet green keys' })
    expect(again.status).toBe(200)

    await phone.goto('about:blank')
    await phone.goto(`${link}x`)
    await phone.getByLabel('New password', { exact: true }).fill('ten loud red doors')
    await phone.getByRole('button', { name: 'Save password' }).click()
    await phone.getByText('This code does not belong to this name').waitFor()
    expectCalm(other, [400, 401])
    expectCalm(seen)
  })

  test('a lost phone: sessions are ended and the second factor is turned off [T5]', async () => {
    await addAccount(service(), 'lou', 'member')
    const client = clientOf(service().url)
    const [token, second] = [await tokenFor(service(), 'lou'), await tokenFor(service(), 'lou')]
    await using seen = await openAs(browser(), service(), 'oli', '/console/people')
    const { page } = seen
    await openPerson(page, 'lou')
    const sessions = page.getByRole('list', { name: 'Sessions' }).getByRole('listitem')
    await sessions.nth(1).waitFor()
    await page.getByRole('button', { name: 'End session' }).last().click()
    await page.getByText('Session ended.').waitFor()
    await sessions.nth(1).waitFor({ state: 'detached' })
    await focusOn(page, 'Where they are logged in')
    const answers = await Promise.all(
      [token, second].map((one) => client.get('/v1/me', bearer(one))),
    )
    expect(answers.filter(({ ok }) => ok)).toHaveLength(1)

    await enrol(client, await tokenFor(service(), 'lou'))
    await page.reload()
    await page.getByRole('button', { name: 'Turn off second factor' }).click()
    await page.getByRole('button', { name: 'Turn off', exact: true }).click()
    await page.getByText('lou is not logged in anywhere.').waitFor()
    expect(await tokenFor(service(), 'lou')).toBeString()
    expectCalm(seen)
  })

  test('erasing warns that it cannot be undone, and needs the name [D7]', async () => {
    await addAccount(service(), 'zoe', 'member')
    const token = await tokenFor(service(), 'zoe')
    await using seen = await openAs(browser(), service(), 'oli', '/console/people', ON_PHONE)
    const { page } = seen
    await openPerson(page, 'zoe')
    await page.getByRole('button', { name: 'Erase zoe' }).click()
    const dialog = page.getByRole('dialog', { name: 'Erase zoe?' })
    await dialog.getByText('This cannot be undone.').waitFor()
    await dialog.getByLabel('Type zoe').fill('zo')
    await dialog.getByRole('button', { name: 'Erase zoe' }).click()
    await dialog.getByText('This is not the name.').waitFor()
    await look(page, 'person-erase')
    expect((await clientOf(service().url).get('/v1/me', bearer(token))).status).toBe(200)
    await dialog.getByLabel('Type zoe').fill('zoe')
    await dialog.getByRole('button', { name: 'Erase zoe' }).click()
    await page.getByText('zoe is erased.').waitFor()
    await page.getByRole('heading', { level: 1, name: 'People' }).waitFor()
    await page.getByRole('list', { name: 'People' }).getByText('zoe').waitFor({ state: 'detached' })
    expect((await clientOf(service().url).get('/v1/me', bearer(token))).status).toBe(401)
    await page.goto('/console/people/6f1b4e0a-5a7e-4d0e-9a3b-0f5f6c2d7e81')
    await page.getByRole('heading', { name: 'No such account' }).waitFor()
    expectCalm(seen, [404])
  })
})
