import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Browser, BrowserContextOptions, Locator, Page } from 'playwright-core'
import { addAccount } from '../support/accounts.ts'
import { bearer, clientOf } from '../support/app.ts'
import { type Service, UNLIMITED, startService } from '../support/binary.ts'
import { type RecordedLog, recordedLog } from '../support/unlock-log.ts'
import { inaccessible } from './accessibility.ts'
import { IS_LEFT_OUT, type Visit, startChromium, visit } from './chromium.ts'

const PASSWORD = 'correct horse battery'
const OWNER = { username: 'own', password: PASSWORD }
const MARKUP = '<script>alert(1)</script>'
const SCREENSHOTS = join(import.meta.dir, 'screenshots')

/** How many operations are tried on a phone. */
const PHONE_OPERATIONS = 5

const PHONE = { width: 375, height: 800 }
const DESK = { width: 1280, height: 800 }
const DEVICES = [
  { device: 'desk', width: 1280, viewport: DESK, colorScheme: 'light' },
  { device: 'phone', width: 375, viewport: PHONE, colorScheme: 'dark' },
] as const
const LOOKS = [PHONE, DESK].flatMap((viewport) =>
  (['light', 'dark'] as const).map((colorScheme) => ({
    width: viewport.width,
    viewport,
    colorScheme,
  })),
)

/** Operations that only begin something. */
const BEGUN: ReadonlySet<string> = new Set(['POST /v1/backups', 'POST /v1/log/verification'])

/** Browsers on a small computer are slow to start; the service has no such excuse. */
const TEST_MS_MAX = 240_000

/** For trying every operation by hand, of which there are many. */
const TRYING_MS_MAX = 480_000

let service: Service
let tampered: RecordedLog
let broken: Service
let browser: Browser

beforeAll(async () => {
  if (IS_LEFT_OUT) return
  service = await startService({ env: { ...UNLIMITED, BACKUP_DIR: 'backups' } })
  mkdirSync(join(service.folder, 'backups'))
  browser = await startChromium()
  const { folder } = service
  await addAccount(OWNER.username, { role: 'owner', folder })
  for (const username of ['ada', MARKUP]) await addPerson(username)
  await unlock('ada', 'fingerprint')
  await unlock(MARKUP, '<img src=x onerror=alert(2)>')
  tampered = await recordedLog({ size: 3 })
  tampered.edit((db) => db.run("UPDATE unlock_event SET username = 'eve' WHERE seq = 1"))
  broken = await startService({ env: { ...UNLIMITED, DATA_DIR: tampered.dataDir } })
}, TEST_MS_MAX)

afterAll(async () => {
  await browser?.close()
  await service?.stop()
  await broken?.stop()
  tampered?.remove()
}, TEST_MS_MAX)

