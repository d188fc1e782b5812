import { expect, test } from 'bun:test'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Locator, Page } from 'playwright-core'
import { addAccount } from '../support/accounts.ts'
import { PASSWORD, bearer, clientOf } from '../support/app.ts'
import { type Service, UNLIMITED } from '../support/binary.ts'
import { STEP_MS_MAX, type Visit, useService, waitForTrue } from './chromium.ts'

export const OWNER = { username: 'own', password: PASSWORD }

/** Operations that create something, or only start it. */
const STATUS: Readonly<Record<string, number>> = {
  'POST /v1/backups': 202,
  'POST /v1/log/verification': 202,
  'POST /v1/grants': 201,
}

/** A service with an owner, who can make backups. */
export const useOwnedService = (prepare: (service: Service) => Promise<void> = async () => {}) =>
  useService({ env: { ...UNLIMITED, BACKUP_DIR: 'backups' } }, async (started) => {
    const { folder } = started
    mkdirSync(join(folder, 'backups'))
    await addAccount(OWNER.username, { role: 'owner', folder })
    await prepare(started)
  })

/** A page with many operations is slow, and a busy machine makes it slower. */
const WALK_MS_MAX = 15 * 60_000

/** Tests Swagger UI: all operations that answer without input, of each kind of caller. */
export const testSwagger = (
  device: string,
  service: () => Service,
  open: () => Promise<Visit>,
): void => {
  test('Swagger UI shows every operation of the document with every other host out of reach [I6]', async () => {
    await using seen = await open()
    const { page } = seen
    await openSwagger(page)
    const shown: string[] = []
    for (const group of await page.locator('.opblock-tag').all()) {
      await group.click()
      shown.push(...(await page.evaluate<string[]>(SHOWN_OPERATIONS)))
      await group.click()
    }
    const operations = await documentedOperations(service())
    expect(operations.length).toBeGreaterThan(8)
    expect(shown.toSorted()).toEqual(operations.toSorted())
    expect(await page.locator('.topbar, .servers, .errors-wrapper').count()).toBe(0)
    const titles = page
      .getByRole('heading', { level: 1 })
      .or(page.getByRole('heading', { level: 2 }))
    expect(await titles.allInnerTexts()).toEqual([expect.stringMatching(/^API \d+\.\d+/)])
    expectCalm(seen)
  })

  testWalkOfMember(device, service, open)

  test(
    'with the token of an owner, every operation of an owner and the tables answer too',
    async () => {
      await using seen = await open()
      const { page } = seen
      await openSwagger(page)
      const loggedIn = await execute(page, 'POST /login', OWNER)
      await authorize(page, tokenOf(loggedIn.body))
      const documented = await documentedOperations(service(), ['tables', 'admin', 'owner'])
      expect(documented).toContain('GET /getLogs')
      for (const operation of documented)
        expect([operation, await tryOut(page, operation)]).toEqual([
          operation,
          STATUS[operation] ?? 200,
        ])
      // The example of `PATCH /v1/settings` forbids the registrations of the tests that follow.
      const everybody = { registration: 'open' }
      const token = bearer(tokenOf(loggedIn.body))
      const { patch } = clientOf(service().url)
      expect((await patch('/v1/settings', everybody, token)).status).toBe(200)
      expectCalm(seen)
    },
    WALK_MS_MAX,
  )
}

/** Tests what a member does in Swagger UI: all operations that answer without input, or that many. */
export const testWalkOfMember = (
  device: string,
  service: () => Service,
  open: () => Promise<Visit>,
  operationsMax?: number,
): void => {
  test(
    'a person registers, logs in, pastes the token once, and every operation of a member answers 200 [I6]',
    async () => {
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
      const reads = (await documentedOperations(service(), ['public', 'member'])).filter(
        (operation) => operation.startsWith('GET'),
      )
      for (const operation of reads.slice(0, operationsMax))
        expect([operation, await tryOut(page, operation)]).toEqual([operation, 200])
      expectCalm(seen)
    },
    WALK_MS_MAX,
  )
}

export const expectCalm = ({ faults, foreign }: Visit): void => {
  expect({ faults, foreign }).toEqual({ faults: [], foreign: [] })
}

export const post = async (
  url: string,
  path: string,
  body: unknown,
  token?: string,
): Promise<unknown> => {
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

export const tokenOf = (answer: unknown): string => {
  const { access_token: token } = answer as { access_token?: unknown }
  expect(token).toBeString()
  return String(token)
}

type Operation = {
  readonly 'x-access': string
  readonly tags: readonly [string]
  readonly parameters?: readonly { readonly required: boolean }[]
  readonly responses: Readonly<Record<string, { readonly content?: object }>>
}

/** The names of the operations of the OpenAPI document. With `access`, those of these callers that answer
 * without any input. */
const documentedOperations = async (
  { url }: Service,
  access?: readonly string[],
): Promise<string[]> =>
  [...(await documented(url))]
    .filter(
      ([, operation]) =>
        !access || (access.includes(operation['x-access']) && needsNoInput(operation)),
    )
    .map(([name]) => name)

/** The operations of the OpenAPI document by name, such as `POST /login`. */
const documented = (url: string): Promise<ReadonlyMap<string, Operation>> => {
  const { origin } = new URL(url)
  const known = documents.get(origin) ?? readDocument(origin)
  documents.set(origin, known)
  return known
}

const documents = new Map<string, Promise<ReadonlyMap<string, Operation>>>()

const readDocument = async (url: string): Promise<ReadonlyMap<string, Operation>> => {
  const answer = await fetch(new URL('/swagger/json', url))
  const { paths } = (await answer.json()) as {
    readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  }
  return new Map(
    Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => [
        `${method.toUpperCase()} ${path}`,
        operation,
      ]),
    ),
  )
}

