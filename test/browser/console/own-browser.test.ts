import { describe, expect, test } from 'bun:test'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Page, chromium } from 'playwright-core'
import { PASSWORD, bearer, clientOf } from '../../support/app.ts'
import { UNLIMITED, temporaryFolder } from '../../support/binary.ts'
import { enrol } from '../../support/second-factor.ts'
import { until } from '../../support/until.ts'
import { CHROMIUM, IS_LEFT_OUT, useBrowser, useService, visit } from '../chromium.ts'
import {
  ON_PHONE,
  addAccount,
  expectCalm,
  fillIn,
  logIn,
  openAs,
  openConsole,
  sections,
  tokenFor,
} from './console.ts'
import { ENLARGED } from '../looks.ts'

const UNLOCKS = 30

const browser = useBrowser()
const service = useService({ env: UNLIMITED }, async (started) => {
  await addAccount(started, 'oli')
  await addAccount(started, 'ada', 'member')
  const { post } = clientOf(started.url)
  const token = await tokenFor(started, 'ada')
  for (let count = 0; count < UNLOCKS; count += 1)
    await post('/logUnlocking', { 'unlocking-method': `pin ${count}` }, bearer(token))
})

const inBrowser = async (script: string) => {
  const seen = await visit(browser(), service().url)
  await seen.page.addInitScript({ content: script })
  return seen
}

const logInAt = async (page: Page, path: string): Promise<void> => {
  await page.goto(path)
  await logIn(page, 'oli')
}

/** Lets this many seconds pass in the page, with time for what it asks in each. */
const passSeconds = async (page: Page, seconds: number): Promise<void> => {
  for (let second = 0; second < seconds; second += 1) {
    await page.clock.runFor(1000)
    await page.waitForTimeout(20)
  }
}

describe.skipIf(IS_LEFT_OUT)('a page that fails', () => {
  test('while it renders says so, asks for nothing more, and leaves the other pages as they are', async () => {
    await using seen = await inBrowser(`
      isBroken = true
      const { get } = Object.getOwnPropertyDescriptor(Intl.DateTimeFormat.prototype, 'format')
      Object.defineProperty(Intl.DateTimeFormat.prototype, 'format', {
        get() {
          if (isBroken) throw new TypeError('this browser lacks something')
          return get.call(this)
        },
      })`)
    const { page } = seen
    let requests = 0
    page.on('request', () => (requests += 1))
    await page.clock.install()
    await logInAt(page, '/console')
    await page.getByRole('heading', { name: 'This page cannot be shown' }).waitFor()
    const before = requests
    await passSeconds(page, 20)
    expect(requests - before).toBeLessThan(3)
    await sections(page).filter({ hasText: 'Invitations' }).click()
    await page.getByRole('heading', { level: 1, name: 'Invitations' }).waitFor()
    await sections(page).filter({ hasText: 'Log' }).click()
    await page.getByRole('heading', { name: 'This page cannot be shown' }).waitFor()
    await page.evaluate('isBroken = false')
    await page.getByRole('button', { name: 'Try again' }).click()
    await page.locator('.unlock').getByText('pin 7').first().waitFor()
    expect(seen.faults.filter((fault) => fault.startsWith('script'))).toEqual([])
  })

  test('before its script starts says which browsers work', async () => {
    await using seen = await inBrowser('delete globalThis.URLSearchParams')
    const { page } = seen
    await page.goto('/console')
    await page.getByText('The console has not started.').waitFor()
    await page.getByRole('link', { name: 'a browser from 2023 or later' }).click()
    await page.getByRole('heading', { name: 'Browsers' }).waitFor()
  })

  test('to read the stream tries again at growing intervals', async () => {
    await using seen = await visit(browser(), service().url)
    const { page } = seen
    let requests = 0
    await page.route('**/v1/unlocks/stream?*', (route) => {
      requests += 1
      return route.fulfill({ contentType: 'text/event-stream', body: 'event: unlock\ndata: {\n\n' })
    })
    await page.clock.install()
    await logInAt(page, '/console')
    await until(() => requests > 0)
    await passSeconds(page, 60)
    expect(requests).toBeGreaterThan(2)
    expect(requests).toBeLessThan(12)
  })
})

