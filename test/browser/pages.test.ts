import { describe, expect, test } from 'bun:test'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { BrowserContextOptions, Locator, Page } from 'playwright-core'
import { addAccount } from '../support/accounts.ts'
import { PASSWORD, bearer, clientOf } from '../support/app.ts'
import { type Service, UNLIMITED, runCommand, startService } from '../support/binary.ts'
import { recordedLog } from '../support/unlock-log.ts'
import { IS_LEFT_OUT, type Visit, useBrowser, useResource, useService, visit } from './chromium.ts'
import { DESK, PHONE, fitsEnlarged, inAllLooks } from './looks.ts'

const OWNER = { username: 'own', password: PASSWORD }
const MARKUP = '<script>alert(1)</script>'

/** How many operations are tried on a phone: they are the same, and only the page differs. */
const PHONE_OPERATIONS = 5

const DEVICES = [
  { device: 'desk', width: DESK.width, viewport: DESK, colorScheme: 'light' },
  { device: 'phone', width: PHONE.width, viewport: PHONE, colorScheme: 'dark' },
] as const

/** Operations that only start something. */
const STARTED: ReadonlySet<string> = new Set(['POST /v1/backups', 'POST /v1/log/verification'])

/** An open operation of Swagger UI needs more than 320 px. */
const SWAGGER_SIZES = [PHONE, DESK]

const browser = useBrowser()

