import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import type { Browser, Page } from 'playwright-core'
import { PASSWORD, bearer, clientOf } from '../../support/app.ts'
import { type Service, UNLIMITED, startService } from '../../support/binary.ts'
import { enrol } from '../../support/second-factor.ts'
import { IS_LEFT_OUT, startChromium } from '../chromium.ts'
import {
  PHONE,
  TEST_MS_MAX,
  addAccount,
  expectCalm,
  look,
  openConsole,
  signIn,
  tokenFor,
} from './console.ts'

describe.skipIf(IS_LEFT_OUT)('people and invitations', () => {
  let browser: Browser
  let service: Service

  beforeAll(async () => {
    browser = await startChromium()
    service = await startService({ env: UNLIMITED })
    await addAccount(service, 'oli')
  }, TEST_MS_MAX)

  afterAll(async () => {
    await browser?.close()
    await service?.stop()
  }, TEST_MS_MAX)

  const register = (username: string, more: Readonly<Record<string, string>> = {}) =>
    clientOf(service.url).post('/register', {
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

  test(
    'an invitation is shown once, registers by the app’s contract, and names whom it brought',
    async () => {
      await using seen = await openConsole(browser, service, '/console/invitations')
      const { page } = seen
      await signIn(page, 'oli')
      await page.getByText('Nobody was invited yet.').waitFor()
      await page.getByLabel('For whom').fill('Grace’s phone')
      await page.getByLabel('Good for').selectOption({ label: 'a day' })
      await page.getByLabel('Accounts it makes').fill('2')
      await look(page, 'invitation-form')
      await page.getByRole('button', { name: 'Make an invitation' }).click()

      const heading = page.getByRole('heading', { name: 'Invitation for Grace’s phone' })
      await heading.waitFor()
      await focusOn(page, 'Invitation for Grace’s phone')
      const [code = '', link = ''] = await page.locator('.once code').allInnerTexts()
      expect(link).toBe(`${service.url}/join#invitation=${code}`)
      await page.getByRole('img', { name: `QR code of ${link}` }).waitFor()
      await look(page, 'invitation-once')
      expect((await register('grace', { invitation: code })).status).toBe(200)
      // As on plain HTTP, where browsers keep their clipboard closed.
      await page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
      await page.getByRole('button', { name: 'Copy the link' }).click()
      await page.getByText('Copied the link.').waitFor()
      await focusOn(page, 'Copy the link')
      await page.getByRole('button', { name: 'Done' }).click()
      await page.getByText('Invite somebody').waitFor()
      expect(await page.content()).not.toContain(code)
      await focusOn(page, 'Invite somebody')
      await page.getByLabel('For whom').press('Control+V')
      expect(await page.getByLabel('For whom').inputValue()).toBe(link)

      await page.reload()
      await page.getByText('used 1 of 2 times').waitFor()
      await look(page, 'invitations')
      await page.getByRole('button', { name: 'Revoke: Grace’s phone' }).click()
      await page.getByRole('button', { name: 'Revoke it' }).click()
      await page.getByText('revoked', { exact: true }).waitFor()
      await focusOn(page, 'Earlier invitations')
      expect((await register('eve', { invitation: code })).status).toBe(403)

      await page.getByRole('link', { name: 'grace' }).click()
      await page.getByText('the invitation “Grace’s phone”').waitFor()
      expectCalm(seen)
    },
    TEST_MS_MAX,
  )

  test(
    'a person is found, disabled, at once refused, and enabled again [T3]',
    async () => {
      for (const name of ['ada', 'bert', 'carla']) await register(name)
      await register('dora', { email: 'dora@example.org' })
      const token = await tokenFor(service, 'ada')
      await using seen = await openConsole(browser, service, '/console/people', {
        viewport: PHONE,
      })
      const { page } = seen
      await signIn(page, 'oli')
      const list = page.getByRole('list', { name: 'People' })
      await list.getByText('carla').waitFor()
      await look(page, 'people-list')
      await page.getByLabel('Search').fill('EXAMPLE.org')
      await page.getByRole('button', { name: 'Show' }).click()
      await page.waitForURL('**/people?text=EXAMPLE.org')
      await list.getByText('carla').waitFor({ state: 'detached' })
      await list.getByText('dora', { exact: true }).waitFor()
      expect(await list.getByRole('listitem').count()).toBe(1)
      await page.getByLabel('Role').selectOption('admin')
      await page.getByText('Nobody fits this.').waitFor()
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
      await page.getByText('can neither sign in nor open the door').waitFor()
      await focusOn(page, 'Signing in')
      const { post } = clientOf(service.url)
      const unlocking = await post('/logUnlocking', { 'unlocking-method': 'x' }, bearer(token))
      expect(unlocking.status).toBe(401)
      await look(page, 'person-disabled')

      await page.getByRole('link', { name: 'All people' }).click()
      await list.getByText('disabled', { exact: true }).waitFor()
      await focusOn(page, 'ada')
      await page.getByLabel('Signing in').selectOption({ label: 'Disabled' })
      await list.getByText('carla').waitFor({ state: 'detached' })
      await list.getByText('ada', { exact: true }).click()
      await page.getByRole('button', { name: 'Enable' }).click()
      await page.getByText('ada can sign in again.').waitFor()
      expect(await tokenFor(service, 'ada')).toBeString()
      expectCalm(seen)
    },
    TEST_MS_MAX,
  )

  test(
    'an owner gives roles; the last owner cannot be lowered, and the page says why',
    async () => {
      await addAccount(service, 'rosa', 'member')
      await using seen = await openConsole(browser, service, '/console/people')
      const { page } = seen
      await signIn(page, 'oli')
      await openPerson(page, 'rosa')
      await page.getByRole('radio', { name: /^Admin/ }).check()
      await page.getByRole('button', { name: 'Give this role' }).click()
      await page.getByText('rosa is admin now.').waitFor()
      await look(page, 'person')

      await openPerson(page, 'oli')
      await page.getByText('This is you.').waitFor()
      for (const name of ['Disable', 'Make a code', 'Erase oli'])
        expect(await page.getByRole('button', { name, exact: true }).count()).toBe(0)
      await page.getByRole('radio', { name: /^Member/ }).check()
      await page.getByRole('button', { name: 'Give this role' }).click()
      await page.getByText('This is the last owner').waitFor()
      await focusOn(page, 'Give this role')
      await look(page, 'person-last-owner')
      expectCalm(seen, [409])
    },
    TEST_MS_MAX,
  )

  test(
    'an admin looks after members, and is shown no more than that',
    async () => {
      await addAccount(service, 'adam', 'admin')
      await using seen = await openConsole(browser, service, '/console/people')
      const { page } = seen
      await signIn(page, 'adam')
      await openPerson(page, 'oli')
      await page.getByText('Only an owner changes admins and owners.').waitFor()
      for (const name of ['Disable', 'Make a code', 'Erase oli', 'Give this role'])
        expect(await page.getByRole('button', { name, exact: true }).count()).toBe(0)
      await page.goto('/console/security')
      await page.getByText('Nobody has to wait.').waitFor()
      await page.getByText('this one').waitFor()
      expect(await page.getByRole('heading', { level: 2 }).allInnerTexts()).toEqual([
        'Who has to wait',
        'Where you are signed in',
      ])
      await page.goto('/console/security/audit')
      await page.getByRole('heading', { name: 'No such page' }).waitFor()
      await page.goto('/console/invitations')
      await page.getByLabel('For whom').waitFor()
      expect(await page.getByLabel('Role').count()).toBe(0)
      expectCalm(seen)
    },
    TEST_MS_MAX,
  )

  test(
    'a forgotten password: the code is shown once, and its link chooses another [T3]',
    async () => {
      await addAccount(service, 'mia', 'member')
      const token = await tokenFor(service, 'mia')
      await using seen = await openConsole(browser, service, '/console/people')
      const { page } = seen
      await signIn(page, 'oli')
      await openPerson(page, 'mia')
      await page.getByRole('button', { name: 'Make a code' }).click()
      await page.getByRole('heading', { name: 'A code for mia' }).waitFor()
      await look(page, 'person-reset')
      const [, link = ''] = await page.locator('.once code').allInnerTexts()

      await using other = await openConsole(browser, service, link, { viewport: PHONE })
      const phone = other.page
      expect(phone.url()).toBe(`${service.url}/console/new-password`)
      expect(await phone.getByLabel('User name').inputValue()).toBe('mia')
      await phone.getByLabel('New password', { exact: true }).fill('mia')
      await phone.getByRole('button', { name: 'Choose it' }).click()
      await phone.getByText('too easy to guess').waitFor()
      expect(await phone.locator('input:focus').getAttribute('autocomplete')).toBe('new-password')
      await look(phone, 'new-password')
      await phone.getByLabel('New password', { exact: true }).fill('nine quiet green keys')
      await phone.getByRole('button', { name: 'Choose it' }).click()
      await phone.getByRole('heading', { name: 'The new password counts' }).waitFor()
      const { get, post } = clientOf(service.url)
      expect((await get('/v1/me', bearer(token))).status).toBe(401)
      const again = await post('/login', { username: 'mia', password: 'nine quiet green keys' })
      expect(again.status).toBe(200)

      await phone.goto('about:blank')
      await phone.goto(`${link}x`)
      await phone.getByLabel('New password', { exact: true }).fill('ten loud red doors')
      await phone.getByRole('button', { name: 'Choose it' }).click()
      await phone.getByText('This code does not fit the name').waitFor()
      expectCalm(other, [400, 401])
      expectCalm(seen)
    },
    TEST_MS_MAX,
  )

  test(
    'a lost phone: sessions are ended and the second factor is turned off [T5]',
    async () => {
      await addAccount(service, 'lou', 'member')
      const client = clientOf(service.url)
      const [token, second] = [await tokenFor(service, 'lou'), await tokenFor(service, 'lou')]
      await using seen = await openConsole(browser, service, '/console/people')
      const { page } = seen
      await signIn(page, 'oli')
      await openPerson(page, 'lou')
      const sessions = page.getByRole('list', { name: 'Sessions' }).getByRole('listitem')
      await sessions.nth(1).waitFor()
      await page.getByRole('button', { name: 'End the session' }).last().click()
      await page.getByText('Session ended.').waitFor()
      await sessions.nth(1).waitFor({ state: 'detached' })
      await focusOn(page, 'Where they are signed in')
      const answers = await Promise.all(
        [token, second].map((one) => client.get('/v1/me', bearer(one))),
      )
      expect(answers.filter(({ ok }) => ok)).toHaveLength(1)

      await enrol(client, await tokenFor(service, 'lou'))
      await page.reload()
      await page.getByRole('button', { name: 'Turn second factor off' }).click()
      await page.getByRole('button', { name: 'Turn it off' }).click()
      await page.getByText('lou is signed in nowhere.').waitFor()
      expect(await tokenFor(service, 'lou')).toBeString()
      expectCalm(seen)
    },
    TEST_MS_MAX,
  )

  test(
    'erasing tells what cannot be undone, and needs the name typed [D7]',
    async () => {
      await addAccount(service, 'zoe', 'member')
      const token = await tokenFor(service, 'zoe')
      await using seen = await openConsole(browser, service, '/console/people', { viewport: PHONE })
      const { page } = seen
      await signIn(page, 'oli')
      await openPerson(page, 'zoe')
      await page.getByRole('button', { name: 'Erase zoe' }).click()
      const dialog = page.getByRole('dialog', { name: 'Erase zoe?' })
      await dialog.getByText('This cannot be undone.').waitFor()
      await dialog.getByLabel('Type the name').fill('zo')
      await dialog.getByRole('button', { name: 'Erase zoe' }).click()
      await dialog.getByText('This is not the name.').waitFor()
      await look(page, 'person-erase')
      expect((await clientOf(service.url).get('/v1/me', bearer(token))).status).toBe(200)
      await dialog.getByLabel('Type the name').fill('zoe')
      await dialog.getByRole('button', { name: 'Erase zoe' }).click()
      await page.getByText('zoe is erased.').waitFor()
      await page.getByRole('heading', { level: 1, name: 'People' }).waitFor()
      await page
        .getByRole('list', { name: 'People' })
        .getByText('zoe')
        .waitFor({ state: 'detached' })
      expect((await clientOf(service.url).get('/v1/me', bearer(token))).status).toBe(401)
      await page.goto('/console/people/6f1b4e0a-5a7e-4d0e-9a3b-0f5f6c2d7e81')
      await page.getByRole('heading', { name: 'No such person' }).waitFor()
      expectCalm(seen, [404])
    },
    TEST_MS_MAX,
  )
})

/** Waits until the keyboard is where the text is. */
const focusOn = async (page: Page, text: string): Promise<void> => {
  const deadline = performance.now() + FOCUS_MS_MAX
  while (performance.now() < deadline && !(await focusedText(page)).startsWith(text))
    await Bun.sleep(20)
  expect(await focusedText(page)).toStartWith(text)
}

const FOCUS_MS_MAX = 60_000

const focusedText = (page: Page): Promise<string> =>
  page.evaluate('document.activeElement?.textContent ?? ""')
