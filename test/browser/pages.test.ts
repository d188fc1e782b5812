import { describe, expect, test } from 'bun:test'
import type { BrowserContextOptions, Page } from 'playwright-core'
import { PASSWORD } from '../support/app.ts'
import { type Service, UNLIMITED, runCommand, startService } from '../support/binary.ts'
import { recordedLog } from '../support/unlock-log.ts'
import { IS_LEFT_OUT, useBrowser, useResource, visit } from './chromium.ts'
import { DESK, ENLARGED, PHONE, fits, inAllLooks } from './looks.ts'
import {
  OWNER,
  block,
  execute,
  expectCalm,
  openSwagger,
  post,
  testWalkOfMember,
  tokenOf,
  unfoldAll,
  useOwnedService,
} from './swagger.ts'

const MARKUP = '<script>alert(1)</script>'

const DEVICES = [
  { device: 'desk', width: DESK.width, viewport: DESK, colorScheme: 'light' },
  { device: 'phone', width: PHONE.width, viewport: PHONE, colorScheme: 'dark' },
] as const

/** An open operation of Swagger UI needs more than 320 px. */
const SWAGGER_SIZES = [PHONE, DESK]

/** High enough for all operations of Swagger UI. */
const HIGH = { height: 20_000 }

const browser = useBrowser()

const service = useOwnedService(async (started) => {
  for (const username of ['ada', MARKUP]) {
    await addPerson(started, username)
    // The walk of an owner's operations erases those who wait.
    await runCommand(['user', 'admit', username], { folder: started.folder })
  }
  await unlock(started, 'ada', 'fingerprint')
  await unlock(started, MARKUP, '<img src=x onerror=alert(2)>')
})

const tampered = useResource(
  async () => {
    const log = await recordedLog({ size: 3 })
    log.edit((db) => db.run("UPDATE unlock_event SET username = 'eve' WHERE seq = 1"))
    return log
  },
  (log) => log.remove(),
)

const broken = useResource(
  () => startService({ env: { ...UNLIMITED, DATA_DIR: tampered().dataDir } }),
  (started) => started.stop(),
)

describe.skipIf(IS_LEFT_OUT).each([...DEVICES])(
  'On a $device of $width px in the $colorScheme',
  ({ device, viewport, colorScheme }) => {
    const open = (options: BrowserContextOptions = {}) =>
      visit(browser(), service().url, { viewport, colorScheme, ...options })

    test('an owner reads the unlock that was just recorded, newest last', async () => {
      await using seen = await open({ httpCredentials: OWNER })
      const { page } = seen
      const method = `key card ${device}`
      const before = Date.now()
      await unlock(service(), 'ada', method)
      await page.goto('/getLogs')
      expect(await page.getByRole('columnheader').allTextContents()).toEqual([
        'ID',
        'Username',
        'Unlocking Method',
        'Unlocking Date/Time',
      ])
      const newest = page.locator('tbody tr').last()
      const count = await page.locator('tbody tr').count()
      const cells = await newest.getByRole('cell').allTextContents()
      expect(cells.slice(0, 3)).toEqual([String(count), 'ada', method])
      const time = await newest.locator('time').getAttribute('datetime')
      expect(Date.parse(String(time))).toBeWithin(before, Date.now() + 1)
      expect(cells[3]).toBe(String(time).slice(0, 19).replace('T', ' '))
      await page.getByRole('link', { name: 'Jump to the newest' }).click()
      expect(await page.getByText(`${count} in total.`).textContent()).toContain('UTC')
      expectCalm(seen)
    })

    test('markup in a name or method is shown in the tables as text and runs nothing [I4]', async () => {
      await using seen = await open({ httpCredentials: OWNER })
      const { page } = seen
      for (const path of ['/getUsers', '/getLogs']) {
        await page.goto(path)
        expect(await page.getByRole('cell', { name: MARKUP, exact: true }).count()).toBe(1)
        expect(await page.locator('script:not([src="/page.js"]), td img').count()).toBe(0)
      }
      expect(await page.getByRole('cell', { name: '<img src=x onerror=alert(2)>' }).count()).toBe(1)
      expectCalm(seen)
    })

    test('the tables stay closed without a password, with a wrong one and with that of a member [A1]', async () => {
      const wrongPassword = { username: OWNER.username, password: 'wrong horse battery' }
      const member = { username: 'ada', password: PASSWORD }
      for (const httpCredentials of [undefined, wrongPassword, member]) {
        await using seen = await open(httpCredentials ? { httpCredentials } : {})
        const { page } = seen
        for (const path of ['/getLogs', '/getUsers']) {
          // Without credentials for its dialog, Chromium shows its own page or the answer.
          const [answer] = await Promise.all([
            page.waitForResponse(service().url + path),
            page.goto(path).catch(() => null),
          ])
          expect(answer.status()).toBe(401)
          expect(await answer.headerValue('www-authenticate')).toStartWith('Basic realm=')
          expect(await page.locator('table').count()).toBe(0)
        }
        expect(seen.foreign).toEqual([])
      }
    })
  },
)

/** How many operations are tried on a phone: they are the same as on a desk, and only the page differs. */
const PHONE_OPERATIONS = 5