/** Whether an operation answers without any input, and its answer ends. */
const needsNoInput = ({ parameters = [], responses }: Operation): boolean =>
  !parameters.some(({ required }) => required) &&
  !('text/event-stream' in (responses['200']?.content ?? {}))

/** Opens Swagger UI, which is folded. */
export const openSwagger = async (page: Page): Promise<void> => {
  await page.addInitScript({ content: KEEP_UI })
  await page.goto('/swagger')
  await page.locator('.opblock-tag').first().waitFor()
  expect(await page.locator('.opblock').count()).toBe(0)
}

/** Makes the page's Swagger UI `ui`. */
const KEEP_UI = `{
  let bundle
  Object.defineProperty(window, 'SwaggerUIBundle', {
    get: () => bundle,
    set: (given) => {
      bundle = Object.assign((options) => (window.ui = given(options)), given)
    },
  })
}`

/** Unfolds every group of operations. The page must be as high as all of them: of more than 150 operations and
 * groups, Swagger UI renders only those near the screen. */
export const unfoldAll = async (page: Page): Promise<void> => {
  for (const group of await page.locator('.opblock-tag').all()) await group.click()
  const { size } = await documented(page.url())
  await waitForTrue(page, `document.querySelectorAll('.opblock').length === ${size}`)
}

/** Unfolds the group of an operation and folds the others: while all are unfolded, each step takes a second. */
const unfold = async (page: Page, operation: string): Promise<Locator> => {
  const tag = String((await documented(page.url())).get(operation)?.tags[0])
  const groupOf = (name: string) => page.locator(`.opblock-tag[data-tag="${name}"]`)
  const open = await page.locator('.opblock-tag[data-is-open="true"]').all()
  const unfolded = await Promise.all(
    open.map(async (group) => String(await group.getAttribute('data-tag'))),
  )
  for (const name of unfolded) if (name !== tag) await groupOf(name).click()
  if (!unfolded.includes(tag)) await groupOf(tag).click()
  return block(page, operation)
}

/** The path is shown with zero-width spaces, so it is read from its data attribute. */
const SHOWN_OPERATIONS = `[...document.querySelectorAll('.opblock-summary')].map((summary) => [
  summary.querySelector('.opblock-summary-method').textContent,
  summary.querySelector('[data-path]').dataset.path,
].join(' '))`

export const block = (page: Page, operation: string): Locator => {
  const [method = '', path = ''] = operation.split(' ')
  return page
    .locator(`.opblock-${method.toLowerCase()}`)
    .filter({ has: page.locator(`[data-path="${path}"]`) })
}

/** Opens an operation, fills in its body, presses Execute and reads the answer from the page. */
export const execute = async (page: Page, operation: string, body?: unknown) => {
  const opened = await unfold(page, operation)
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
 * the operation again: a page with many open ones is slow. Done in the page, where a click costs a fifth of one of
 * the mouse. */
const tryOut = async (page: Page, operation: string): Promise<number> => {
  const tag = (await documented(page.url())).get(operation)?.tags[0]
  const [method = '', path] = operation.split(' ')
  const wanted = { tag, method: method.toLowerCase(), path }
  return Number.parseInt(await page.evaluate(`(${TRY_OUT})(${JSON.stringify(wanted)})`), 10)
}

const TRY_OUT = `async ({ tag, method, path }) => {
  const found = async (find, what) => {
    for (const endMs = performance.now() + ${STEP_MS_MAX}; performance.now() < endMs; ) {
      const element = find()
      if (element) return element
      await new Promise(requestAnimationFrame)
    }
    throw new Error('Swagger UI does not show ' + [method, path, what])
  }
  for (const group of document.querySelectorAll('.opblock-tag'))
    if ((group.dataset.isOpen === 'true') !== (group.dataset.tag === tag)) group.click()
  const shown = () => document
    .querySelector('.opblock-' + method + ' [data-path="' + path + '"]')
    ?.closest('.opblock')
  // Looked for anew each time: Swagger UI replaces what it shows.
  const part = (selector) => found(() => shown()?.querySelector(selector), selector)
  ;(await part('.opblock-summary-control')).click()
  // Before that, Swagger UI does not find the operation it shows.
  await found(() => ui.specSelectors.specResolvedSubtree(['paths', path, method]), 'resolved')
  ;(await part('button.execute')).click()
  const status = await part('.live-responses-table .response .response-col_status')
  const text = status.innerText
  ;(await part('.opblock-summary-control')).click()
  return text
}`

/** Presses Authorize and pastes at once: the token field must have the focus. */
const authorize = async (page: Page, token: string): Promise<void> => {
  await page.locator('.auth-wrapper .authorize').click()
  const form = page
    .locator('.auth-container')
    .filter({ has: page.locator('code', { hasText: /^bearer$/ }) })
  await form.locator('input:focus').waitFor()
  await page.keyboard.insertText(token)
  await form.getByRole('button', { name: 'Apply credentials' }).click()
  await form.getByText('Authorized').waitFor()
  await form.getByRole('button', { name: 'Close' }).click()
}