describe.skipIf(IS_LEFT_OUT)('a browser that blocks cookies', () => {
  test('is told so after the right password, and after a wrong one that it is wrong', async () => {
    const profile = temporaryFolder()
    mkdirSync(join(profile, 'Default'))
    const preferences = { profile: { default_content_setting_values: { cookies: 2 } } }
    writeFileSync(join(profile, 'Default/Preferences'), JSON.stringify(preferences))
    const context = await chromium.launchPersistentContext(profile, {
      ...CHROMIUM,
      baseURL: service().url,
    })
    const page = await context.newPage()
    await page.goto('/console')
    await fillIn(page, 'oli', PASSWORD)
    await page.getByText('This browser blocks cookies').waitFor()
    expect(await page.getByText('Wrong name or password').count()).toBe(0)
    await fillIn(page, 'oli', 'wrong horse battery')
    await page.getByText('Wrong name or password').waitFor()
    await context.close()
    rmSync(profile, { recursive: true })
  })

  test('has no channel to its other tabs in Firefox, and shows the login page', async () => {
    await using seen = await inBrowser(`BroadcastChannel = class {
      constructor() {
        throw new DOMException('The operation is insecure.', 'SecurityError')
      }
    }`)
    const { page } = seen
    await logInAt(page, '/console/people')
    await page.getByRole('button', { name: 'Log out' }).click()
    await page.getByText('You are logged out.').waitFor()
    expectCalm(seen)
  })
})

describe.skipIf(IS_LEFT_OUT)('the focus', () => {
  const focused = (page: Page) => page.locator('input:focus').getAttribute('autocomplete')

  test('is in the one-time code after the password, and in the user name after logging out', async () => {
    await addAccount(service(), 'two', 'admin')
    await enrol(clientOf(service().url), await tokenFor(service(), 'two'))
    await using seen = await openConsole(browser(), service())
    const { page } = seen
    await fillIn(page, 'two', PASSWORD)
    await page.getByLabel('One-time code').waitFor()
    expect(await focused(page)).toBe('one-time-code')
    await page.getByRole('button', { name: 'Use another account' }).click()
    expect(await focused(page)).toBe('username')
    await logIn(page, 'oli')
    await page.getByRole('button', { name: 'Log out' }).click()
    await page.getByText('You are logged out.').waitFor()
    expect(await focused(page)).toBe('username')
  })

  test('is never on something that the sections at the bottom of a phone hide', async () => {
    await using seen = await openAs(browser(), service(), 'oli', '/console/log', ON_PHONE)
    const { page } = seen
    await page.locator('.unlock').first().waitFor()
    let inPage = 0
    for (let presses = 0; presses < UNLOCKS + 20; presses += 1) {
      await page.keyboard.press('Tab')
      const hidden = await page.evaluate<string | undefined>(`(() => {
        const { activeElement: element } = document
        if (!element.closest('main')) return undefined
        const isHidden =
          element.getBoundingClientRect().bottom >
          document.querySelector('.sections').getBoundingClientRect().top
        return isHidden ? element.outerHTML : ''
      })()`)
      if (hidden !== undefined) inPage += 1
      expect(hidden ?? '').toBe('')
    }
    expect(inPage).toBeGreaterThan(UNLOCKS)
  })

  test('is at the end of a page that is enlarged to 200 % on something that can be seen', async () => {
    await using seen = await openAs(browser(), service(), 'oli', '/console', { viewport: ENLARGED })
    const { page } = seen
    for (const path of ['invitations', 'security', 'myself']) {
      await page.goto(`/console/${path}`)
      await page.getByRole('heading', { level: 1 }).waitFor()
      // Again until everything above it has loaded.
      await until(() =>
        page.evaluate<boolean>(`(() => {
          const last = document.querySelector('.foot a')
          last.blur()
          last.focus()
          const isLoaded =
            document.querySelector('.sheet, .empty') && !document.querySelector('.loading')
          return isLoaded && last.getBoundingClientRect().bottom <=
            document.querySelector('.sections').getBoundingClientRect().top
        })()`),
      )
    }
  })
})