const service = useService({ env: { ...UNLIMITED, BACKUP_DIR: 'backups' } }, async (started) => {
  const { folder } = started
  mkdirSync(join(folder, 'backups'))
  await addAccount(OWNER.username, { role: 'owner', folder })
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

    test('Swagger UI shows every operation of the document with every other host out of reach [I6]', async () => {
      await using seen = await open()
      const { page } = seen
      await openSwagger(page)
      const shown = await page.evaluate<string[]>(SHOWN_OPERATIONS)
      const operations = await documentedOperations()
      expect(operations.length).toBeGreaterThan(8)
      expect(shown.toSorted()).toEqual(operations.toSorted())
      expect(await page.locator('.topbar, .servers, .errors-wrapper').count()).toBe(0)
      const titles = page
        .getByRole('heading', { level: 1 })
        .or(page.getByRole('heading', { level: 2 }))
      expect(await titles.allInnerTexts()).toEqual([expect.stringMatching(/^API \d+\.\d+/)])
      expectCalm(seen)
    })

    test('a person registers, logs in, pastes the token once, and every operation of a member answers 200 [I6]', async () => {
      await using seen = await open()
      const { page } = seen
      await openSwagger(page)
      const username = `grace-${device}`
      const person = { username, password: PASSWORD, phone: '1', address: '1 Lock Lane' }
      const registered = await execute(page, 'POST /register', person)
      expect(registered).toEqual({ status: 200, body: { msg: 'User registered successfully' } })
      const loggedIn = await execute(page, 'POST /login', { username, password: PASSWORD })
      expect(loggedIn).toMatchObject({ status: 200, body: { token_type: 'Bearer' } })
      await authorize(page, tokenOf(loggedIn.body))

      const method = `Swagger UI on a ${device}`
      const logged = await execute(page, 'POST /logUnlocking', { 'unlocking-method': method })
      expect(logged).toEqual({
        status: 200,
        body: { msg: 'Unlocking process logged successfully' },
      })
      const reads = (await documentedOperations(['public', 'member'])).filter((operation) =>
        operation.startsWith('GET'),
      )
      for (const operation of reads.slice(0, device === 'desk' ? undefined : PHONE_OPERATIONS))
        expect([operation, await tryOut(page, operation)]).toEqual([operation, 200])
      expectCalm(seen)
    })

    test('with the token of an owner, every operation of an owner and the tables answer too', async () => {
      await using seen = await open()
      const { page } = seen
      await openSwagger(page)
      const loggedIn = await execute(page, 'POST /login', OWNER)
      await authorize(page, tokenOf(loggedIn.body))
      const documented = await documentedOperations(['tables', 'admin', 'owner'])
      expect(documented).toContain('GET /getLogs')
      const operations = documented.slice(0, device === 'desk' ? undefined : PHONE_OPERATIONS)
      for (const operation of operations)
        expect([operation, await tryOut(page, operation)]).toEqual([
          operation,
          STARTED.has(operation) ? 202 : 200,
        ])
      // The example of `PATCH /v1/settings` forbids the registrations of the tests that follow.
      const everybody = { registration: 'open' }
      const token = bearer(tokenOf(loggedIn.body))
      const { patch } = clientOf(service().url)
      expect((await patch('/v1/settings', everybody, token)).status).toBe(200)
      expectCalm(seen)
    })

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
      expect(Math.abs(Date.parse(String(time)) - before)).toBeLessThan(10_000)
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

describe.skipIf(IS_LEFT_OUT)('On every screen, in light and dark', () => {
  const PAGES = [
    { path: '/console', name: 'log-in' },
    { path: '/join', name: 'join' },
    { path: '/getLogs', name: 'unlocks' },
    { path: '/getUsers', name: 'accounts' },
    { path: '/swagger', name: 'api' },
    { path: '/manual', name: 'manual' },
    { path: '/manual/getting-started', name: 'manual-page' },
  ]

  test.each(PAGES)(
    '$path fits, follows the colours of the system and is accessible [I6]',
    async ({ path, name }) => {
      await using seen = await visit(browser(), service().url, { httpCredentials: OWNER })
      const { page } = seen
      await (path === '/swagger' ? openSwagger(page) : page.goto(path))
      await inAllLooks(page, name, {
        ...(path === '/swagger' && { sizes: SWAGGER_SIZES }),
        check: async ({ scheme }) => {
          const paper = await page.evaluate<string>(
            'getComputedStyle(document.body).backgroundColor',
          )
          expect(brightness(paper) > 128).toBe(scheme === 'light')
        },
      })
      await fitsEnlarged(page, name)
      expectCalm(seen)
    },
  )

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
    await block(page, 'POST /login').getByRole('tab', { name: 'Schema' }).last().click()
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

const expectCalm = ({ faults, foreign }: Visit): void => {
  expect({ faults, foreign }).toEqual({ faults: [], foreign: [] })
}

const post = async (url: string, path: string, body: unknown, token?: string): Promise<unknown> => {
  const answer = await fetch(url + path, {
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

/** The operations of the OpenAPI document, such as `POST /login`. With `access`, those of these
 * callers that answer without any input. */
const documentedOperations = async (access?: readonly string[]): Promise<string[]> => {
  const answer = await fetch(`${service().url}/swagger/json`)
  const { paths } = (await answer.json()) as {
    readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  }
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods)
      .filter(
        ([, operation]) =>
          !access || (access.includes(operation['x-access']) && needsNoInput(operation)),
      )
      .map(([method]) => `${method.toUpperCase()} ${path}`),
  )
}

/** Whether an operation answers without any input, and its answer ends. */
const needsNoInput = ({ parameters = [], responses }: Operation): boolean =>
  !parameters.some(({ required }) => required) &&
  !('text/event-stream' in (responses['200']?.content ?? {}))

const hrefs = async (page: Page): Promise<string[]> => {
  const links = await page.locator('a').all()
  return Promise.all(links.map(async (link) => String(await link.getAttribute('href'))))
}

/** Opens Swagger UI, which is folded, and unfolds all of it. */
const openSwagger = async (page: Page): Promise<void> => {
  await page.goto('/swagger')
  await page.locator('.opblock-tag').first().waitFor()
  expect(await page.locator('.opblock').count()).toBe(0)
  for (const group of await page.locator('.opblock-tag').all()) await group.click()
  await page.locator('.opblock').first().waitFor()
}

/** The path is shown with zero-width spaces, so it is read from its data attribute. */
const SHOWN_OPERATIONS = `[...document.querySelectorAll('.opblock-summary')].map((summary) => [
  summary.querySelector('.opblock-summary-method').textContent,
  summary.querySelector('[data-path]').dataset.path,
].join(' '))`

const block = (page: Page, operation: string): Locator => {
  const [method = '', path = ''] = operation.split(' ')
  return page
    .locator(`.opblock-${method.toLowerCase()}`)
    .filter({ has: page.locator(`[data-path="${path}"]`) })
}

/** Opens an operation, fills in its body, presses Execute and reads the answer from the page. */
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

/** Opens an operation that needs no input, presses Execute, reads the status of the answer and closes
 * the operation again: a page with many open ones is slow. */
const tryOut = async (page: Page, operation: string): Promise<number> => {
  const opened = block(page, operation)
  const summary = opened.locator('.opblock-summary-control')
  await summary.click()
  await opened.locator('button.execute').click()
  const status = opened.locator('.live-responses-table .response .response-col_status').first()
  const text = await status.innerText()
  await summary.click()
  return Number.parseInt(text, 10)
}

/** Presses Authorize and pastes at once: the token field must have the focus. */
const authorize = async (page: Page, token: string): Promise<void> => {
  await page.locator('.auth-wrapper .authorize').click()
  const form = page.locator('.auth-container').filter({ hasText: 'bearer' })
  await form.locator('input:focus').waitFor()
  await page.keyboard.insertText(token)
  await form.getByRole('button', { name: 'Apply credentials' }).click()
  await form.getByText('Authorized').waitFor()
  await form.getByRole('button', { name: 'Close' }).click()
}

/** From 0 for black to 255 for white, of `rgb(r, g, b)`. */
const brightness = (colour: string): number => {
  const [red = 0, green = 0, blue = 0] = (colour.match(/\d+/g) ?? []).map(Number)
  return (red + green + blue) / 3
}
