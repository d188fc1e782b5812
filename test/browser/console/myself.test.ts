import { describe, expect, test } from 'bun:test'
import type { Page } from 'playwright-core'
import { PASSWORD, bearer, clientOf } from '../../support/app.ts'
import { UNLIMITED, startService } from '../../support/binary.ts'
import { codeAt, nextCode } from '../../support/second-factor.ts'
import { IS_LEFT_OUT, useBrowser, useService } from '../chromium.ts'
import {
  PASSWORD_RULE,
  WEAK_PASSWORD,
  expectFault,
  noteOf,
  ON_PHONE,
  addAccount,
  expectCalm,
  fillIn,
  logIn,
  look,
  openAs,
  openConsole,
  sections,
  tokenFor,
} from './console.ts'

const NEW_PASSWORD = 'nine quiet green keys'

describe.skipIf(IS_LEFT_OUT)('myself', () => {
  const browser = useBrowser()
  const service = useService({ env: UNLIMITED }, (started) => addAccount(started, 'oli'))

  const statusOf = async (token: string): Promise<number> =>
    (await clientOf(service().url).get('/v1/me', bearer(token))).status

  test('a member edits their contact details, and a new password ends their other sessions [T3]', async () => {
    await addAccount(service(), 'mia', 'member')
    const token = await tokenFor(service(), 'mia')
    await using seen = await openConsole(browser(), service(), '/console/myself', ON_PHONE)
    const { page } = seen
    const requested: string[] = []
    page.on('request', (request) => requested.push(new URL(request.url()).pathname))
    await logIn(page, 'mia')
    await page.getByLabel('Phone').fill('0151 2345678')
    await page.getByLabel('Email').fill('mia@example.org')
    await page.getByRole('button', { name: 'Save', exact: true }).click()
    await page.getByText('Saved.').waitFor()
    const me = await (await clientOf(service().url).get('/v1/me', bearer(token))).json()
    expect(me).toMatchObject({ phone: '0151 2345678', email: 'mia@example.org' })
    await look(page, 'myself')

    const change = async (current: string, chosen: string): Promise<void> => {
      await page.getByLabel('Current password', { exact: true }).fill(current)
      await page.getByLabel('New password', { exact: true }).fill(chosen)
      await page.getByRole('button', { name: 'Change password' }).click()
    }
    const focused = page.locator('input:focus')
    const chosen = page.getByLabel('New password', { exact: true })
    expect(await noteOf(page, chosen)).toBe(PASSWORD_RULE)
    await change('wrong horse battery', NEW_PASSWORD)
    await page.getByText('This is not your password.').waitFor()
    expect(await focused.getAttribute('autocomplete')).toBe('current-password')
    await change(PASSWORD, 'mia')
    await expectFault(page, chosen, WEAK_PASSWORD)
    expect(await focused.getAttribute('autocomplete')).toBe('new-password')
    await look(page, 'myself-password')
    await change(PASSWORD, NEW_PASSWORD)
    await page.getByText('Password changed.').waitFor()
    expect(await statusOf(token)).toBe(401)

    const begun = page.waitForEvent('download')
    await page.getByRole('button', { name: 'Export my data' }).click()
    const file = await begun
    expect(file.suggestedFilename()).toBe('secure-lock-account.json')
    expect(await Bun.file(await file.path()).json()).toMatchObject({
      account: { username: 'mia', phone: '0151 2345678' },
    })
    // The page requests nothing about anyone else.
    const own =
      /^\/v1\/(me|sessions|gateway|session|setup|locks|grants|targets)(\/|$)|^\/(console|livez)/
    expect(requested.filter((path) => !own.test(path))).toEqual([])
    expectCalm(seen, [403, 400])
  })

  test('a member sees no page of an admin, and the page requests none, whatever address they type [A2]', async () => {
    await addAccount(service(), 'max', 'member')
    await using seen = await openConsole(browser(), service())
    const { page } = seen
    const refused: string[] = []
    page.on('response', (answer) => {
      if (answer.status() === 403) refused.push(answer.url())
    })
    await logIn(page, 'max')
    const places = sections(page)
    expect(await places.allInnerTexts()).toEqual(['Doors', 'My unlocks', 'Myself'])
    const id = '6f1b4e0a-5a7e-4d0e-9a3b-0f5f6c2d7e81'
    for (const path of [
      'people',
      `people/${id}`,
      'access',
      'access/new',
      `access/${id}`,
      'holidays',
      'invitations',
      'security',
      'security/audit',
    ]) {
      await page.goto(`/console/${path}`)
      await page.getByRole('heading', { name: 'Page not found' }).waitFor()
    }
    expect(refused).toEqual([])
    expectCalm(seen)
  })

  test('a second factor is set up, used, gives recovery codes once, and is turned off', async () => {
    await addAccount(service(), 'two', 'admin')
    await using seen = await openAs(browser(), service(), 'two', '/console/myself')
    const { page } = seen
    await page.getByLabel('Your password', { exact: true }).fill(PASSWORD)
    await page.getByRole('button', { name: 'Set up' }).click()
    await page.getByRole('img', { name: 'QR code with the secret' }).waitFor()
    const secret = (await page.locator('code.big').innerText()).replaceAll(' ', '')
    await look(page, 'myself-enrolment')
    await page.getByLabel('One-time code').fill('000000')
    await page.getByRole('button', { name: 'Turn on' }).click()
    await page.getByText('This code is wrong').waitFor()
    await page.getByLabel('One-time code').fill(codeAt(secret, Date.now()))
    await page.getByRole('button', { name: 'Turn on' }).click()
    const codes = await recoveryCodes(page)
    expect(codes).toHaveLength(10)
    await look(page, 'myself-codes')
    await page.emulateMedia({ media: 'print' })
    expect(await page.getByRole('button', { name: 'Print' }).isVisible()).toBe(false)
    expect(await page.getByText(codes[0] ?? '').isVisible()).toBe(true)
    expect(await page.getByLabel('Phone').isVisible()).toBe(false)
    await page.emulateMedia({ media: 'screen' })
    await page.getByRole('button', { name: 'I have saved them' }).click()
    await page.getByText('10 recovery codes left').waitFor()
    expect(await page.content()).not.toContain(codes[0])

    await page.getByRole('button', { name: 'Log out' }).click()
    await fillIn(page, 'two', PASSWORD)
    await page.getByLabel('One-time code').fill(nextCode(secret, Date.now()))
    await page.getByRole('button', { name: 'Log in' }).click()
    await page.getByRole('heading', { level: 1, name: 'Myself' }).waitFor()

    await page.getByRole('button', { name: 'New recovery codes' }).click()
    await prove(page, PASSWORD, codes[1] ?? '')
    await page.getByRole('button', { name: 'Create new codes' }).click()
    const renewed = await recoveryCodes(page)
    expect(renewed).not.toContain(codes[0])
    await page.getByRole('button', { name: 'I have saved them' }).click()
    await page.getByRole('button', { name: 'Turn off' }).click()
    await prove(page, 'wrong horse battery', renewed[0] ?? '')
    const dialog = page.getByRole('dialog')
    await dialog.getByRole('button', { name: 'Turn off' }).click()
    await dialog.getByText('This is not your password.').waitFor()
    await look(page, 'myself-factor-off')
    await prove(page, PASSWORD, renewed[0] ?? '')
    await dialog.getByRole('button', { name: 'Turn off' }).click()
    await page.getByText('Second factor turned off.').waitFor()
    expect(await tokenFor(service(), 'two')).toBeString()
    expectCalm(seen, [403, 401, 403])
  })

  test('an owner whose role needs a second factor is sent to set it up, and then has the role', async () => {
    await using strict = await startService({
      env: { ...UNLIMITED, SECOND_FACTOR: 'required' },
    })
    await addAccount(strict, 'oli')
    await using seen = await openAs(browser(), strict, 'oli', '/console', ON_PHONE)
    const { page } = seen
    await page.getByRole('heading', { level: 1, name: 'Myself' }).waitFor()
    const places = sections(page)
    expect(await places.count()).toBe(3)
    await page.getByText('Your role needs a second factor.').waitFor()
    expect(await page.getByRole('heading', { level: 2 }).first().innerText()).toBe('Second factor')
    await look(page, 'myself-led')
    await page.getByLabel('Your password', { exact: true }).fill(PASSWORD)
    await page.getByRole('button', { name: 'Set up' }).click()
    const secret = (await page.locator('code.big').innerText()).replaceAll(' ', '')
    await page.getByLabel('One-time code').fill(codeAt(secret, Date.now()))
    await page.getByRole('button', { name: 'Turn on' }).click()
    await recoveryCodes(page)
    await page.getByRole('button', { name: 'I have saved them' }).click()
    await places.filter({ hasText: 'People' }).click()
    await page.getByRole('list', { name: 'People' }).getByText('oli').waitFor()
    expectCalm(seen)
  })

  test('erasing your own account needs the password, and the last owner stays [D7]', async () => {
    await addAccount(service(), 'zoe', 'member')
    const token = await tokenFor(service(), 'zoe')
    await using seen = await openConsole(browser(), service(), '/console/myself', ON_PHONE)
    const { page } = seen
    const erase = async (username: string, password: string): Promise<void> => {
      await page.getByRole('button', { name: 'Erase my account', exact: true }).click()
      const dialog = page.getByRole('dialog', { name: `Erase ${username}?` })
      await dialog.getByText('This cannot be undone.').waitFor()
      await dialog.getByLabel('Your password', { exact: true }).fill(password)
      await dialog.getByRole('button', { name: 'Erase for good' }).click()
    }
    await logIn(page, 'oli')
    await erase('oli', PASSWORD)
    await page.getByText('This is the last owner').waitFor()
    await look(page, 'myself-erase')
    await page.getByRole('dialog').waitFor()
    await page.keyboard.press('Escape')
    await page.getByRole('button', { name: 'Log out' }).click()

    await logIn(page, 'zoe')
    await erase('zoe', 'wrong horse battery')
    await page.getByText('This is not your password.').waitFor()
    expect(await statusOf(token)).toBe(200)
    await page.getByRole('dialog').waitFor()
    await page.keyboard.press('Escape')
    await erase('zoe', PASSWORD)
    await page.getByText('Your account is erased.').waitFor()
    expect(await statusOf(token)).toBe(401)
    expectCalm(seen, [409, 403])
  })
})

const recoveryCodes = async (page: Page): Promise<string[]> => {
  const list = page.getByRole('list', { name: 'Recovery codes' })
  await list.waitFor()
  return list.locator('code').allInnerTexts()
}

const prove = async (page: Page, password: string, otp: string): Promise<void> => {
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Password', { exact: true }).fill(password)
  await dialog.getByLabel('One-time code').fill(otp)
}