describe.skipIf(IS_LEFT_OUT).each([...DEVICES])(
  'On a $device of $width px in the $colorScheme',
  ({ device, viewport, colorScheme }) => {
    const open = (options: BrowserContextOptions = {}) =>
      visit(browser, service.url, { viewport, colorScheme, ...options })

    test(
      'the root leads to the sign-in page, and that to the door log, the accounts, the API and the health; every link answers [I6]',
      async () => {
        await using seen = await open({ httpCredentials: OWNER })
        const { page } = seen
        await page.goto('/')
        expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe(
          'Secure Lock Server',
        )
        expect(page.url()).toBe(`${service.url}/console`)
        const links = await hrefs(page)
        expect(links).toEqual(
          expect.arrayContaining(['/getLogs', '/getUsers', '/swagger', '/readyz']),
        )
        // The console's own lead on without asking the server.
        for (const link of links.filter((one) => !one.startsWith('/console'))) {
          await page.goto('/')
          await page.getByRole('heading', { level: 1 }).waitFor()
          const answer = page.waitForResponse((response) => response.url() === service.url + link)
          await page.locator(`a[href="${link}"]`).click()
          expect([link, (await answer).status()]).toEqual([link, 200])
          await page.waitForLoadState('networkidle')
        }
        expectCalm(seen)
      },
      TEST_MS_MAX,
    )

    test(
      'Swagger UI shows every operation of the document with every other host out of reach [I6]',
      async () => {
        await using seen = await open()
        const { page } = seen
        await openSwagger(page)
        const shown = await page.evaluate<string[]>(SHOWN_OPERATIONS)
        const operations = await documentedOperations()
        expect(operations.length).toBeGreaterThan(8)
        expect(shown.toSorted()).toEqual(operations.toSorted())
        expect(await page.locator('.topbar, .servers, .errors-wrapper').count()).toBe(0)
        expectCalm(seen)
      },
      TEST_MS_MAX,
    )

    test(
      'a person registers, signs in, pastes the token once, and every operation of a member answers 200 [I6]',
      async () => {
        await using seen = await open()
        const { page } = seen
        await openSwagger(page)
        const username = `grace-${device}`
        const person = { username, password: PASSWORD, phone: '1', address: '1 Lock Lane' }
        const registered = await execute(page, 'POST /register', person)
        expect(registered).toEqual({ status: 200, body: { msg: 'User registered successfully' } })
        const signedIn = await execute(page, 'POST /login', { username, password: PASSWORD })
        expect(signedIn).toMatchObject({ status: 200, body: { token_type: 'Bearer' } })
        await authorize(page, tokenOf(signedIn.body))

        const method = `Swagger UI on a ${device}`
        const logged = await execute(page, 'POST /logUnlocking', { 'unlocking-method': method })
        expect(logged).toEqual({
          status: 200,
          body: { msg: 'Unlocking process logged successfully' },
        })
        const reads = (await documentedOperations(['public', 'member'])).filter((one) =>
          one.startsWith('GET'),
        )
        for (const operation of reads.slice(0, device === 'desk' ? undefined : PHONE_OPERATIONS))
          expect([operation, (await execute(page, operation)).status]).toEqual([operation, 200])
        expectCalm(seen)
      },
      TRYING_MS_MAX,
    )

    test(
      'with the token of an owner the tables answer in Swagger UI too',
      async () => {
        await using seen = await open()
        const { page } = seen
        await openSwagger(page)
        const signedIn = await execute(page, 'POST /login', OWNER)
        await authorize(page, tokenOf(signedIn.body))
        const documented = await documentedOperations(['tables', 'admin', 'owner'])
        expect(documented).toContain('GET /getLogs')
        // They are the same on a phone; it is the page that differs.
        const operations = documented.slice(0, device === 'desk' ? undefined : PHONE_OPERATIONS)
        for (const operation of operations)
          expect([operation, (await execute(page, operation)).status]).toEqual([
            operation,
            BEGUN.has(operation) ? 202 : 200,
          ])
        // The example of `PATCH /v1/settings` keeps strangers out, also of the tests that follow.
        const everybody = { registration: 'open' }
        const token = bearer(tokenOf(signedIn.body))
        const { patch } = clientOf(service.url)
        expect((await patch('/v1/settings', everybody, token)).status).toBe(200)
        expectCalm(seen)
      },
      TRYING_MS_MAX,
    )

    test(
      'an owner reads the unlock that was just recorded, newest at the end',
      async () => {
        await using seen = await open({ httpCredentials: OWNER })
        const { page } = seen
        const method = `key card ${device}`
        const before = Date.now()
        await unlock('ada', method)
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
        expect(Math.abs(Date.parse(String(time)) - before)).toBeLessThan(10_000)
        expect(cells[3]).toBe(String(time).slice(0, 19).replace('T', ' '))
        await page.getByRole('link', { name: 'To the newest' }).click()
        expect(await page.getByText(`${count} in all.`).textContent()).toContain('UTC')
        expectCalm(seen)
      },
      TEST_MS_MAX,
    )

    test(
      'a name or a method made of markup stands in the tables as text and runs nothing [I4]',
      async () => {
        await using seen = await open({ httpCredentials: OWNER })
        const { page } = seen
        for (const path of ['/getUsers', '/getLogs']) {
          await page.goto(path, { waitUntil: 'networkidle' })
          expect(await page.getByRole('cell', { name: MARKUP, exact: true }).count()).toBe(1)
          expect(await page.locator('script, td img').count()).toBe(0)
        }
        expect(await page.getByRole('cell', { name: '<img src=x onerror=alert(2)>' }).count()).toBe(
          1,
        )
        expectCalm(seen)
      },
      TEST_MS_MAX,
    )

    test(
      'the tables stay shut without a password, with a wrong one and with that of a member [A1]',
      async () => {
        const wrongPassword = { username: OWNER.username, password: 'wrong horse battery' }
        const member = { username: 'ada', password: PASSWORD }
        for (const httpCredentials of [undefined, wrongPassword, member]) {
          await using seen = await open(httpCredentials ? { httpCredentials } : {})
          const { page } = seen
          for (const path of ['/getLogs', '/getUsers']) {
            // With nobody to fill in the dialog, Chromium shows its own page or the answer.
            const [answer] = await Promise.all([
              page.waitForResponse(service.url + path),
              page.goto(path).catch(() => null),
            ])
            expect(answer.status()).toBe(401)
            expect(await answer.headerValue('www-authenticate')).toStartWith('Basic realm=')
            expect(await page.locator('table').count()).toBe(0)
          }
          expect(seen.foreign).toEqual([])
        }
      },
      TEST_MS_MAX,
    )
  },
)

