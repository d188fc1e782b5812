import { expect } from 'bun:test'
import type { Browser, BrowserContextOptions, Locator, Page } from 'playwright-core'
import type { Role } from '../../../src/domain/account.ts'
import * as accounts from '../../support/accounts.ts'
import { PASSWORD } from '../../support/app.ts'
import type { Service } from '../../support/binary.ts'
import { type Visit, visit, waitForTrue } from '../chromium.ts'
import { DESK, PHONE, inAllLooks } from '../looks.ts'

/** The options of a visit with a phone. */
export const ON_PHONE = { viewport: PHONE }

/** Adds an account on the command line. */
export const addAccount = ({ folder }: Service, username: string, role: Role = 'owner') =>
  accounts.addAccount(username, { role, folder })

/** Logs in as an app does, and returns the access token. */
export const tokenFor = ({ url }: Service, username: string) => accounts.tokenFor(url, username)

/** Opens a path of the console in a new browser profile. */
export const openConsole = async (
  browser: Browser,
  { url }: Service,
  path = '/console',
  options: BrowserContextOptions = {},
): Promise<Visit> => {
  const seen = await visit(browser, url, { viewport: DESK, ...options })
  await seen.page.goto(path)
  await seen.page.getByRole('heading', { level: 1 }).waitFor()
  return seen
}

/** Opens a path of the console in a new browser profile that is logged in already. */
export const openAs = async (
  browser: Browser,
  { url }: Service,
  username: string,
  path = '/console',
  options: BrowserContextOptions = {},
): Promise<Visit> => {
  const seen = await visit(browser, url, { viewport: DESK, ...options })
  const { page } = seen
  const answer = await page.request.post('/v1/session/cookie', {
    data: { username, password: PASSWORD },
    headers: { origin: url },
  })
  expect(answer.status()).toBe(200)
  await page.goto(path)
  await sections(page).first().waitFor()
  return seen
}

/** The sections in the console's navigation. */
export const sections = (page: Page) =>
  page.getByRole('navigation', { name: 'Console' }).getByRole('link')

/** Fills in the login page, and waits for the page behind it. */
export const logIn = async (page: Page, username: string): Promise<void> => {
  await fillIn(page, username, PASSWORD)
  await sections(page).first().waitFor()
}

export const fillIn = async (page: Page, username: string, password: string): Promise<void> => {
  await page.getByLabel('User name').fill(username)
  await page.getByLabel('Password', { exact: true }).fill(password)
  await page.getByRole('button', { name: 'Log in' }).click()
}

/** Checks a page of the console as it is now, on each screen, in light and dark. */
export const look = (page: Page, name: string): Promise<void> => inAllLooks(page, `console-${name}`)

/** Expects no violation, no foreign request, and no fault but the errors that Chromium itself reports
 * for these statuses. */
export const expectCalm = ({ faults, foreign }: Visit, statuses: readonly number[] = []): void => {
  const seen = faults.map((fault) => Number(/status of (\d+)/.exec(fault)?.[1]) || fault)
  expect({ faults: seen, foreign }).toEqual({ faults: [...statuses], foreign: [] })
}

/** Waits until the focused element starts with a text. */
export const focusOn = async (page: Page, text: string): Promise<void> => {
  await waitForTrue(
    page,
    `document.activeElement?.textContent.trim().startsWith(${JSON.stringify(text)})`,
  )
}

/** What a field for a new password says beforehand, and about a weak one. */
export const PASSWORD_RULE =
  'Use at least 8 characters, not a common password, and more than the username.'
export const WEAK_PASSWORD = `Weak password: u${PASSWORD_RULE.slice(1)}`

/** Returns the text that describes a field. */
export const noteOf = async (page: Page, field: Locator): Promise<string> =>
  page.locator(`[id="${await field.getAttribute('aria-describedby')}"]`).innerText()

/** Waits until a field is marked as wrong, which takes the focus, and checks what it says. */
export const expectFault = async (page: Page, field: Locator, message: string): Promise<void> => {
  await page.getByText(message).waitFor()
  expect(await noteOf(page, field)).toBe(message)
  expect(await field.getAttribute('aria-invalid')).toBe('true')
  const id = await field.getAttribute('id')
  await waitForTrue(page, `document.activeElement?.id === ${JSON.stringify(id)}`)
  expect(await page.getByText(message).count()).toBe(1)
}
