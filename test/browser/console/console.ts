import { expect } from 'bun:test'
import { join } from 'node:path'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { PASSWORD, clientOf } from '../../support/app.ts'
import { type Service, runCommand } from '../../support/binary.ts'
import { inaccessible } from '../accessibility.ts'
import { type Visit, visit } from '../chromium.ts'

/** Browsers on a small computer are slow to start; the service has no such excuse. */
export const TEST_MS_MAX = 240_000

export const PHONE = { width: 375, height: 800 }
const DESK = { width: 1280, height: 800 }
const NARROWEST = { width: 320, height: 640 }

const SCREENSHOTS = join(import.meta.dir, '../screenshots')

/** Adds an account at the gateway itself. */
export const addAccount = async (
  { folder }: Service,
  username: string,
  role: 'owner' | 'admin' | 'member' = 'owner',
): Promise<void> => {
  const args = ['user', 'add', '--role', role, username]
  const { status } = await runCommand(args, { folder, input: `${PASSWORD}\n` })
  expect(status).toBe(0)
}

/** Signs in as an app does and gives the access token. */
export const tokenFor = async ({ url }: Service, username: string): Promise<string> => {
  const answer = await clientOf(url).post('/login', { username, password: PASSWORD })
  return ((await answer.json()) as { access_token: string }).access_token
}

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

/** Fills in the sign-in page and waits for the page behind it. */
export const signIn = async (page: Page, username: string): Promise<void> => {
  await fillIn(page, username, PASSWORD)
  await page.getByRole('navigation', { name: 'Console' }).waitFor()
}

export const fillIn = async (page: Page, username: string, password: string): Promise<void> => {
  await page.getByLabel('User name').fill(username)
  await page.getByLabel('Password', { exact: true }).fill(password)
  await page.getByRole('button', { name: 'Sign in' }).click()
}

/** Takes pictures of a page as it stands, on a phone and on a desk, in the light and in the dark,
 * and checks that it fits each screen (down to 320 px) and that axe finds nothing serious. */
export const look = async (page: Page, name: string): Promise<void> => {
  const before = page.viewportSize() ?? DESK
  for (const viewport of [NARROWEST, PHONE, DESK])
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.setViewportSize(viewport)
      await page.emulateMedia({ colorScheme })
      const { width } = viewport
      const path = join(SCREENSHOTS, `console-${name}-${width}-${colorScheme}.png`)
      if (viewport !== NARROWEST) await page.screenshot({ path, fullPage: true })
      const found = {
        width: await page.evaluate('document.documentElement.scrollWidth'),
        inaccessible: await inaccessible(page),
      }
      expect({ name, colorScheme, ...found }).toEqual({
        name,
        colorScheme,
        width,
        inaccessible: [],
      })
    }
  await page.emulateMedia({ colorScheme: null })
  await page.setViewportSize(before)
}

/** No violation, no foreign request, and no fault but what Chromium says itself of these answers. */
export const expectCalm = ({ faults, foreign }: Visit, statuses: readonly number[] = []): void => {
  const said = faults.map((fault) => Number(/status of (\d+)/.exec(fault)?.[1]) || fault)
  expect({ faults: said, foreign }).toEqual({ faults: [...statuses], foreign: [] })
}