describe.skipIf(IS_LEFT_OUT).each(LOOKS)(
  'At $width px in the $colorScheme',
  ({ width, viewport, colorScheme }) => {
    const PAGES = [
      { path: '/console', name: 'sign-in' },
      { path: '/join', name: 'join' },
      { path: '/getLogs', name: 'unlocks' },
      { path: '/getUsers', name: 'accounts' },
      { path: '/swagger', name: 'api' },
    ]

    test.each(PAGES)(
      '$path fits the screen, follows the colours of the system and can be used by everybody [I6]',
      async ({ path, name }) => {
        await using seen = await visit(browser, service.url, {
          viewport,
          colorScheme,
          httpCredentials: OWNER,
        })
        const { page } = seen
        await (path === '/swagger' ? openSwagger(page) : page.goto(path))
        await screenshot(page, `${name}-${width}-${colorScheme}`)

        expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width)
        const paper = await page.evaluate<string>('getComputedStyle(document.body).backgroundColor')
        expect(brightness(paper) > 128).toBe(colorScheme === 'light')
        expect(await inaccessible(page)).toEqual([])
        expectCalm(seen)
      },
      TEST_MS_MAX,
    )

    test(
      'a log that does not hold is told above the console, calmly and to everybody',
      async () => {
        await using seen = await visit(browser, broken.url, { viewport, colorScheme })
        const { page } = seen
        await page.goto('/')
        await page.getByRole('heading', { level: 1 }).waitFor()
        await screenshot(page, `console-broken-${width}-${colorScheme}`)
        const notice = page.getByRole('region', { name: 'The unlock log does not hold' })
        expect(await notice.innerText()).toContain('First wrong event: 1.')
        expect(await notice.innerText()).toContain('secure-lock-server log verify')
        expect(await page.locator('body').innerText()).not.toMatch(/ada|grace|hedy|eve\b/)
        expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width)
        expect(await inaccessible(page)).toEqual([])
        expectCalm(seen)
      },
      TEST_MS_MAX,
    )

    test(
      'an open operation and the dialog for the token fit the screen',
      async () => {
        await using seen = await visit(browser, service.url, { viewport, colorScheme })
        const { page } = seen
        await openSwagger(page)
        await execute(page, 'POST /login', OWNER)
        await screenshot(page, `api-signed-in-${width}-${colorScheme}`)
        expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width)
        expect(await inaccessible(page)).toEqual([])
        await page.locator('.auth-wrapper .authorize').click()
        await page.locator('.auth-container').first().waitFor()
        await page.screenshot({
          path: join(SCREENSHOTS, `api-authorize-${width}-${colorScheme}.png`),
        })
        expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width)
        expectCalm(seen)
      },
      TEST_MS_MAX,
    )
  },
)

const expectCalm = ({ faults, foreign }: Visit): void => {
  expect({ faults, foreign }).toEqual({ faults: [], foreign: [] })
}

const post = async (path: string, body: unknown, token?: string): Promise<unknown> => {
  const answer = await fetch(service.url + path, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(token ? { authorization: `Bearer ${token}` } : {}),
    },
    body: JSON.stringify(body),
  })
  expect([path, answer.status]).toEqual([path, 200])
  return answer.json()
}