describe.skipIf(IS_LEFT_OUT)('a page to which a browser goes back', () => {
  test.each([
    ['/console/people', 'ada'],
    ['/getUsers', 'ada'],
    ['/getLogs', 'pin 7'],
  ])('shows nobody’s data at %s once the session has ended', async (path, text) => {
    await using seen = await openAs(browser(), service(), 'oli')
    const { page } = seen
    await page.goto(path)
    await page.getByText(text).first().waitFor()
    const headers = { origin: service().url }
    expect((await page.request.post('/v1/session/logout', { headers })).status()).toBe(200)
    // What it loads instead waits until the test has looked.
    const looked = Promise.withResolvers<void>()
    await page.route(`**${path}`, async (route) => {
      await looked.promise
      await route.continue()
    })
    // As from the cache of pages that were left, which Playwright switches off in Chromium.
    const words = await page.evaluate<string>(`(async () => {
      dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))
      await new Promise((resolve) => setTimeout(resolve))
      return document.body.innerText
    })()`)
    expect(words).not.toContain(text)
    looked.resolve()
    if (path.startsWith('/console')) await page.getByRole('button', { name: 'Log in' }).waitFor()
  })
})

describe.skipIf(IS_LEFT_OUT)('the language of the browser', () => {
  test('is that of dates', async () => {
    await using seen = await openAs(browser(), service(), 'oli', '/console/log', {
      locale: 'de-DE',
      timezoneId: 'UTC',
    })
    const { page } = seen
    const row = page.locator('.list time').first()
    await row.waitFor()
    const at = new Date((await row.getAttribute('datetime')) ?? '')
    const day = new Intl.DateTimeFormat('de-DE', {
      weekday: 'short',
      day: 'numeric',
      month: 'short',
      year: 'numeric',
      timeZone: 'UTC',
    })
    expect(await row.getAttribute('title')).toStartWith(day.format(at))
    expect(await row.innerText()).toMatch(/^\d\d:\d\d$/)
    const weekday = new Intl.DateTimeFormat('de-DE', { weekday: 'long', timeZone: 'UTC' })
    expect(await page.locator('h2').first().innerText()).toContain(weekday.format(at))
    expectCalm(seen)
  })

  test('is none with LANG=C, and there are charts all the same', async () => {
    await using seen = await inBrowser(`
      Object.defineProperty(navigator, 'language', { get: () => 'en-US@posix' })
      Object.defineProperty(navigator, 'languages', { get: () => ['en-US@posix'] })`)
    const { page } = seen
    await logInAt(page, '/console')
    await page.locator('.bars canvas').nth(1).waitFor()
    await page.getByText(`${UNLOCKS} unlocks in 30 days`).waitFor()
    expectCalm(seen)
  })
})

describe.skipIf(IS_LEFT_OUT)('forced colours', () => {
  test('leave a mark on the current section, the chosen period and the live stream', async () => {
    await using seen = await openAs(browser(), service(), 'oli')
    const { page } = seen
    await page.emulateMedia({ forcedColors: 'active' })
    await page.locator('.live.on').waitFor()
    for (const mark of ['.sections a', '.segments a'])
      for (const [selector, style] of [
        [`${mark}[aria-current]`, 'solid'],
        [`${mark}:not([aria-current])`, 'none'],
      ]) {
        const shown = `getComputedStyle(document.querySelector('${selector}')).outlineStyle`
        expect([selector, await page.evaluate<string>(shown)]).toEqual([selector, style])
      }
    const [dot, paper] = await page.evaluate<[string, string]>(`[
      getComputedStyle(document.querySelector('.live.on'), '::before').backgroundColor,
      getComputedStyle(document.body).backgroundColor,
    ]`)
    expect(dot).not.toBe(paper)
    expectCalm(seen)
  })
})