describe.skipIf(IS_LEFT_OUT)(`On a phone of ${PHONE.width} px in the dark`, () => {
  const open = (options: BrowserContextOptions = {}) =>
    visit(browser(), service().url, { viewport: PHONE, colorScheme: 'dark', ...options })

  test('the root leads to the login page, which links to the tables, the manual, the API and health; every link works [I6]', async () => {
    await using seen = await open({ httpCredentials: OWNER })
    const { page } = seen
    await page.goto('/')
    expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe('Secure Lock Server')
    expect(page.url()).toBe(`${service().url}/console`)
    const links = await hrefs(page)
    expect(links).toEqual(
      expect.arrayContaining(['/getLogs', '/getUsers', '/manual', '/swagger', '/readyz']),
    )
    // The console follows its own links without a request.
    for (const link of links.filter((path) => !path.startsWith('/console'))) {
      await page.goto('/')
      await page.getByRole('heading', { level: 1 }).waitFor()
      const answer = page.waitForResponse((response) => response.url() === service().url + link)
      await page.locator(`a[href="${link}"]`).click()
      expect([link, (await answer).status()]).toEqual([link, 200])
      await page.waitForLoadState('networkidle')
    }
    expectCalm(seen)
  })

  testWalkOfMember('phone', service, open, PHONE_OPERATIONS)
})

describe.skipIf(IS_LEFT_OUT)('On every screen, in light and dark', () => {
  const PAGES = [
    { path: '/console', name: 'log-in' },
    { path: '/join', name: 'join' },
    { path: '/getLogs', name: 'unlocks' },
    { path: '/getUsers', name: 'accounts' },
    { path: '/manual', name: 'manual' },
    { path: '/manual/getting-started', name: 'manual-page' },
  ]

  test.each(PAGES)(
    '$path fits, follows the colours of the system and is accessible [I6]',
    async ({ path, name }) => {
      await using seen = await visit(browser(), service().url, { httpCredentials: OWNER })
      const { page } = seen
      await page.goto(path)
      await inAllLooks(page, name, {
        check: ({ scheme }) => expectPaper(page, scheme),
      })
      expectCalm(seen)
    },
  )

  test('/swagger fits, follows the colours of the system and is accessible [I6]', async () => {
    await using seen = await visit(browser(), service().url)
    const { page } = seen
    await page.setViewportSize({ ...DESK, ...HIGH })
    await openSwagger(page)
    await unfoldAll(page)
    for (const { width } of [DESK, PHONE, ENLARGED]) await fits(page, 'api', { width, ...HIGH })

    // The operations of a group look like all others.
    await page.reload()
    await page.locator('.opblock-tag[data-tag="Locks"]').click()
    for (const method of ['get', 'post', 'put', 'patch', 'delete'])
      await page.locator(`.opblock-${method}`).first().waitFor()
    await inAllLooks(page, 'api', {
      sizes: SWAGGER_SIZES,
      check: ({ scheme }) => expectPaper(page, scheme),
    })
    expectCalm(seen)
  })

  test('a broken log is reported above the console, calmly and to everyone', async () => {
    await using seen = await visit(browser(), broken().url)
    const { page } = seen
    await page.goto('/')
    await page.getByRole('heading', { level: 1 }).waitFor()
    const notice = page.getByRole('region', { name: 'The unlock log does not verify' })
    expect(await notice.innerText()).toContain('First wrong unlock: 1.')
    expect(await notice.innerText()).toContain('secure-lock-server log verify')
    expect(await page.locator('body').innerText()).not.toMatch(/ada|grace|hedy|eve\b/)
    await inAllLooks(page, 'console-broken')
    expectCalm(seen)
  })

  test('an open operation and the dialog for the token fit', async () => {
    await using seen = await visit(browser(), service().url)
    const { page } = seen
    await openSwagger(page)
    await execute(page, 'POST /login', OWNER)
    const login = block(page, 'POST /login')
    await login.getByRole('tab', { name: 'Schema' }).last().click()
    await login.getByText('Message', { exact: true }).waitFor()
    await inAllLooks(page, 'api-logged-in', { sizes: SWAGGER_SIZES })
    await page.locator('.auth-wrapper .authorize').click()
    await page.locator('.auth-container').first().waitFor()
    for (const size of SWAGGER_SIZES) {
      await page.setViewportSize(size)
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(size.width)
    }
    expectCalm(seen)
  })
})

const addPerson = ({ url }: Service, username: string) =>
  post(url, '/register', {
    username,
    password: PASSWORD,
    phone: '01234567890',
    address: 'Flat 3, 1 Lock Lane, Lockington',
    email: 'someone@example.org',
  })

const unlock = async ({ url }: Service, username: string, method: string): Promise<void> => {
  const token = tokenOf(await post(url, '/login', { username, password: PASSWORD }))
  await post(url, '/logUnlocking', { 'unlocking-method': method }, token)
}

const hrefs = async (page: Page): Promise<string[]> => {
  const links = await page.locator('a').all()
  return Promise.all(links.map(async (link) => String(await link.getAttribute('href'))))
}

const expectPaper = async (page: Page, scheme: 'light' | 'dark'): Promise<void> => {
  const paper = await page.evaluate<string>('getComputedStyle(document.body).backgroundColor')
  expect(brightness(paper) > 128).toBe(scheme === 'light')
}

/** From 0 for black to 255 for white, of `rgb(r, g, b)`. */
const brightness = (colour: string): number => {
  const [red = 0, green = 0, blue = 0] = (colour.match(/\d+/g) ?? []).map(Number)
  return (red + green + blue) / 3
}