const addPerson = (username: string) =>
  post('/register', {
    username,
    password: PASSWORD,
    phone: '01234567890',
    address: 'Flat 3, 1 Lock Lane, Lockington',
    email: 'someone@example.org',
  })

const unlock = async (username: string, method: string): Promise<void> => {
  const token = tokenOf(await post('/login', { username, password: PASSWORD }))
  await post('/logUnlocking', { 'unlocking-method': method }, token)
}

const tokenOf = (answer: unknown): string => {
  const { access_token: token } = answer as { access_token?: unknown }
  expect(token).toBeString()
  return String(token)
}

type Operation = {
  readonly 'x-access': string
  readonly parameters?: readonly { readonly required: boolean }[]
  readonly responses: Readonly<Record<string, { readonly content?: object }>>
}

/** Every operation of the OpenAPI document, `POST /login` and so on; of these callers, those that
 * answer as they stand. */
const documentedOperations = async (access?: readonly string[]): Promise<string[]> => {
  const answer = await fetch(`${service.url}/swagger/json`)
  const { paths } = (await answer.json()) as {
    readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  }
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods)
      .filter(([, one]) => !access || (access.includes(one['x-access']) && answersAsItStands(one)))
      .map(([method]) => `${method.toUpperCase()} ${path}`),
  )
}

/** Whether an operation answers without anything filled in, and comes to an end. */
const answersAsItStands = ({ parameters = [], responses }: Operation): boolean =>
  !parameters.some(({ required }) => required) &&
  !('text/event-stream' in (responses['200']?.content ?? {}))

const hrefs = async (page: Page): Promise<string[]> => {
  const links = await page.locator('a').all()
  return Promise.all(links.map(async (link) => String(await link.getAttribute('href'))))
}

const openSwagger = async (page: Page): Promise<void> => {
  await page.goto('/swagger')
  await page.locator('.opblock').first().waitFor()
}

/** A path is shown with zero-width spaces; its data attribute has none. */
const SHOWN_OPERATIONS = `[...document.querySelectorAll('.opblock-summary')].map((one) => [
  one.querySelector('.opblock-summary-method').textContent,
  one.querySelector('[data-path]').dataset.path,
].join(' '))`

const block = (page: Page, operation: string): Locator => {
  const [method = '', path = ''] = operation.split(' ')
  return page
    .locator(`.opblock-${method.toLowerCase()}`)
    .filter({ has: page.locator(`[data-path="${path}"]`) })
}

/** Opens an operation, fills its body in, presses Execute and reads the answer off the page. */
const execute = async (page: Page, operation: string, body?: unknown) => {
  const opened = block(page, operation)
  await opened.locator('.opblock-summary-control').click()
  if (body) await opened.locator('textarea').fill(JSON.stringify(body))
  await opened.locator('button.execute').click()
  const answer = opened.locator('.live-responses-table .response').first()
  const status = Number.parseInt(await answer.locator('.response-col_status').innerText(), 10)
  const shown = answer.locator('.response-col_description pre').first()
  const text = await shown.innerText()
  await opened.locator('.opblock-summary-control').scrollIntoViewIfNeeded()
  return { status, body: body ? (JSON.parse(text) as unknown) : undefined }
}

/** Presses Authorize and pastes at once: the cursor must be where the token belongs. */
const authorize = async (page: Page, token: string): Promise<void> => {
  await page.locator('.auth-wrapper .authorize').click()
  const form = page.locator('.auth-container').filter({ hasText: 'bearer' })
  await form.locator('input:focus').waitFor()
  await page.keyboard.insertText(token)
  await form.getByRole('button', { name: 'Apply credentials' }).click()
  await form.getByText('Authorized').waitFor()
  await form.getByRole('button', { name: 'Close' }).click()
}

const screenshot = (page: Page, name: string) =>
  page.screenshot({ path: join(SCREENSHOTS, `${name}.png`), fullPage: true })

/** From 0 for black to 255 for white, of `rgb(r, g, b)`. */
const brightness = (colour: string): number => {
  const [red = 0, green = 0, blue = 0] = (colour.match(/\d+/g) ?? []).map(Number)
  return (red + green + blue) / 3
}
